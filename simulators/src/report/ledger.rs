//! A device's own book: every reading it sent, and whether it was acknowledged.

use std::sync::Arc;

/// What became of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fate {
    /// Not acknowledged, or not yet.
    #[default]
    Open,
    /// Acknowledged: the platform has it.
    Acknowledged,
    /// Refused with a reason: the platform doesn't have it.
    Refused,
}

/// How a device numbers what it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbering {
    /// Not at all: SenML has no sequence numbers.
    Absent,
    /// One number for all readings of a message (JSON).
    Message {
        /// The boot counter.
        boot: u64,
    },
    /// A number for each reading (compact): a message takes as many as the device has
    /// datastreams, and skips those of values that it doesn't have.
    Reading {
        /// The boot counter.
        boot: u64,
    },
}

/// The book of one device in one boot. Kept in columns: a message takes 9 bytes, a reading 8.
///
/// Sequence numbers are not kept: they follow from a message's number in the book.
#[derive(Clone, Debug)]
pub struct Ledger {
    device: Arc<str>,
    numbering: Numbering,
    seq_first: u64,
    datastreams: Arc<[Arc<str>]>,
    times_ms: Vec<i64>,
    flags: Vec<u8>,
    values: Vec<f64>,
}

/// A reading that the book holds, as the API should return it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    /// When it was measured by the device's clock, µs since 1970 UTC.
    pub time_us: i64,
    /// Its value in the datastream's unit.
    pub value: f64,
    /// What became of its message.
    pub fate: Fate,
    /// Whether the platform may well reject it.
    pub doubtful: bool,
}

/// Sums over a book, in readings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// In messages that were made.
    pub sent: u64,
    /// In messages that were acknowledged.
    pub acknowledged: u64,
}

const FATE: u8 = 0b011;
const DOUBTFUL: u8 = 0b100;

