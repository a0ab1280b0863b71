//! What happened to a board, and whether the platform has it.

use super::World;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// A line that an instrument wrote before it gave its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// When: hundredths of a second since this machine started.
    pub world_cs: i64,
    /// The datastream.
    pub channel: String,
    /// The value in its last decimal place; no instrument gives one twice.
    pub scaled: i64,
}

/// A line that the device wrote when a reading was in its flash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// The number of the boot.
    pub boot: u64,
    /// The reading's number.
    pub seq: u64,
    /// The datastream.
    pub channel: String,
    /// The value in its last decimal place.
    pub scaled: i64,
    /// How many decimals it has.
    pub decimals: u32,
    /// The quality's code.
    pub quality: u64,
}

/// A ledger as it stands.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// What the instruments measured.
    pub measured: Vec<Measured>,
    /// What the device has kept.
    pub queued: Vec<Queued>,
    /// How often the broker let it in.
    pub connections: usize,
    /// The deepest its stack has been, bytes.
    pub stack_bytes: u64,
}

impl Ledger {
    /// Reads one.
    pub(super) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("the board's ledger");
        let mut ledger = Self::default();
        for line in text.lines() {
            ledger.take(line);
        }
        ledger
    }

    fn take(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number =
            |at: usize| -> i64 { words[at].parse().unwrap_or_else(|_| panic!("{line:?}")) };
        match words[0] {
            "measured" => self.measured.push(Measured {
                world_cs: number(1),
                channel: words[2].into(),
                scaled: number(3),
            }),
            "queued" => self.queued.push(Queued {
                boot: number(1) as u64,
                seq: number(2) as u64,
                channel: words[3].into(),
                scaled: number(4),
                decimals: number(5) as u32,
                quality: number(6) as u64,
            }),
            "connected" => self.connections += 1,
            "stack" => self.stack_bytes = self.stack_bytes.max(number(1) as u64),
            other => panic!("a line about {other:?}"),
        }
    }

    /// Compares what the platform has stored of this device with this ledger, reading by reading.
    /// Only of what was queued `before` too it is expected to be there.
    pub fn compare(&self, before: &Ledger, stored: Vec<Value>) -> Comparison {
        let mut comparison = Comparison::default();
        let mut by_number = BTreeMap::new();
        for reading in stored {
            let number = |name: &str| reading[name].as_u64().expect("boot and seq");
            let key = (number("boot"), number("seq"));
            if by_number.insert(key, reading).is_some() {
                comparison.twice.push(key);
            }
        }
        let not_stored = |queued: &&Queued| !by_number.contains_key(&queued.key());
        comparison.missing = before.queued.iter().filter(not_stored).cloned().collect();
        let queued: BTreeMap<_, _> = self.queued.iter().map(|one| (one.key(), one)).collect();
        for (key, reading) in &by_number {
            match queued.get(key) {
                Some(queued) if !queued.is(reading) => comparison.different.push(reading.clone()),
                Some(_) => {}
                // The power may have gone between the write to the flash and that to the
                // ledger; of the instruments' readings the measurement stands there.
                None if is_of_instrument(reading) && !self.was_measured(reading) => {
                    comparison.foreign.push(reading.clone());
                }
                None => {}
            }
        }
        comparison.values_twice = values_twice(by_number.values());
        comparison.stored = by_number.into_values().collect();
        comparison
    }

    fn was_measured(&self, reading: &Value) -> bool {
        self.measured.iter().any(|one| one.is(reading))
    }

    /// How many of the instruments' values are not stored.
    pub fn unstored(&self, comparison: &Comparison) -> usize {
        let measured = self.measured.iter();
        let stored = |one: &&Measured| comparison.stored.iter().any(|reading| one.is(reading));
        measured.filter(|one| !stored(one)).count()
    }

    /// By how much the stored times of the instruments' readings differ from the world's: µs.
    pub fn time_errors(&self, comparison: &Comparison, world: &World) -> TimeErrors {
        let errors = comparison.stored.iter().filter_map(|reading| {
            let measured = self.measured.iter().find(|one| one.is(reading))?;
            let stored_us = unix_us(reading["time"].as_str()?);
            Some((stored_us - world.at_us(measured.world_cs)).abs())
        });
        let mut sorted_us: Vec<i64> = errors.collect();
        sorted_us.sort_unstable();
        TimeErrors { sorted_us }
    }
}

/// Differences between stored times and the world's.
#[derive(Clone, Debug)]
pub struct TimeErrors {
    sorted_us: Vec<i64>,
}

impl TimeErrors {
    /// How many readings were compared.
    pub fn count(&self) -> usize {
        self.sorted_us.len()
    }

