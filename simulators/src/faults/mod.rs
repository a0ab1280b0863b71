//! What goes wrong in the field, with a rate for each, drawn from a seed.

mod device;
mod spells;

pub use device::{DeviceFaults, Disturbed};
pub use spells::{Spell, Spells};

use std::str::FromStr;

/// How often each fault strikes. All zero is a perfect world.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults {
    /// An instrument gives nothing for a while: times an hour.
    pub dropout_per_hour: f64,
    /// How long a dropout lasts on average, s.
    pub dropout_s: f64,
    /// An instrument repeats its last value for a while: times an hour.
    pub stuck_per_hour: f64,
    /// How long it is stuck on average, s.
    pub stuck_s: f64,
    /// Part of the readings that are spikes within the instrument's range.
    pub spike: f64,
    /// Part of the readings that are outside of the instrument's range.
    pub out_of_range: f64,
    /// The most that a device's clock drifts, parts per million.
    pub drift_ppm_max: f64,
    /// A device's clock is set forwards or backwards: times an hour.
    pub step_per_hour: f64,
    /// The most that it is set by, s.
    pub step_s_max: f64,
    /// A device is cut off, keeps measuring, and sends all later: times an hour.
    pub outage_per_hour: f64,
    /// How long it is cut off on average, s.
    pub outage_s: f64,
    /// All devices lose their connections at once: times an hour.
    pub storm_per_hour: f64,
    /// The power of a device goes, in the middle of whatever it does: times an hour.
    pub power_cut_per_hour: f64,
    /// How long it is gone on average, s.
    pub power_off_s: f64,
    /// Part of the acknowledgements that never reach the device.
    pub ack_lost: f64,
    /// Part of the messages that a foreign device sends once more after they were acknowledged.
    pub duplicate: f64,
    /// Messages of a foreign device that are no readings, for each one that is.
    pub malformed: f64,
}

/// Why a fault setting isn't one.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum FaultError {
    /// Not `name=rate`.
    #[error("{0:?} is not name=rate, as in duplicate=0.05")]
    Form(String),
    /// No fault of this name.
    #[error("there is no fault {0:?}; there are {known}", known = NAMES.join(", "))]
    Name(String),
    /// Not a number, or more than that can be.
    #[error("{name} is a number from 0 to {max}, not {rate:?}")]
    Rate {
        /// The fault.
        name: &'static str,
        /// The most that its rate can be.
        max: f64,
        /// What was given.
        rate: String,
    },
    /// It strikes foreign devices, and there are none.
    #[error(
        "the fault {0} strikes foreign devices only, and every device of this fleet runs the firmware: add some, as in --formats compact=9,json=1"
    )]
    Foreign(&'static str),
    /// It strikes devices that run the firmware, and there are none.
    #[error(
        "the fault {0} strikes devices that run the firmware only, and every device of this fleet is foreign: add some, as in --formats json=9,compact=1"
    )]
    Firmware(&'static str),
}

/// One setting: a fault's name and its rate.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultSetting {
    name: &'static str,
    rate: f64,
}

/// Faults in one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Preset {
    /// A perfect world.
    None,
    /// What a well-kept city sees.
    #[default]
    Ordinary,
    /// What a bad day in the rainy season looks like.
    Harsh,
}

/// Faults that strike foreign devices only: the firmware repeats by itself what it has to.
const FOREIGN: [&str; 2] = ["duplicate", "malformed"];
/// Faults that strike devices that run the firmware only.
const FIRMWARE: [&str; 3] = ["power_cut_per_hour", "power_off_s", "ack_lost"];

const NAMES: [&str; 17] = [
    "dropout_per_hour",
    "dropout_s",
    "stuck_per_hour",
    "stuck_s",
    "spike",
    "out_of_range",
    "drift_ppm_max",
    "step_per_hour",
    "step_s_max",
    "outage_per_hour",
    "outage_s",
    "storm_per_hour",
    "power_cut_per_hour",
    "power_off_s",
    "ack_lost",
    "duplicate",
    "malformed",
];

/// The most that a rate can be: once a second, a day long, all of them.
fn rate_max(name: &str) -> f64 {
    match name {
        _ if name.ends_with("_per_hour") => 3_600.0,
        "drift_ppm_max" => 10_000.0,
        "dropout_s" | "stuck_s" | "step_s_max" | "outage_s" | "power_off_s" => 86_400.0,
        _ => 1.0,
    }
}