impl Ledger {
    /// An empty book.
    pub fn new(
        device: Arc<str>,
        numbering: Numbering,
        seq_first: u64,
        datastreams: Arc<[Arc<str>]>,
    ) -> Self {
        Self {
            device,
            numbering,
            seq_first,
            datastreams,
            times_ms: Vec::new(),
            flags: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Enters a message: its time in ms and a value for each datastream, NaN where it has
    /// none. `doubtful` says that the platform may well reject it. Gives its number.
    pub fn enter(&mut self, time_ms: i64, values: &[f64], doubtful: bool) -> usize {
        debug_assert_eq!(values.len(), self.datastreams.len());
        self.times_ms.push(time_ms);
        self.flags.push(if doubtful { DOUBTFUL } else { 0 });
        self.values.extend_from_slice(values);
        self.times_ms.len() - 1
    }

    /// Notes what became of a message. An acknowledgement stands for ever.
    pub fn settle(&mut self, message: usize, fate: Fate) {
        if let Some(flags) = self.flags.get_mut(message)
            && *flags & FATE != Fate::Acknowledged as u8
        {
            *flags = *flags & !FATE | fate as u8;
        }
    }

    /// The device.
    pub fn device(&self) -> &Arc<str> {
        &self.device
    }

    /// Its boot counter, if its readings carry one.
    pub fn boot(&self) -> Option<u64> {
        match self.numbering {
            Numbering::Absent => None,
            Numbering::Message { boot } | Numbering::Reading { boot } => Some(boot),
        }
    }

    /// The sequence number of a message, or of the first reading that it could have.
    pub fn seq(&self, message: usize) -> u64 {
        match self.numbering {
            Numbering::Reading { .. } => self.seq_first + (message * self.datastreams.len()) as u64,
            Numbering::Absent | Numbering::Message { .. } => self.seq_first + message as u64,
        }
    }

    /// The sequence number of one reading.
    pub fn seq_of(&self, message: usize, datastream: usize) -> u64 {
        match self.numbering {
            Numbering::Reading { .. } => self.seq(message) + datastream as u64,
            Numbering::Absent | Numbering::Message { .. } => self.seq(message),
        }
    }

    /// The message in which a reading of a datastream has a sequence number.
    pub fn message_of_seq(&self, seq: u64, datastream: usize) -> Option<usize> {
        let at = usize::try_from(seq.checked_sub(self.seq_first)?).ok()?;
        let message = match self.numbering {
            Numbering::Reading { .. } => at / self.datastreams.len(),
            Numbering::Absent | Numbering::Message { .. } => at,
        };
        (message < self.len() && self.seq_of(message, datastream) == seq).then_some(message)
    }

    /// The names of its datastreams.
    pub fn datastreams(&self) -> &Arc<[Arc<str>]> {
        &self.datastreams
    }

    /// How many messages it holds.
    pub fn len(&self) -> usize {
        self.times_ms.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.times_ms.is_empty()
    }

    /// One reading, if the message has one of this datastream.
    pub fn entry(&self, message: usize, datastream: usize) -> Option<Entry> {
        let value = *self
            .values
            .get(message * self.datastreams.len() + datastream)?;
        let flags = self.flags[message];
        (!value.is_nan()).then(|| Entry {
            time_us: self.times_ms[message] * 1_000,
            value,
            fate: match flags & FATE {
                0 => Fate::Open,
                1 => Fate::Acknowledged,
                _ => Fate::Refused,
            },
            doubtful: flags & DOUBTFUL != 0,
        })
    }

    /// How many readings a message has.
    pub fn readings(&self, message: usize) -> u64 {
        let from = message * self.datastreams.len();
        let values = &self.values[from..from + self.datastreams.len()];
        values.iter().filter(|value| !value.is_nan()).count() as u64
    }

    /// Sums over the book.
    pub fn totals(&self) -> Totals {
        (0..self.len()).fold(Totals::default(), |mut totals, message| {
            let readings = self.readings(message);
            totals.sent += readings;
            if self.flags[message] & FATE == Fate::Acknowledged as u8 {
                totals.acknowledged += readings;
            }
            totals
        })
    }

    /// The earliest and the latest time in it, µs.
    pub fn span_us(&self) -> Option<(i64, i64)> {
        let first = self.times_ms.iter().min()?;
        let last = self.times_ms.iter().max()?;
        Some((first * 1_000, last * 1_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger() -> Ledger {
        let numbering = Numbering::Message { boot: 7 };
        Ledger::new(
            "d".into(),
            numbering,
            100,
            Arc::new(["a".into(), "b".into()]),
        )
    }

    #[test]
    fn counts_readings_and_not_gaps() {
        let mut ledger = ledger();
        let first = ledger.enter(1, &[1.0, f64::NAN], false);
        ledger.enter(2, &[1.0, 2.0], false);
        ledger.settle(first, Fate::Acknowledged);
        assert_eq!(
            ledger.totals(),
            Totals {
                sent: 3,
                acknowledged: 1
            }
        );
        assert_eq!(ledger.entry(first, 1), None);
        assert_eq!(ledger.message_of_seq(101, 0), Some(1));
        assert_eq!(ledger.message_of_seq(102, 0), None);
        assert_eq!(ledger.message_of_seq(99, 0), None);
    }

    #[test]
    fn a_numbered_reading_has_a_place_of_its_own() {
        let numbering = Numbering::Reading { boot: 7 };
        let names: Arc<[Arc<str>]> = Arc::new(["a".into(), "b".into(), "c".into()]);
        let mut ledger = Ledger::new("d".into(), numbering, 100, names);
        ledger.enter(1, &[1.0, f64::NAN, 3.0], false);
        ledger.enter(2, &[1.0, 2.0, 3.0], false);
        assert_eq!((ledger.seq(0), ledger.seq(1)), (100, 103));
        for (message, datastream) in [(0, 0), (0, 2), (1, 0), (1, 1), (1, 2)] {
            let seq = ledger.seq_of(message, datastream);
            assert_eq!(ledger.message_of_seq(seq, datastream), Some(message));
        }
        assert_eq!(ledger.message_of_seq(103, 1), None);
        assert_eq!(ledger.message_of_seq(106, 0), None);
    }

    #[test]
    fn an_acknowledgement_is_not_taken_back() {
        let mut ledger = ledger();
        let message = ledger.enter(1, &[1.0, 2.0], true);
        ledger.settle(message, Fate::Refused);
        ledger.settle(message, Fate::Acknowledged);
        ledger.settle(message, Fate::Refused);
        let entry = ledger.entry(message, 0).unwrap();
        assert_eq!((entry.fate, entry.doubtful), (Fate::Acknowledged, true));
    }
}