    /// The error that half of them are below, µs: how wrong the device's clock was.
    pub fn median_us(&self) -> i64 {
        self.sorted_us[self.sorted_us.len() / 2]
    }

    /// The largest, µs. An emulator that stands still between the look at the clock and the
    /// measurement makes it larger than the clock's error.
    pub fn worst_us(&self) -> i64 {
        self.sorted_us.last().copied().unwrap_or(0)
    }
}

/// What a comparison found.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// All that is stored.
    pub stored: Vec<Value>,
    /// Queued and not stored.
    pub missing: Vec<Queued>,
    /// Stored with another value.
    pub different: Vec<Value>,
    /// Stored under a number twice.
    pub twice: Vec<(u64, u64)>,
    /// Values that no instrument gave twice and that are stored twice.
    pub values_twice: Vec<Value>,
    /// Stored and never measured.
    pub foreign: Vec<Value>,
}

impl Comparison {
    /// Fails unless everything that was queued is stored once, as it was, and nothing else.
    pub fn assert_whole(&self) {
        assert!(
            self.missing.is_empty(),
            "missing: {:?}",
            self.first_missing()
        );
        self.assert_sound();
    }

    /// Fails if anything is stored twice, changed, or out of nowhere.
    pub fn assert_sound(&self) {
        assert!(self.twice.is_empty(), "stored twice: {:?}", self.twice);
        assert!(
            self.values_twice.is_empty(),
            "values stored twice: {:?}",
            self.values_twice
        );
        assert!(self.different.is_empty(), "changed: {:?}", self.different);
        assert!(
            self.foreign.is_empty(),
            "never measured: {:?}",
            self.foreign
        );
    }

    fn first_missing(&self) -> (usize, &[Queued]) {
        let count = self.missing.len();
        (count, &self.missing[..count.min(5)])
    }
}

impl Queued {
    fn key(&self) -> (u64, u64) {
        (self.boot, self.seq)
    }

    fn is(&self, reading: &Value) -> bool {
        let value = self.scaled as f64 / 10f64.powi(self.decimals as i32);
        reading["datastream"] == self.channel.as_str() && reading["value"].as_f64() == Some(value)
    }
}

impl Measured {
    fn is(&self, reading: &Value) -> bool {
        // As the instruments of the firmware's `emulator` have them.
        let decimals = if self.channel == "level" { 3 } else { 0 };
        let value = self.scaled as f64 / 10f64.powi(decimals);
        reading["datastream"] == self.channel.as_str() && reading["value"].as_f64() == Some(value)
    }
}

fn is_of_instrument(reading: &Value) -> bool {
    ["count", "level"].contains(&reading["datastream"].as_str().unwrap_or_default())
}

fn values_twice<'a>(stored: impl Iterator<Item = &'a Value>) -> Vec<Value> {
    let mut seen = BTreeSet::new();
    stored
        .filter(|reading| is_of_instrument(reading) && reading["quality"] != "missing")
        .filter(|reading| {
            let value = reading["value"].as_f64().map(f64::to_bits);
            !seen.insert((reading["datastream"].to_string(), value))
        })
        .cloned()
        .collect()
}

/// Microseconds since 1970 of the API's own times, `2026-11-22T06:00:00.000000Z`.
fn unix_us(time: &str) -> i64 {
    let part = |from: usize, to: usize| -> i64 {
        time[from..to]
            .parse()
            .unwrap_or_else(|_| panic!("{time:?}"))
    };
    let (year, month, day) = (part(0, 4), part(5, 7), part(8, 10));
    // Days from a year that begins in March, so that the leap day is its last.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days =
        365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 719_469;
    let seconds = ((days * 24 + part(11, 13)) * 60 + part(14, 16)) * 60 + part(17, 19);
    seconds * 1_000_000 + part(20, 26)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        assert_eq!(unix_us("1970-01-01T00:00:00.000000Z"), 0);
        assert_eq!(
            unix_us("2026-11-22T06:00:00.000001Z"),
            1_795_327_200_000_001
        );
        assert_eq!(
            unix_us("2024-02-29T23:59:59.500000Z"),
            1_709_251_199_500_000
        );
    }

    #[test]
    fn lines_are_read() {
        let mut ledger = Ledger::default();
        ledger.take("measured 123456 count 17      ");
        ledger.take("queued 7 1234 level 3021 3 0  ");
        ledger.take("stack 4321 ");
        assert_eq!(ledger.measured[0].scaled, 17);
        assert_eq!((ledger.queued[0].seq, ledger.queued[0].decimals), (1234, 3));
        assert_eq!(ledger.stack_bytes, 4321);
    }
}
