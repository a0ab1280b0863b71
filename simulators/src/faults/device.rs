//! The faults of one device, as its time goes by.

use super::Faults;
use crate::city::Property;
use rand::{Rng, SeedableRng, rngs::SmallRng};

/// A device that things go wrong with. Same seed, same faults.
#[derive(Clone, Debug)]
pub struct DeviceFaults {
    faults: Faults,
    random: SmallRng,
    born_us: i64,
    last_us: i64,
    drift_ppm: f64,
    stepped_us: i64,
    dropout_until_us: i64,
    stuck_until_us: i64,
    stuck_at: Vec<f64>,
    outage_until_us: i64,
}

/// A measurement as the faults leave it.
#[derive(Clone, Debug, PartialEq)]
pub struct Disturbed {
    /// The time by the device's clock, µs since 1970 UTC.
    pub time_us: i64,
    /// Whether the platform may well reject it.
    pub doubtful: bool,
}

/// How far a clock may be ahead before its readings count as doubtful, µs.
const AHEAD_US_MAX: i64 = 30_000_000;

impl DeviceFaults {
    /// The faults of one device from a time on (µs since 1970 UTC).
    pub fn new(faults: Faults, seed: u64, born_us: i64) -> Self {
        let mut random = SmallRng::seed_from_u64(seed);
        let drift_ppm = random.random_range(-1.0..=1.0) * faults.drift_ppm_max;
        Self {
            faults,
            random,
            born_us,
            last_us: born_us,
            drift_ppm,
            stepped_us: 0,
            dropout_until_us: i64::MIN,
            stuck_until_us: i64::MIN,
            stuck_at: Vec::new(),
            outage_until_us: i64::MIN,
        }
    }

    /// What becomes of true values measured at a true time; NaN is a value that the
    /// instrument doesn't give. None if it gives nothing at all.
    pub fn disturb(
        &mut self,
        time_us: i64,
        properties: &[Property],
        values: &mut [f64],
    ) -> Option<Disturbed> {
        let hours = (time_us - self.last_us).max(0) as f64 / 3.6e9;
        self.last_us = time_us;
        self.begin_spells(time_us, hours);
        if time_us < self.dropout_until_us {
            return None;
        }
        if time_us < self.stuck_until_us {
            if self.stuck_at.is_empty() {
                self.stuck_at.extend_from_slice(values);
            }
            values.copy_from_slice(&self.stuck_at);
        }
        let outside = self.bend(properties, values);
        let clock_us = self.clock_us(time_us);
        Some(Disturbed {
            time_us: clock_us,
            doubtful: outside || clock_us > time_us + AHEAD_US_MAX,
        })
    }

    /// Whether the device is cut off from the platform at a true time.
    pub fn is_cut_off(&self, time_us: i64) -> bool {
        time_us < self.outage_until_us
    }

    /// Until when the device is cut off, µs since 1970 UTC.
    pub fn cut_off_until_us(&self) -> i64 {
        self.outage_until_us
    }

    /// Whether a message that was acknowledged is to be sent once more.
    pub fn repeats(&mut self) -> bool {
        self.draw(self.faults.duplicate)
    }

    /// Whether a message that is no reading is to be sent now, and which.
    pub fn malformed(&mut self) -> Option<Vec<u8>> {
        self.draw(self.faults.malformed).then(|| {
            let all: [&[u8]; 6] = [
                b"",
                b"{",
                b"\xff\xfe\x00",
                br#"{"readings": 12,5}"#,
                br#"{"readings": {"temperature": "warm"}}"#,
                b"null",
            ];
            all[self.random.random_range(0..all.len())].to_vec()
        })
    }

    fn begin_spells(&mut self, time_us: i64, hours: f64) {
        let dropout = self.spell(self.faults.dropout_per_hour * hours, self.faults.dropout_s);
        let stuck = self.spell(self.faults.stuck_per_hour * hours, self.faults.stuck_s);
        let outage = self.spell(self.faults.outage_per_hour * hours, self.faults.outage_s);
        if let Some(length_us) = dropout {
            self.dropout_until_us = self.dropout_until_us.max(time_us + length_us);
        }
        if let Some(length_us) = outage {
            self.outage_until_us = self.outage_until_us.max(time_us + length_us);
        }
        if let Some(length_us) = stuck {
            self.stuck_until_us = time_us + length_us;
            self.stuck_at.clear();
        }
        if self.draw(self.faults.step_per_hour * hours) {
            let part = self.random.random_range(-1.0..=1.0);
            self.stepped_us = (part * self.faults.step_s_max * 1e6) as i64;
        }
    }

    /// The length of a spell, µs, if one begins; exponential about its mean.
    fn spell(&mut self, chance: f64, mean_s: f64) -> Option<i64> {
        self.draw(chance).then(|| {
            let part: f64 = self.random.random_range(0.0..1.0);
            (-(1.0 - part).ln() * mean_s * 1e6) as i64
        })
    }

