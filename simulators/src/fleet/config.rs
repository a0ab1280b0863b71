//! What a run of a fleet is to be.

use super::{FormatShare, Kind};
use crate::{faults::Faults, mqtt, report::VerifyConfig};

/// A run of a fleet.
#[derive(Clone, Debug)]
pub struct Config {
    /// How many devices.
    pub devices: u32,
    /// The devices' time at the start, µs since 1970 UTC.
    pub from_us: i64,
    /// How long they measure, µs of their time.
    pub duration_us: i64,
    /// How many of their seconds one of ours is; None for as fast as it goes.
    pub speed: Option<f64>,
    /// Seconds between two measurements; the kind of station decides if None.
    pub interval_s: Option<u32>,
    /// The kinds of stations, which take turns.
    pub kinds: Vec<Kind>,
    /// Decides city, devices and faults.
    pub seed: u64,
    /// The present, µs since 1970 UTC: no device's clock is ahead of it.
    pub now_us: i64,
    /// The boot counter of every foreign device.
    pub boot: u64,
    /// What the names begin with.
    pub prefix: String,
    /// Foreign devices that share a connection.
    pub devices_per_connection: u32,
    /// New connections a second.
    pub connects_per_s: u32,
    /// Threads that run devices; the machine's cores if None.
    pub threads: Option<u32>,
    /// Part of the foreign devices' connections that speak MQTT 5.
    pub mqtt5: f64,
    /// What the devices write, and how many of them. Those that write the compact format run
    /// the firmware's own code.
    pub formats: Vec<FormatShare>,
    /// What goes wrong.
    pub faults: Faults,
    /// How a foreign device's connection behaves, and how patient all are.
    pub courier: mqtt::Config,
    /// How long the platform may take to answer for the first time, s.
    pub connect_s_max: u64,
    /// Where to compare; None to leave it.
    pub verify: Option<VerifyConfig>,
    /// How many readings the books may hold, all together. A run that would exceed it is
    /// cut short.
    pub ledger_readings_max: u64,
}

impl Config {
    /// The default of `ledger_readings_max`: about 1 GB of books.
    pub const LEDGER_READINGS_MAX: u64 = 50_000_000;
}

impl Config {
    /// Cuts the run to what the books may hold.
    pub(super) fn shorten(&mut self) {
        let each_s: f64 = self
            .kinds
            .iter()
            .map(|kind| {
                let interval_s = self.interval_s.unwrap_or(kind.interval_s());
                kind.properties().len() as f64 / f64::from(interval_s)
            })
            .sum::<f64>()
            / self.kinds.len() as f64;
        let readings = each_s * f64::from(self.devices) * self.duration_us as f64 / 1e6;
        let part = self.ledger_readings_max as f64 / readings;
        if part < 1.0 {
            self.duration_us = (self.duration_us as f64 * part) as i64;
            tracing::warn!(
                seconds = self.duration_us / 1_000_000,
                ledger_readings_max = self.ledger_readings_max,
                "cut short: the devices' books can't hold more readings"
            );
        }
    }
}
