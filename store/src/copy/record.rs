//! How far a copy is: `docs/store-copy.md` has the bytes.

use super::tally::Tally;
use crate::StoreKind;

/// Version 1 had no figures of a check of its own.
const VERSION: u8 = 2;
/// Numbers of a record, and of one of version 1.
const NUMBERS: usize = 13;
const NUMBERS_1: usize = 9;
/// In place of a series: the days of the pass are yet to be asked for.
const NOT_BEGUN: u64 = u64::MAX;

/// What a copy is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyPhase {
    /// The target's older copy goes.
    Emptying,
    /// The history is copied.
    Copying,
    /// What comes is copied in rounds.
    Following,
    /// Everything is compared again.
    Checking,
    /// It can't go on.
    Failed,
}

impl CopyPhase {
    const ALL: [Self; 5] = [
        Self::Emptying,
        Self::Copying,
        Self::Following,
        Self::Checking,
        Self::Failed,
    ];

    /// As in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Emptying => "emptying",
            Self::Copying => "copying",
            Self::Following => "following",
            Self::Checking => "checking",
            Self::Failed => "failed",
        }
    }
}

/// How far a copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) from: StoreKind,
    pub(crate) phase: CopyPhase,
    /// The UTC day that is next in this pass.
    pub(crate) day: i64,
    /// The first of its series that is not done.
    pub(crate) series: u64,
    /// The pass's first and last day.
    pub(crate) first_day: i64,
    pub(crate) last_day: i64,
    /// Readings a second at most.
    pub(crate) rate_max: u64,
    /// What was copied and compared.
    pub(crate) copied: Tally,
    /// Pairs that differed when everything was compared again.
    pub(crate) differences: u64,
    /// How often it was compared again, and what was the same the last time.
    pub(crate) checks: u64,
    pub(crate) checked: Tally,
}

impl Record {
    /// A copy that has just begun.
    pub(crate) fn new(from: StoreKind, rate_max: u64) -> Self {
        Self {
            from,
            phase: CopyPhase::Emptying,
            day: 0,
            series: 0,
            first_day: 0,
            last_day: -1,
            rate_max,
            copied: Tally::default(),
            differences: 0,
            checks: 0,
            checked: Tally::default(),
        }
    }

    /// Everything is to be compared again, from the beginning.
    pub(crate) fn begin_check(&mut self) {
        self.phase = CopyPhase::Checking;
        (self.day, self.first_day, self.last_day) = (0, 0, -1);
        self.series = NOT_BEGUN;
        self.checks += 1;
        self.differences = 0;
        self.checked = Tally::default();
    }

    /// Whether the days of the pass are known.
    pub(crate) fn has_begun(&self) -> bool {
        self.series != NOT_BEGUN
    }

    /// Where what is compared in this phase is counted.
    pub(crate) fn tally(&mut self) -> &mut Tally {
        match self.phase {
            CopyPhase::Checking => &mut self.checked,
            _ => &mut self.copied,
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let kind = |kind| u8::from(kind == StoreKind::QuestDb);
        let phase = CopyPhase::ALL.iter().position(|phase| *phase == self.phase);
        let mut bytes = vec![
            VERSION,
            kind(self.from),
            kind(self.from.other()),
            phase.unwrap_or_default() as u8,
        ];
        let numbers = [
            self.day as u64,
            self.series,
            self.first_day as u64,
            self.last_day as u64,
            self.rate_max,
            self.copied.rows,
            self.copied.pairs,
            self.copied.checksum,
            self.differences,
            self.checks,
            self.checked.rows,
            self.checked.pairs,
            self.checked.checksum,
        ];
        bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        bytes
    }

    /// None of bytes that are no record of a version that is known.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let ([version, from, to, phase], rest) = bytes.split_first_chunk()?;
        let from = match (from, to) {
            (0, 1) => StoreKind::Embedded,
            (1, 0) => StoreKind::QuestDb,
            _ => return None,
        };
        let (numbers, []) = rest.as_chunks::<8>() else {
            return None;
        };
        let mut numbers: Vec<u64> = numbers.iter().map(|n| u64::from_le_bytes(*n)).collect();
        match (*version, numbers.len()) {
            (VERSION, NUMBERS) => {}
            (1, NUMBERS_1) => numbers.resize(NUMBERS, 0),
            _ => return None,
        }
        let mut numbers = numbers.into_iter();
        let mut next = || numbers.next();
        Some(Self {
            from,
            phase: *CopyPhase::ALL.get(usize::from(*phase))?,
            day: next()? as i64,
            series: next()?,
            first_day: next()? as i64,
            last_day: next()? as i64,
            rate_max: next()?,
            copied: tally(&mut next)?,
            differences: next()?,
            checks: next()?,
            checked: tally(&mut next)?,
        })
    }
}

fn tally(next: &mut impl FnMut() -> Option<u64>) -> Option<Tally> {
    Some(Tally {
        rows: next()?,
        pairs: next()?,
        checksum: next()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        for phase in CopyPhase::ALL {
            for from in [StoreKind::Embedded, StoreKind::QuestDb] {
                let mut record = Record::new(from, 7);
                record.phase = phase;
                (record.day, record.first_day) = (-3, -5);
                (record.copied.checksum, record.differences) = (u64::MAX, 2);
                (record.checks, record.checked.pairs) = (3, 4);
                assert_eq!(Record::decode(&record.encode()), Some(record));
            }
        }
    }

    #[test]
    fn another_version_and_torn_bytes_are_refused() {
        let mut bytes = Record::new(StoreKind::Embedded, 7).encode();
        for length in 0..bytes.len() {
            assert_eq!(Record::decode(&bytes[..length]), None);
        }
        bytes[0] = 3;
        assert_eq!(Record::decode(&bytes), None);
    }

    #[test]
    fn a_record_of_the_version_before_has_no_figures_of_a_check() {
        let mut record = Record::new(StoreKind::QuestDb, 7);
        (record.copied.rows, record.differences) = (5, 2);
        let mut bytes = record.encode();
        bytes.truncate(4 + NUMBERS_1 * 8);
        assert_eq!(Record::decode(&bytes), None);
        bytes[0] = 1;
        assert_eq!(Record::decode(&bytes), Some(record));
    }

    #[test]
    fn a_check_counts_for_itself() {
        let mut record = Record::new(StoreKind::Embedded, 7);
        record.phase = CopyPhase::Following;
        record.tally().rows += 5;
        record.begin_check();
        assert!(!record.has_begun());
        record.tally().rows += 3;
        assert_eq!((record.copied.rows, record.checked.rows), (5, 3));
        record.begin_check();
        assert_eq!((record.copied.rows, record.checked.rows), (5, 0));
        assert_eq!(record.checks, 2);
    }
}
