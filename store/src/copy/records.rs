//! Copies as they are remembered in the data folder's database: `docs/store-copy.md`.

use super::marks::{Hours, Pair};
use super::record::Record;
use crate::embedded::{keyspace, refused};
use crate::{StoreError, StoreKind};
use nhip_database::{Database, Keyspace, PersistMode};

const COPY: &[u8] = b"copy";
const WHY: &[u8] = b"why";
const MARK: u8 = b'm';
const MARK_BYTES: usize = 9;
/// There from a clean stop to the next start.
const SETTLED: &[u8] = b"store.settled";

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
