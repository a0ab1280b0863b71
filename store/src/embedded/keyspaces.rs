//! The store's keyspaces, their settings, and errors of the database in the store's words.

use super::keys;
use crate::codec::varint::Malformed;
use crate::{Config, StoreError};
use nhip_database::config::{BlockSizePolicy, CompressionPolicy};
use nhip_database::{CompressionType, Database, Error, Keyspace, KeyspaceCreateOptions, LsmError};

/// The open keyspaces.
pub(crate) struct Keyspaces {
    pub(crate) meta: Keyspace,
    pub(crate) state: Keyspace,
    pub(crate) pages: Keyspace,
    pub(crate) parts: Keyspace,
    pub(crate) chunks: Keyspace,
    pub(crate) rollups: Keyspace,
}

impl Keyspaces {
    pub(crate) fn open(database: &Database, config: &Config) -> Result<Self, StoreError> {
        let large = config.memtable_bytes.max(1 << 20);
        Ok(Self {
            meta: keyspace(database, "store.meta", 1 << 20)?,
            state: keyspace(database, "store.state", large)?,
            pages: blocks_of(database, "store.pages", large, 16 << 10)?,
            parts: blocks_of(database, "store.parts", large, 16 << 10)?,
            chunks: blocks_of(database, "store.chunks", large, 16 << 10)?,
            rollups: blocks_of(database, "store.rollups", large / 2, 16 << 10)?,
        })
    }

    pub(crate) fn bytes(&self) -> u64 {
        [
            &self.meta,
            &self.state,
            &self.pages,
            &self.parts,
            &self.chunks,
            &self.rollups,
        ]
        .into_iter()
        .map(Keyspace::disk_space)
        .sum()
    }
}

/// Opens a keyspace for small values, and makes it if it is missing.
pub(crate) fn keyspace(
    database: &Database,
    name: &str,
    memtable_bytes: u64,
) -> Result<Keyspace, StoreError> {
    blocks_of(database, name, memtable_bytes, 4 << 10)
}

fn blocks_of(
    database: &Database,
    name: &str,
    memtable_bytes: u64,
    block_bytes: u32,
) -> Result<Keyspace, StoreError> {
    let options = || {
        KeyspaceCreateOptions::default()
            .max_memtable_size(memtable_bytes)
            .data_block_size_policy(BlockSizePolicy::all(block_bytes))
            .data_block_compression_policy(CompressionPolicy::all(CompressionType::None))
    };
    database.keyspace(name, options).map_err(refused)
}

/// An error of the database: what can pass is `Unavailable`, what can't is `Damaged`.
pub(crate) fn refused(error: Error) -> StoreError {
    match error {
        // Only a new process can write again, so the fold has to end this one.
        Error::Poisoned => StoreError::Damaged {
            place: "the database".to_owned(),
            reason: "an earlier write failed and it takes no more until the process is started \
                     again"
                .to_owned(),
        },
        Error::Io(error) => unavailable(&error),
        Error::Storage(LsmError::Io(error)) => unavailable(&error),
        other => StoreError::Damaged {
            place: "the database".to_owned(),
            reason: other.to_string(),
        },
    }
}

fn unavailable(error: &std::io::Error) -> StoreError {
    StoreError::Unavailable {
        reason: error.to_string(),
    }
}

/// A value that does not decode.
pub(crate) fn damaged(keyspace: &str, key: &[u8], error: Malformed) -> StoreError {
    StoreError::Damaged {
        place: keys::place(keyspace, key),
        reason: error.to_string(),
    }
}