    /// Spikes and values out of range; says whether there was one of the latter.
    fn bend(&mut self, properties: &[Property], values: &mut [f64]) -> bool {
        let mut outside = false;
        for (property, value) in properties.iter().zip(values) {
            let (min, max) = property.range();
            if self.draw(self.faults.spike) {
                let part = self.random.random_range(0.5..1.0);
                *value = property.round(*value + (max - *value) * part);
            }
            if self.draw(self.faults.out_of_range) {
                *value = max + (max - min);
                outside = true;
            }
        }
        outside
    }

    /// What the device's clock says, in whole ms.
    fn clock_us(&self, time_us: i64) -> i64 {
        let age_us = (time_us - self.born_us) as f64;
        let drift_us = (age_us * self.drift_ppm / 1e6) as i64;
        (time_us + drift_us + self.stepped_us).div_euclid(1_000) * 1_000
    }

    fn draw(&mut self, chance: f64) -> bool {
        chance > 0.0 && self.random.random_bool(chance.min(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::Preset;
    use proptest::prelude::*;

    const PROPERTIES: [Property; 2] = [Property::Temperature, Property::Humidity];
    const MINUTE_US: i64 = 60_000_000;

    fn run(faults: &Faults, seed: u64, minutes: i64) -> Vec<Option<(Disturbed, Vec<f64>)>> {
        let mut device = DeviceFaults::new(faults.clone(), seed, 0);
        (0..minutes)
            .map(|minute| {
                let mut values = vec![minute as f64 / 1e3, 50.0];
                device
                    .disturb(minute * MINUTE_US, &PROPERTIES, &mut values)
                    .map(|disturbed| (disturbed, values))
            })
            .collect()
    }

    proptest! {
        #[test]
        fn same_seed_same_faults(seed in any::<u64>()) {
            let faults = Faults::preset(Preset::Harsh);
            prop_assert_eq!(run(&faults, seed, 500), run(&faults, seed, 500));
        }

        #[test]
        fn a_perfect_world_changes_nothing(seed in any::<u64>()) {
            for (minute, result) in run(&Faults::default(), seed, 200).into_iter().enumerate() {
                let (disturbed, values) = result.unwrap();
                prop_assert_eq!(disturbed.time_us, minute as i64 * MINUTE_US);
                prop_assert_eq!(values, vec![minute as f64 / 1e3, 50.0]);
                prop_assert!(!disturbed.doubtful);
            }
        }

        #[test]
        fn only_what_is_out_of_range_or_ahead_is_doubtful(seed in any::<u64>()) {
            let faults = Faults { spike: 0.3, out_of_range: 0.1, ..Faults::default() };
            for (disturbed, values) in run(&faults, seed, 200).into_iter().flatten() {
                let inside = PROPERTIES.iter().zip(&values).all(|(property, value)| {
                    let (min, max) = property.range();
                    (min..=max).contains(value)
                });
                prop_assert_eq!(disturbed.doubtful, !inside);
            }
        }
    }

    #[test]
    fn faults_strike_about_as_often_as_they_are_set() {
        let faults = Faults {
            dropout_per_hour: 1.0,
            dropout_s: 360.0,
            ..Faults::default()
        };
        let silent = run(&faults, 5, 60_000)
            .iter()
            .filter(|r| r.is_none())
            .count();
        // A tenth of the time, and a little less since dropouts overlap.
        assert!((4_500..7_500).contains(&silent), "{silent}");
    }

    #[test]
    fn a_stuck_instrument_repeats_itself_and_recovers() {
        let faults = Faults {
            stuck_per_hour: 0.5,
            stuck_s: 1_800.0,
            ..Faults::default()
        };
        let values: Vec<f64> = run(&faults, 1, 2_000)
            .into_iter()
            .flatten()
            .map(|r| r.1[0])
            .collect();
        let repeats = values.windows(2).filter(|pair| pair[0] == pair[1]).count();
        assert!((100..900).contains(&repeats), "{repeats}");
    }

    #[test]
    fn a_clock_drifts_and_is_set() {
        let faults = Faults {
            drift_ppm_max: 100.0,
            step_per_hour: 0.2,
            step_s_max: 600.0,
            ..Faults::default()
        };
        let runs = run(&faults, 3, 5_000);
        let away = |at: usize| runs[at].as_ref().unwrap().0.time_us - at as i64 * MINUTE_US;
        assert_eq!(away(0), 0);
        let farthest = (0..5_000).map(|at| away(at).abs()).max().unwrap();
        assert!((10_000_000..700_000_000).contains(&farthest), "{farthest}");
    }

    #[test]
    fn an_outage_begins_and_ends() {
        let faults = Faults {
            outage_per_hour: 1.0,
            outage_s: 600.0,
            ..Faults::default()
        };
        let mut device = DeviceFaults::new(faults, 8, 0);
        let mut cut_off = 0;
        for minute in 0..3_000 {
            device.disturb(minute * MINUTE_US, &PROPERTIES, &mut [1.0, 2.0]);
            cut_off += u32::from(device.is_cut_off(minute * MINUTE_US));
        }
        assert!((150..1_000).contains(&cut_off), "{cut_off}");
    }
}
