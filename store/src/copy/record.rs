//! How far a copy is, in the data folder's database: `docs/store-copy.md`.

use super::marks::{Hours, Pair};
use crate::embedded::{keyspace, refused};
use crate::{StoreError, StoreKind};
use nhip_database::{Database, Keyspace, PersistMode};

const COPY: &[u8] = b"copy";
const WHY: &[u8] = b"why";
const MARK: u8 = b'm';
const MARK_BYTES: usize = 9;
const VERSION: u8 = 1;
/// There from a clean stop to the next start.
const SETTLED: &[u8] = b"store.settled";

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
    /// Readings, pairs of series and day, and the sum of checksums that were compared.
    pub(crate) rows: u64,
    pub(crate) pairs: u64,
    pub(crate) checksum: u64,
    /// Pairs that differed when everything was compared again.
    pub(crate) differences: u64,
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
            rows: 0,
            pairs: 0,
            checksum: 0,
            differences: 0,
        }
    }

    fn encode(&self) -> Vec<u8> {
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
            self.rows,
            self.pairs,
            self.checksum,
            self.differences,
        ];
        bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let ([VERSION, from, to, phase], rest) = bytes.split_first_chunk()? else {
            return None;
        };
        let from = match (from, to) {
            (0, 1) => StoreKind::Embedded,
            (1, 0) => StoreKind::QuestDb,
            _ => return None,
        };
        let (numbers, []) = rest.as_chunks::<8>() else {
            return None;
        };
        let numbers: Vec<u64> = numbers.iter().map(|n| u64::from_le_bytes(*n)).collect();
        let [
            day,
            series,
            first,
            last,
            rate_max,
            rows,
            pairs,
            checksum,
            differences,
        ] = numbers.try_into().ok()?;
        Some(Self {
            from,
            phase: *CopyPhase::ALL.get(usize::from(*phase))?,
            day: day as i64,
            series,
            first_day: first as i64,
            last_day: last as i64,
            rate_max,
            rows,
            pairs,
            checksum,
            differences,
        })
    }
}

/// Where copies are remembered.
#[derive(Clone)]
pub(crate) struct Records {
    database: Database,
    copy: Keyspace,
    meta: Keyspace,
}

impl Records {
    pub(crate) fn open(database: &Database) -> Result<Self, StoreError> {
        Ok(Self {
            database: database.clone(),
            copy: keyspace(database, "store.copy", 4 << 20)?,
            meta: keyspace(database, "store.meta", 1 << 20)?,
        })
    }

    /// The copy that is under way, and why it failed if it did.
    pub(crate) fn load(&self) -> Result<Option<(Record, Option<String>)>, StoreError> {
        let Some(value) = self.copy.get(COPY).map_err(refused)? else {
            return Ok(None);
        };
        let record = Record::decode(&value).ok_or_else(|| damaged("copy"))?;
        let why = self.copy.get(WHY).map_err(refused)?;
        let why = why.map(|why| String::from_utf8_lossy(&why).into_owned());
        Ok(Some((record, why)))
    }

    /// Makes durable how far it is.
    pub(crate) fn save(&self, record: &Record, why: Option<&str>) -> Result<(), StoreError> {
        let mut batch = self.database.batch();
        batch.insert(&self.copy, COPY, record.encode());
        match why {
            Some(why) => batch.insert(&self.copy, WHY, why.as_bytes()),
            None => batch.remove(&self.copy, WHY),
        }
        batch.commit(Some(PersistMode::SyncData)).map_err(refused)
    }

    /// The marks as of the last checkpoint.
    pub(crate) fn marks(&self) -> Result<Vec<(Pair, Hours)>, StoreError> {
        let mut marks = Vec::new();
        for pair in self.copy.prefix([MARK]) {
            let (key, value) = pair.into_inner().map_err(refused)?;
            marks.push(mark(&key, &value).ok_or_else(|| damaged("m"))?);
        }
        Ok(marks)
    }

    /// Writes marks; durable with whatever is written durably next.
    pub(crate) fn write_marks(&self, marks: &[(Pair, Option<Hours>)]) -> Result<(), StoreError> {
        if marks.is_empty() {
            return Ok(());
        }
        let mut batch = self.database.batch();
        for (pair, hours) in marks {
            match hours {
                Some(hours) => batch.insert(&self.copy, key(*pair), [hours.first, hours.last]),
                None => batch.remove(&self.copy, key(*pair)),
            }
        }
        batch.commit(None).map_err(refused)
    }

    /// Forgets the copy; if it is whole, its target keeps the readings from now on.
    pub(crate) fn end(&self, switch_to: Option<StoreKind>) -> Result<(), StoreError> {
        let mut batch = self.database.batch();
        for pair in self.copy.iter() {
            let (key, _) = pair.into_inner().map_err(refused)?;
            batch.remove(&self.copy, key);
        }
        if let Some(kind) = switch_to {
            kind.set(&mut batch, &self.meta);
            // A new target has what the last checkpoint stands for, and no more.
            batch.insert(&self.meta, SETTLED, *b"1");
        }
        batch.commit(Some(PersistMode::SyncData)).map_err(refused)
    }

    /// Says who keeps the readings, before another store's state may look as if it did.
    pub(crate) fn confirm(&self, kind: StoreKind) -> Result<(), StoreError> {
        let mut batch = self.database.batch();
        kind.set(&mut batch, &self.meta);
        batch.commit(Some(PersistMode::SyncData)).map_err(refused)
    }

    /// Whether no store has anything beyond the last checkpoint.
    pub(crate) fn is_settled(&self) -> Result<bool, StoreError> {
        Ok(self.meta.get(SETTLED).map_err(refused)?.is_some())
    }

    /// Says so, or that it may have.
    pub(crate) fn set_settled(&self, is_settled: bool) -> Result<(), StoreError> {
        let mut batch = self.database.batch();
        match is_settled {
            true => batch.insert(&self.meta, SETTLED, *b"1"),
            false => batch.remove(&self.meta, SETTLED),
        }
        batch.commit(Some(PersistMode::SyncData)).map_err(refused)
    }
}

fn key(pair: Pair) -> [u8; MARK_BYTES] {
    let mut key = [MARK; MARK_BYTES];
    key[1..5].copy_from_slice(&pair.day.to_be_bytes());
    key[5..].copy_from_slice(&pair.series.to_be_bytes());
    key
}

fn mark(key: &[u8], value: &[u8]) -> Option<(Pair, Hours)> {
    let key: &[u8; MARK_BYTES] = key.try_into().ok()?;
    let [first, last] = *value else {
        return None;
    };
    let pair = Pair {
        day: i32::from_be_bytes(*key[1..].first_chunk()?),
        series: u32::from_be_bytes(*key[5..].first_chunk()?),
    };
    Some((pair, Hours { first, last }))
}

fn damaged(key: &str) -> StoreError {
    StoreError::Damaged {
        place: format!("store.copy {key}"),
        reason: "it is none of ours".to_owned(),
    }
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
                (record.checksum, record.differences) = (u64::MAX, 2);
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
        bytes[0] = 2;
        assert_eq!(Record::decode(&bytes), None);
    }

    #[test]
    fn a_key_of_a_mark_is_its_pair() {
        let pair = Pair {
            day: -1,
            series: 77,
        };
        let hours = Hours { first: 1, last: 9 };
        assert_eq!(mark(&key(pair), &[1, 9]), Some((pair, hours)));
        assert_eq!(mark(&key(pair)[1..], &[1, 9]), None);
    }
}
