//! What stays in the embedded database: the fold's state, and what belongs to the server.

use super::changed::ChangedHours;
use super::copies::Copies;
use crate::embedded::{keyspace, refused};
use crate::{ShardState, StateBatch, StoreError};
use nhip_database::{Database, Keyspace, PersistMode, Readable};

/// Where a data folder says that its readings are in QuestDB, and in whose tables.
const CITY: &[u8] = b"questdb.city";
/// How a key begins that has the numbers of copies of a shard.
const COPIES: &[u8] = b"questdb.copies";
/// Hours that wait to be counted.
const CHANGED: &[u8] = b"questdb.changed";
/// The first instant whose rows were neither dropped by retention nor lost, i64 little endian.
const DROPPED: &[u8] = b"questdb.dropped";
/// Which tables were not there when making them began, with blanks between them.
const MAKING: &[u8] = b"questdb.making";
/// How a key begins that has the number of a table of ours, i64 little endian; its name follows.
const TABLE: &[u8] = b"questdb.table.";
/// The number of `readings` and its newest transaction as of the last checkpoint, i64 little
/// endian each.
const TAKEN: &[u8] = b"questdb.taken";
/// That the tables were made.
const MADE: &[u8] = b"questdb.made";

/// What belongs to the readings that a checkpoint of a shard stands on.
pub(crate) struct Sent<'a> {
    /// Its numbers of copies.
    pub(crate) copies: &'a Copies,
    /// The hours that wait to be counted.
    pub(crate) changed: Vec<u8>,
    /// The number of `readings`, and its newest transaction that is durable.
    pub(crate) taken: Option<(i64, i64)>,
}

/// The state in the embedded database.
pub(crate) struct State {
    database: Database,
    meta: Keyspace,
    state: Keyspace,
}

impl State {
    /// Opens it, and gives the data folder a name for the server if it has none.
    pub(crate) fn open(database: &Database) -> Result<Self, StoreError> {
        let meta = keyspace(database, "store.meta", 1 << 20)?;
        let state = keyspace(database, "store.state", 8 << 20)?;
        let opened = Self {
            database: database.clone(),
            meta,
            state,
        };
        if opened.meta.get(CITY).map_err(refused)?.is_none() {
            opened.put(CITY, new_city().as_bytes())?;
        }
        Ok(opened)
    }

    /// What this data folder is called in the server's tables.
    pub(crate) fn city(&self) -> Result<String, StoreError> {
        let city = self.meta.get(CITY).map_err(refused)?;
        Ok(city.map_or_else(String::new, |city| {
            String::from_utf8_lossy(&city).into_owned()
        }))
    }

    /// Which tables were not there when making them began, if it has.
    pub(crate) fn making(&self) -> Result<Option<String>, StoreError> {
        let absent = self.meta.get(MAKING).map_err(refused)?;
        Ok(absent.map(|names| String::from_utf8_lossy(&names).into_owned()))
    }

    /// Remembers which tables are not there before any is made.
    pub(crate) fn set_making(&self, absent: &str) -> Result<(), StoreError> {
        self.put(MAKING, absent.as_bytes())
    }

    /// Whether the tables were made once.
    pub(crate) fn is_made(&self) -> Result<bool, StoreError> {
        Ok(self.meta.get(MADE).map_err(refused)?.is_some())
    }

    /// Remembers that the tables were made, and that making them is over.
    pub(crate) fn set_made(&self) -> Result<(), StoreError> {
        let mut batch = self.database.batch();
        batch.insert(&self.meta, MADE, b"1");
        batch.remove(&self.meta, MAKING);
        batch.commit(Some(PersistMode::SyncData)).map_err(refused)
    }

    /// The number of the table of ours that has this name, if it was noted.
    pub(crate) fn table(&self, name: &str) -> Result<Option<i64>, StoreError> {
        let value = self.meta.get(table_key(name)).map_err(refused)?;
        let id = value.as_deref().and_then(|value| value.first_chunk());
        Ok(id.map(|id| i64::from_le_bytes(*id)))
    }

    /// Notes the number of a table of ours.
    pub(crate) fn set_table(&self, name: &str, id: i64) -> Result<(), StoreError> {
        self.put(&table_key(name), &id.to_le_bytes())
    }

    /// The newest transaction of the table of ours with this name and number that a checkpoint
    /// stands on.
    pub(crate) fn taken(&self, table: i64) -> Result<Option<i64>, StoreError> {
        let value = self.meta.get(TAKEN).map_err(refused)?;
        let pair = value.as_deref().and_then(|value| {
            let (of, rest) = value.split_first_chunk()?;
            Some((
                i64::from_le_bytes(*of),
                i64::from_le_bytes(*rest.first_chunk()?),
            ))
        });
        Ok(pair.filter(|(of, _)| *of == table).map(|(_, taken)| taken))
    }

