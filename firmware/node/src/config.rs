//! What a device is told when it is built or commissioned, and the bounds of it all.

use core::fmt;
use nhip_wire::name::{self, NameError};

/// What differs from device to device. Commands change periods and thresholds later.
#[derive(Clone, Copy, Debug)]
pub struct Config<'a> {
    /// The device's name, `[a-z0-9][a-z0-9_.-]{0,62}`; also its MQTT client id.
    pub device: &'a str,
    /// User name and password, where the broker asks for them.
    pub credentials: Option<(&'a str, &'a [u8])>,
    /// Readings that make a message worth sending.
    pub batch_readings: u32,
    /// How old the oldest unsent reading gets before it is sent anyway, s.
    pub batch_age_s: u32,
    /// How long readings may wait in RAM so that several share a flash record, s. A power cut
    /// loses what waits; 0 loses nothing and writes more.
    pub gather_s: u32,
    /// What times are rounded to, ms: 1000 makes the smallest messages.
    pub resolution_ms: u32,
    /// How often the device reports on itself, s; 0: never.
    pub health_period_s: u32,
    /// Sampling is delayed by up to so much, by another amount on each device, ms; 0 keeps
    /// samples at the full multiples of their period.
    pub sample_jitter_ms: u32,
    /// Messages go out by up to so much later once there is a batch, and earlier for their age,
    /// by another amount at each start of each device, ms: a fleet that measures at the full
    /// minute doesn't publish in one second. Half of `batch_age_s` at most counts; what crosses a
    /// threshold goes at once.
    pub send_jitter_ms: u32,
    /// No answer of a time source that says an earlier time is believed, s since 1970.
    pub not_before_s: u32,
    /// Seconds without traffic after which the broker gives the device up; pings keep it alive.
    pub keep_alive_s: u16,
}

/// When this firmware was built, s since 1970: `SOURCE_DATE_EPOCH` where a build sets it, else a day
/// before which this source didn't exist, 2026-11-01.
pub const BUILT_S: u32 = match option_env!("SOURCE_DATE_EPOCH") {
    Some(text) => match u32::from_str_radix(text, 10) {
        Ok(seconds) => seconds,
        Err(_) => SOURCE_S,
    },
    None => SOURCE_S,
};
const SOURCE_S: u32 = 1_793_491_200;

impl<'a> Config<'a> {
    /// The defaults, for a device of this name.
    pub const fn new(device: &'a str) -> Self {
        Self {
            device,
            credentials: None,
            batch_readings: 10,
            batch_age_s: 60,
            gather_s: 0,
            resolution_ms: 1000,
            health_period_s: 900,
            sample_jitter_ms: 0,
            send_jitter_ms: 30_000,
            not_before_s: BUILT_S,
            keep_alive_s: 60,
        }
    }

    /// What is wrong with it, first thing first.
    pub fn check(&self) -> Result<(), ConfigError> {
        name::check(self.device).map_err(ConfigError::Device)?;
        let between = |name, value: u32, min, max| match (min..=max).contains(&value) {
            true => Ok(()),
            false => Err(ConfigError::Range { name, min, max }),
        };
        between(
            "batch_readings",
            self.batch_readings,
            1,
            crate::flash::MESSAGE_READINGS_MAX,
        )?;
        between("batch_age_s", self.batch_age_s, 0, 86_400)?;
        between("gather_s", self.gather_s, 0, 3_600)?;
        between("resolution_ms", self.resolution_ms, 1, 60_000)?;
        between("health_period_s", self.health_period_s, 0, 86_400)?;
        between("sample_jitter_ms", self.sample_jitter_ms, 0, 60_000)?;
        between("send_jitter_ms", self.send_jitter_ms, 0, 3_600_000)?;
        between("keep_alive_s", self.keep_alive_s.into(), 10, 3_600)
    }
}

/// Why a configuration is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// The device's name is none.
    Device(NameError),
    /// A number is out of its range.
    Range {
        /// Which.
        name: &'static str,
        /// The smallest.
        min: u32,
        /// The largest.
        max: u32,
    },
    /// The instruments have too many channels, or are too many.
    Sensors,
    /// A channel's name is none, there twice or of the same FNV-1a hash (32 bits) as another, its unit is too long, or it has too many decimals.
    Channel(&'static str),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(error) => write!(f, "bad device name: {error}"),
            Self::Range { name, min, max } => write!(f, "{name} is from {min} to {max}"),
            Self::Sensors => write!(
                f,
                "a device has at most {} instruments and {} channels",
                crate::sensor::SENSORS_MAX,
                crate::reading::CHANNELS_MAX
            ),
            Self::Channel(name) => write!(
                f,
                "channel {name:?} is no name, repeated or with another's hash, of a unit over {} bytes, or too fine",
                crate::reading::UNIT_BYTES_MAX
            ),
        }
    }
}