impl Faults {
    /// The rates behind a word.
    pub fn preset(preset: Preset) -> Self {
        match preset {
            Preset::None => Self::default(),
            Preset::Ordinary => Self {
                dropout_per_hour: 0.02,
                dropout_s: 300.0,
                stuck_per_hour: 0.01,
                stuck_s: 900.0,
                spike: 0.000_5,
                drift_ppm_max: 20.0,
                outage_per_hour: 0.02,
                outage_s: 600.0,
                power_cut_per_hour: 0.02,
                power_off_s: 60.0,
                ack_lost: 0.000_5,
                duplicate: 0.002,
                ..Self::default()
            },
            Preset::Harsh => Self {
                dropout_per_hour: 0.5,
                dropout_s: 300.0,
                stuck_per_hour: 0.2,
                stuck_s: 900.0,
                spike: 0.005,
                out_of_range: 0.001,
                drift_ppm_max: 100.0,
                step_per_hour: 0.02,
                step_s_max: 3_600.0,
                outage_per_hour: 0.5,
                outage_s: 900.0,
                storm_per_hour: 1.0,
                power_cut_per_hour: 0.5,
                power_off_s: 120.0,
                ack_lost: 0.01,
                duplicate: 0.05,
                malformed: 0.001,
            },
        }
    }

    /// Changes one rate.
    pub fn set(&mut self, setting: &FaultSetting) {
        if let Some(rate) = self.rate_mut(setting.name) {
            *rate = setting.rate;
        }
    }

    fn rate_mut(&mut self, name: &str) -> Option<&mut f64> {
        Some(match name {
            "dropout_per_hour" => &mut self.dropout_per_hour,
            "dropout_s" => &mut self.dropout_s,
            "stuck_per_hour" => &mut self.stuck_per_hour,
            "stuck_s" => &mut self.stuck_s,
            "spike" => &mut self.spike,
            "out_of_range" => &mut self.out_of_range,
            "drift_ppm_max" => &mut self.drift_ppm_max,
            "step_per_hour" => &mut self.step_per_hour,
            "step_s_max" => &mut self.step_s_max,
            "outage_per_hour" => &mut self.outage_per_hour,
            "outage_s" => &mut self.outage_s,
            "storm_per_hour" => &mut self.storm_per_hour,
            "power_cut_per_hour" => &mut self.power_cut_per_hour,
            "power_off_s" => &mut self.power_off_s,
            "ack_lost" => &mut self.ack_lost,
            "duplicate" => &mut self.duplicate,
            "malformed" => &mut self.malformed,
            _ => return None,
        })
    }
}

impl FaultSetting {
    /// What is wrong with it in a fleet, where there is no device that it could strike.
    pub fn check(&self, has_foreign: bool, has_firmware: bool) -> Result<(), FaultError> {
        if self.rate > 0.0 && FOREIGN.contains(&self.name) && !has_foreign {
            return Err(FaultError::Foreign(self.name));
        }
        if self.rate > 0.0 && FIRMWARE.contains(&self.name) && !has_firmware {
            return Err(FaultError::Firmware(self.name));
        }
        Ok(())
    }
}

impl FromStr for FaultSetting {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let (name, rate) = text
            .split_once('=')
            .ok_or_else(|| FaultError::Form(text.to_owned()))?;
        let name = NAMES
            .into_iter()
            .find(|known| *known == name)
            .ok_or_else(|| FaultError::Name(name.to_owned()))?;
        let max = rate_max(name);
        let rate = rate
            .parse()
            .ok()
            .filter(|rate: &f64| (0.0..=max).contains(rate))
            .ok_or_else(|| FaultError::Rate {
                name,
                max,
                rate: rate.to_owned(),
            })?;
        Ok(Self { name, rate })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_sets_a_rate() {
        let mut faults = Faults::default();
        for name in NAMES {
            let setting: FaultSetting = format!("{name}=0.25").parse().unwrap();
            faults.set(&setting);
            assert_eq!(faults.rate_mut(name), Some(&mut 0.25));
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_setting() {
        let parse = |text: &str| text.parse::<FaultSetting>().unwrap_err();
        assert!(matches!(parse("spike"), FaultError::Form(_)));
        assert!(matches!(parse("spikes=1"), FaultError::Name(_)));
        for text in ["spike=-1", "spike=NaN", "spike=1.1", "outage_s=1e9"] {
            assert!(matches!(parse(text), FaultError::Rate { .. }), "{text}");
        }
        assert!("step_s_max=3600".parse::<FaultSetting>().is_ok());
    }
}
