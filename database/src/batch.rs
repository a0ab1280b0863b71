//! Writing, with room on the disk asked for before it is needed.

use crate::Database;
use fjall::{Error, Keyspace, OwnedWriteBatch, PersistMode, Slice};
use std::io;

/// What is written goes to the journal and later to a table.
const COPIES: u64 = 2;

/// Changes that become visible and durable together.
pub struct Batch {
    changes: OwnedWriteBatch,
    database: Database,
    bytes: u64,
}

impl Batch {
    pub(crate) fn new(database: Database) -> Self {
        Self {
            changes: database.inner.batch(),
            database,
            bytes: 0,
        }
    }

    /// Sets a key.
    pub fn insert(&mut self, keyspace: &Keyspace, key: impl Into<Slice>, value: impl Into<Slice>) {
        let (key, value) = (key.into(), value.into());
        self.bytes += (key.len() + value.len()) as u64;
        self.changes.insert(keyspace, key, value);
    }

    /// Takes a key away.
    pub fn remove(&mut self, keyspace: &Keyspace, key: impl Into<Slice>) {
        let key = key.into();
        self.bytes += key.len() as u64;
        self.changes.remove(keyspace, key);
    }

    /// How many changes it has.
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether it has no change.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Writes the changes, as durably as `durability` says: without, a later commit or the
    /// end of the process makes them so. Fails like a full disk, with nothing written and the
    /// database unharmed, when less than [`Config::free_bytes_min`](crate::Config) would be
    /// left: the same may be tried again.
    pub fn commit(self, durability: Option<PersistMode>) -> Result<(), Error> {
        self.require_room()?;
        self.changes.durability(durability).commit()
    }

    fn require_room(&self) -> Result<(), Error> {
        let status = rustix::fs::statvfs(&*self.database.folder).map_err(io::Error::from)?;
        let free = status.f_bavail.saturating_mul(status.f_frsize);
        let copies = self.bytes.saturating_mul(COPIES);
        let needed = self.database.free_bytes_min.saturating_add(copies);
        if free >= needed {
            return Ok(());
        }
        let (free, needed) = (free >> 20, (needed >> 20) + 1);
        let reason = format!("the disk has {free} MiB left and {needed} MiB are needed");
        Err(io::Error::new(io::ErrorKind::StorageFull, reason).into())
    }
}

#[cfg(test)]
mod tests {
    use crate::{Config, Database, Error, KeyspaceCreateOptions, PersistMode};
    use std::io::ErrorKind;

    #[test]
    fn what_the_disk_has_no_room_for_is_refused_and_harms_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let open = |free_bytes_min| {
            let config = Config {
                free_bytes_min,
                ..Config::default()
            };
            let database = Database::open(folder.path(), &config).unwrap();
            let keyspace = database.keyspace("k", KeyspaceCreateOptions::default);
            (database, keyspace.unwrap())
        };
        let write = |free_bytes_min, key: &[u8], remove| {
            let (database, keyspace) = open(free_bytes_min);
            let mut batch = database.batch();
            match remove {
                true => batch.remove(&keyspace, key),
                false => batch.insert(&keyspace, key, "value"),
            }
            batch.commit(Some(PersistMode::SyncData))
        };
        write(0, b"first", false).unwrap();
        for remove in [false, true] {
            match write(u64::MAX, b"first", remove) {
                Err(Error::Io(error)) => assert_eq!(error.kind(), ErrorKind::StorageFull),
                other => panic!("{other:?}"),
            }
        }
        write(0, b"second", false).unwrap();
        assert_eq!(open(0).1.iter().count(), 2);
    }
}
