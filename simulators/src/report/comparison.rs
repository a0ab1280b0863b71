//! A device's book beside what the API returns, reading by reading.

use super::{Audit, Fate, Ledger, ledger::Entry};
use serde::Deserialize;
use std::collections::HashMap;

/// One reading as `GET /api/v1/readings` returns it.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct StoredReading {
    /// The device.
    pub device: String,
    /// The datastream.
    pub datastream: String,
    /// When it was measured, RFC 3339.
    pub time: jiff::Timestamp,
    /// Its value in the datastream's unit.
    pub value: Option<f64>,
    /// The device's boot counter, if it gave one.
    #[serde(default)]
    pub boot: Option<u64>,
    /// The sequence number of its message, if it gave one.
    #[serde(default)]
    pub seq: Option<u64>,
}

/// What a comparison found, in readings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Acknowledged and there, as sent.
    pub stored: u64,
    /// Acknowledged and not there.
    pub missing: u64,
    /// There more than once: each one too many.
    pub extra: u64,
    /// There with another time or value.
    pub different: u64,
    /// Acknowledged, doubtful, and not there.
    pub rejected: u64,
    /// There without an acknowledgement: a promise kept that wasn't given.
    pub unconfirmed: u64,
    /// Of this device but of none of the book's messages.
    pub foreign: u64,
    /// The first few of what is wrong.
    pub examples: Vec<String>,
}

/// A comparison under way; it takes the stored readings in any order.
#[derive(Debug)]
pub struct Comparison<'a> {
    ledger: &'a Ledger,
    tolerance: f64,
    /// How often each reading of the book was returned.
    seen: Vec<u8>,
    /// Messages by datastream, time and value, where there are no sequence numbers.
    by_time: HashMap<(usize, i64), Vec<usize>>,
    findings: Findings,
}

const EXAMPLES_MAX: usize = 5;

impl<'a> Comparison<'a> {
    /// Begins one. `tolerance` is the relative error allowed in a value: 0 where the device
    /// sent the datastream's own unit, a rounding error where the platform converts.
    pub fn new(ledger: &'a Ledger, tolerance: f64) -> Self {
        let datastreams = ledger.datastreams().len();
        let mut by_time: HashMap<_, Vec<usize>> = HashMap::new();
        if ledger.boot().is_none() {
            for message in 0..ledger.len() {
                for datastream in 0..datastreams {
                    if let Some(entry) = ledger.entry(message, datastream) {
                        let key = (datastream, entry.time_us);
                        by_time.entry(key).or_default().push(message);
                    }
                }
            }
        }
        Self {
            ledger,
            tolerance,
            seen: vec![0; ledger.len() * datastreams],
            by_time,
            findings: Findings::default(),
        }
    }

    /// One for each book.
    pub fn all(
        ledgers: &'a [Ledger],
        tolerance: f64,
    ) -> impl Iterator<Item = Box<dyn Audit + Send + 'a>> {
        let audit = move |ledger| Box::new(Self::new(ledger, tolerance)) as Box<dyn Audit + Send>;
        ledgers.iter().map(audit)
    }

    /// Takes one stored reading.
    pub fn see(&mut self, reading: &StoredReading) {
        let Some((message, datastream)) = self.place(reading) else {
            self.findings.foreign += 1;
            return;
        };
        let at = message * self.ledger.datastreams().len() + datastream;
        self.seen[at] = self.seen[at].saturating_add(1);
        let Some(entry) = self.ledger.entry(message, datastream) else {
            self.wrong(reading, "was never sent");
            self.findings.different += 1;
            return;
        };
        if self.seen[at] > 1 {
            self.findings.extra += 1;
            self.wrong(reading, "is stored more than once");
        } else if !self.agrees(&entry, reading) {
            self.findings.different += 1;
            let sent = format!("was sent as {} at {} µs", entry.value, entry.time_us);
            self.wrong(reading, &sent);
        } else if entry.fate == Fate::Acknowledged {
            self.findings.stored += 1;
        } else {
            self.findings.unconfirmed += 1;
        }
    }

    /// Ends it: what was acknowledged and not seen is missing.
    pub fn finish(mut self) -> Findings {
        let datastreams = self.ledger.datastreams().len();
        for at in 0..self.seen.len() {
            let (message, datastream) = (at / datastreams, at % datastreams);
            let Some(entry) = self.ledger.entry(message, datastream) else {
                continue;
            };
            if self.seen[at] > 0 || entry.fate != Fate::Acknowledged {
                continue;
            }
            if entry.doubtful {
                self.findings.rejected += 1;
                continue;
            }
            self.findings.missing += 1;
            if self.findings.examples.len() < EXAMPLES_MAX {
                self.findings.examples.push(format!(
                    "{} {} seq {}: {} at {} µs was acknowledged and is missing",
                    self.ledger.device(),
                    self.ledger.datastreams()[datastream],
                    self.ledger.seq_of(message, datastream),
                    entry.value,
                    entry.time_us,
                ));
            }
        }
        self.findings
    }

    /// The message and the datastream in the book that a stored reading stands for.
    fn place(&self, reading: &StoredReading) -> Option<(usize, usize)> {
        if *reading.device != **self.ledger.device() {
            return None;
        }
        let datastream = self
            .ledger
            .datastreams()
            .iter()
            .position(|name| **name == *reading.datastream)?;
        if let Some(boot) = self.ledger.boot() {
            let message = self.ledger.message_of_seq(reading.seq?, datastream)?;
            return (reading.boot == Some(boot)).then_some((message, datastream));
        }
        let key = (datastream, reading.time.as_microsecond());
        let messages = self.by_time.get(&key)?;
        let agrees = |message: &&usize| {
            let entry = self.ledger.entry(**message, datastream);
            entry.is_some_and(|entry| self.agrees(&entry, reading))
        };
        let message = messages.iter().find(agrees).or(messages.first())?;
        Some((*message, datastream))
    }

    fn agrees(&self, entry: &Entry, reading: &StoredReading) -> bool {
        let Some(value) = reading.value else {
            return false;
        };
        let error = (value - entry.value).abs();
        reading.time.as_microsecond() == entry.time_us
            && error <= self.tolerance * entry.value.abs().max(1.0)
    }

    fn wrong(&mut self, reading: &StoredReading, what: &str) {
        if self.findings.examples.len() < EXAMPLES_MAX {
            self.findings.examples.push(format!(
                "{} {} seq {:?}: {:?} at {} {what}",
                reading.device, reading.datastream, reading.seq, reading.value, reading.time,
            ));
        }
    }
}

impl Audit for Comparison<'_> {
    fn device(&self) -> &str {
        self.ledger.device()
    }

    fn span_us(&self) -> Option<(i64, i64)> {
        self.ledger.span_us()
    }

    fn see(&mut self, reading: &StoredReading) {
        Comparison::see(self, reading);
    }

    fn finish(self: Box<Self>) -> Findings {
        Comparison::finish(*self)
    }
}

#[cfg(test)]
mod tests;
