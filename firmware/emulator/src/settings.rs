//! What an emulated board is told on the emulator's command line.

use crate::{arguments::Arguments, flash::SECTOR_BYTES};
use heapless::String;
use nhip_embassy::Host;

/// Longest name of a device, bytes.
pub const NAME_BYTES_MAX: usize = 63;
/// The flash's size unless told, sectors.
const SECTORS: usize = 16;
/// How often `count` is measured unless told, s.
const COUNT_PERIOD_S: u32 = 10;

/// The settings, by the names of the arguments. What is not there has its default; what can't
/// be read is as if it weren't there.
#[derive(Clone, Debug)]
pub struct Settings<'a> {
    /// `device`: its name, which must be there.
    pub device: String<NAME_BYTES_MAX>,
    /// `broker`: host and port, which must be there.
    pub broker: Host,
    /// `time`: host and port of the SNTP server, which must be there.
    pub time: Host,
    /// `flash`: the path of the flash's file, which must be there.
    pub flash: &'a str,
    /// `ledger`: the path of the ledger, which must be there.
    pub ledger: &'a str,
    /// `sectors`: size of the flash.
    pub flash_bytes: usize,
    /// `cut`: after so many bytes written or erased the power fails.
    pub cut_after: Option<u32>,
    /// `noise`: chooses the bits that a cut leaves.
    pub noise: u32,
    /// `count`: how often the instrument of that name measures, s.
    pub count_period_s: u32,
    /// `batch`: readings that make a message worth sending.
    pub batch_readings: Option<u32>,
    /// `age`: the oldest that an unsent reading gets, s.
    pub batch_age_s: Option<u32>,
    /// `keepalive`: seconds.
    pub keep_alive_s: Option<u16>,
}

impl<'a> Settings<'a> {
    /// From the command line; none if one that must be there isn't.
    pub fn from(arguments: Arguments<'a>) -> Option<Self> {
        Some(Self {
            device: String::try_from(arguments.get("device")?).ok()?,
            broker: arguments.parse("broker")?,
            time: arguments.parse("time")?,
            flash: arguments.get("flash")?,
            ledger: arguments.get("ledger")?,
            flash_bytes: arguments.parse("sectors").unwrap_or(SECTORS) * SECTOR_BYTES,
            cut_after: arguments.parse("cut"),
            noise: arguments.parse("noise").unwrap_or(1),
            count_period_s: arguments.parse("count").unwrap_or(COUNT_PERIOD_S),
            batch_readings: arguments.parse("batch"),
            batch_age_s: arguments.parse("age"),
            keep_alive_s: arguments.parse("keepalive"),
        })
    }
}
