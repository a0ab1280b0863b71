//! One device: what it measures next, and its book.

use super::{Format, payload::Content};
use crate::{
    city::{City, Property, Site, noise},
    faults::{DeviceFaults, Faults},
    fleet::Kind,
    mqtt::Message,
    report::{Fate, Ledger},
};
use std::sync::Arc;

/// What a device is to be.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its name.
    pub name: Arc<str>,
    /// What kind of station it is.
    pub kind: Kind,
    /// Where it stands.
    pub site: Site,
    /// How it writes.
    pub format: Format,
    /// Its boot counter.
    pub boot: u64,
    /// How often it measures, s.
    pub interval_s: f64,
    /// What goes wrong with it.
    pub faults: Faults,
    /// Decides its jitter and its faults.
    pub seed: u64,
    /// Its first measurement falls into the interval from here on, µs since 1970 UTC.
    pub from_us: i64,
    /// It measures nothing from here on, µs since 1970 UTC.
    pub to_us: i64,
}

/// One measurement, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The message; its token is its number in the book.
    pub message: Message,
    /// How many readings are in it.
    pub readings: u64,
}

/// A device at work.
#[derive(Debug)]
pub struct Device {
    plan: Plan,
    faults: DeviceFaults,
    ledger: Ledger,
    topic: String,
    next_us: i64,
    values: Vec<f64>,
}

impl Device {
    /// Puts one up.
    pub fn new(plan: Plan) -> Self {
        let numbering = plan.format.numbering(plan.boot);
        let interval_us = plan.interval_s * 1e6;
        let phase = noise::unit(plan.seed, &[0]);
        Self {
            faults: DeviceFaults::new(plan.faults.clone(), plan.seed, plan.from_us),
            ledger: Ledger::new(plan.name.clone(), numbering, 0, plan.kind.datastreams()),
            topic: format!(
                "devices/{}/readings/{}",
                plan.name,
                plan.format.topic_level()
            ),
            next_us: plan.from_us + (phase * interval_us) as i64,
            values: vec![0.0; plan.kind.properties().len()],
            plan,
        }
    }

    /// When it measures next, µs since 1970 UTC; None if it is done.
    pub fn next_us(&self) -> Option<i64> {
        (self.next_us < self.plan.to_us).then_some(self.next_us)
    }

    /// When what it measures next can be sent: later than it is measured if the device is
    /// cut off by then.
    pub fn sendable_us(&self) -> Option<i64> {
        let next_us = self.next_us()?;
        Some(next_us.max(self.faults.cut_off_until_us().min(self.plan.to_us)))
    }

    /// Measures once; None if its faults left nothing.
    pub fn measure(&mut self, city: &City) -> Option<Reading> {
        let time_us = self.next_us;
        self.next_us = self.after(time_us);
        let properties: &[Property] = self.plan.kind.properties();
        for (value, property) in self.values.iter_mut().zip(properties) {
            *value = city.read(*property, &self.plan.site, time_us);
        }
        let disturbed = self.faults.disturb(time_us, properties, &mut self.values)?;
        let time_ms = disturbed.time_us.div_euclid(1_000);
        let number = self.ledger.enter(time_ms, &self.values, disturbed.doubtful);
        Some(self.reading(number, time_ms))
    }

    /// A message of the book once more, as it was.
    pub fn again(&self, number: usize) -> Option<Reading> {
        let datastreams = self.ledger.datastreams().len();
        let entries: Vec<_> = (0..datastreams)
            .map(|datastream| self.ledger.entry(number, datastream))
            .collect();
        let time_us = entries.iter().flatten().next()?.time_us;
        let values: Vec<f64> = entries
            .iter()
            .map(|entry| entry.map_or(f64::NAN, |entry| entry.value))
            .collect();
        Some(self.write(number, time_us.div_euclid(1_000), &values))
    }

    /// Notes an acknowledgement; says whether the message is to be sent once more.
    pub fn acknowledged(&mut self, number: usize) -> bool {
        self.ledger.settle(number, Fate::Acknowledged);
        self.faults.repeats()
    }

    /// Notes a refusal.
    pub fn refused(&mut self, number: usize) {
        self.ledger.settle(number, Fate::Refused);
    }

    /// A message that is no reading, if its faults want one now.
    pub fn malformed(&mut self) -> Option<Message> {
        self.faults.malformed().map(|payload| Message {
            topic: self.topic.clone(),
            payload,
            token: 0,
        })
    }

    /// What it is.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Its book.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Its book, when it has done its work.
    pub fn into_ledger(self) -> Ledger {
        self.ledger
    }

    fn reading(&self, number: usize, time_ms: i64) -> Reading {
        self.write(number, time_ms, &self.values)
    }

    fn write(&self, number: usize, time_ms: i64, values: &[f64]) -> Reading {
        let payload = self.plan.format.write(&Content {
            boot: self.plan.boot,
            seq: self.ledger.seq(number),
            time_ms,
            datastreams: self.ledger.datastreams(),
            values,
        });
        Reading {
            message: Message {
                topic: self.topic.clone(),
                payload,
                token: number as u64,
            },
            readings: self.ledger.readings(number),
        }
    }

    /// The interval, a twentieth more or less.
    fn after(&self, time_us: i64) -> i64 {
        let jitter = noise::unit(self.plan.seed, &[time_us]) - 0.5;
        let interval_us = self.plan.interval_s * 1e6 * (1.0 + 0.1 * jitter);
        time_us + (interval_us as i64).max(1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::Preset;
    use proptest::prelude::*;

    fn plan(seed: u64, preset: Preset) -> Plan {
        Plan {
            name: "air-1".into(),
            kind: Kind::Air,
            site: Site::new(106.7, 10.78, seed),
            format: Format::Json,
            boot: 3,
            interval_s: 60.0,
            faults: Faults::preset(preset),
            seed,
            from_us: 1_763_784_000_000_000,
            to_us: 1_763_784_000_000_000 + 3_600_000_000,
        }
    }

    fn messages(seed: u64, preset: Preset) -> Vec<Message> {
        let city = City::new(9);
        let mut device = Device::new(plan(seed, preset));
        let mut messages = Vec::new();
        while device.next_us().is_some() {
            messages.extend(device.measure(&city).map(|reading| reading.message));
        }
        messages
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn same_seed_same_messages(seed in any::<u64>()) {
            prop_assert_eq!(messages(seed, Preset::Harsh), messages(seed, Preset::Harsh));
        }
    }

    #[test]
    fn measures_at_its_interval_until_its_end() {
        let messages = messages(4, Preset::None);
        assert!((58..=62).contains(&messages.len()), "{}", messages.len());
    }

    #[test]
    fn repeats_a_message_as_it_was() {
        let city = City::new(1);
        let mut device = Device::new(plan(1, Preset::None));
        let first = device.measure(&city).unwrap();
        device.measure(&city).unwrap();
        assert_eq!(device.again(0), Some(first));
        assert_eq!(device.again(7), None);
    }

    #[test]
    fn what_is_measured_while_cut_off_waits_for_the_end_of_it() {
        let city = City::new(1);
        let mut plan = plan(1, Preset::None);
        plan.faults.outage_per_hour = 1e9;
        plan.faults.outage_s = 600.0;
        let mut device = Device::new(plan);
        device.measure(&city).unwrap();
        let next = device.next_us().unwrap();
        let measured: usize = (0..3).filter_map(|_| device.measure(&city)).count();
        assert_eq!(measured, 3);
        assert!(device.sendable_us().unwrap() > next);
    }
}