    /// Forgets what was known of tables that are gone; rows before `before_us` will not come
    /// back.
    pub(crate) fn begin_anew(&self, before_us: Option<i64>) -> Result<(), StoreError> {
        let mut batch = self.database.batch();
        for pair in self.meta.prefix(COPIES) {
            let (key, _) = pair.into_inner().map_err(refused)?;
            batch.remove(&self.meta, key);
        }
        batch.remove(&self.meta, CHANGED);
        batch.remove(&self.meta, MADE);
        batch.remove(&self.meta, MAKING);
        if let Some(before_us) = before_us {
            let before_us = before_us.max(self.dropped_before()?);
            batch.insert(&self.meta, DROPPED, before_us.to_le_bytes());
        }
        batch.commit(Some(PersistMode::SyncData)).map_err(refused)
    }

    /// Makes everything written to the database so far durable.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        self.database.sync().map_err(refused)
    }

    /// Writes the state of a shard in one durable step; if it sent anything, with what belongs to
    /// that.
    pub(crate) fn write(
        &self,
        shard: u32,
        changes: StateBatch,
        sent: Option<Sent<'_>>,
    ) -> Result<(), StoreError> {
        let mut batch = self.database.batch();
        for (key, value) in changes.changes {
            let key = of_shard(shard, &key);
            match value {
                Some(value) => batch.insert(&self.state, key, value),
                None => batch.remove(&self.state, key),
            }
        }
        if let Some(sent) = sent {
            batch.insert(&self.meta, copies_key(shard), sent.copies.encode());
            batch.insert(&self.meta, CHANGED, sent.changed);
            if let Some((table, transaction)) = sent.taken {
                let pair = [table.to_le_bytes(), transaction.to_le_bytes()].concat();
                batch.insert(&self.meta, TAKEN, pair);
            }
        }
        batch.commit(Some(PersistMode::SyncData)).map_err(refused)
    }

    /// The numbers of copies as of the shard's last checkpoint.
    pub(crate) fn copies(&self, shard: u32) -> Result<Copies, StoreError> {
        let value = self.meta.get(copies_key(shard)).map_err(refused)?;
        value.map_or_else(|| Ok(Copies::default()), |value| Copies::decode(&value))
    }

    /// The hours that waited to be counted at the last checkpoint.
    pub(crate) fn changed(&self) -> Result<ChangedHours, StoreError> {
        let value = self.meta.get(CHANGED).map_err(refused)?;
        value.map_or_else(
            || Ok(ChangedHours::default()),
            |value| ChangedHours::decode(&value),
        )
    }

    /// The first instant whose rows were neither dropped by retention nor lost.
    pub(crate) fn dropped_before(&self) -> Result<i64, StoreError> {
        let value = self.meta.get(DROPPED).map_err(refused)?;
        let time = value.as_deref().and_then(|value| value.first_chunk());
        Ok(time.map_or(0, |time| i64::from_le_bytes(*time)))
    }

    /// Rows before this instant are about to be dropped.
    pub(crate) fn set_dropped_before(&self, time_us: i64) -> Result<(), StoreError> {
        self.put(DROPPED, &time_us.to_le_bytes())
    }

    pub(crate) fn load(&self, shard: u32) -> ShardState<'static> {
        let pairs = self
            .database
            .snapshot()
            .prefix(&self.state, shard.to_be_bytes());
        Box::new(pairs.map(|pair| {
            let (key, value) = pair.into_inner().map_err(refused)?;
            let key = key.get(4..).unwrap_or_default().to_vec();
            Ok((key, value.to_vec()))
        }))
    }

    pub(crate) fn get(&self, shard: u32, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self.state.get(of_shard(shard, key)).map_err(refused)?;
        Ok(value.map(|value| value.to_vec()))
    }

    /// Bytes on the disk, and those of the database's journal.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        let kept = self.meta.disk_space() + self.state.disk_space();
        (kept, self.database.journal_bytes())
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        let mut batch = self.database.batch();
        batch.insert(&self.meta, key, value);
        batch.commit(Some(PersistMode::SyncData)).map_err(refused)
    }
}

/// Forgets the tables of an older copy; they are made again if they are gone.
pub(crate) fn forget_tables(database: &Database) -> Result<(), StoreError> {
    let state = State::open(database)?;
    state.begin_anew(None)?;
    let mut batch = database.batch();
    batch.remove(&state.meta, DROPPED);
    batch.commit(Some(PersistMode::SyncData)).map_err(refused)
}

fn of_shard(shard: u32, key: &[u8]) -> Vec<u8> {
    [&shard.to_be_bytes()[..], key].concat()
}

fn table_key(name: &str) -> Vec<u8> {
    [TABLE, name.as_bytes()].concat()
}

fn copies_key(shard: u32) -> Vec<u8> {
    [COPIES, &shard.to_be_bytes()[..]].concat()
}

/// 16 letters that no other data folder has.
fn new_city() -> String {
    use std::hash::{BuildHasher, Hasher, RandomState};
    // The standard library seeds each from the system's random numbers.
    format!("{:016x}", RandomState::new().build_hasher().finish())
}
