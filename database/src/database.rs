//! Opening the database, and what is shared of it.

use crate::Batch;
use fjall::{CompressionType, Error, Keyspace, KeyspaceCreateOptions, PersistMode, Snapshot};
use std::{os::unix::fs::MetadataExt, path::Path, sync::Arc};

/// The bounds of the database.
#[derive(Clone, Debug)]
pub struct Config {
    /// Free bytes that a write must leave on the disk. Default 32 MiB.
    pub free_bytes_min: u64,
    /// Cache for blocks that were read from the disk. Default 16 MiB.
    pub cache_bytes: u64,
    /// Size of the journal; not below 64 MiB. Default 64 MiB.
    pub journal_bytes_max: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            free_bytes_min: 32 << 20,
            cache_bytes: 16 << 20,
            journal_bytes_max: 64 << 20,
        }
    }
}

/// The open database; a clone is the same one.
#[derive(Clone)]
pub struct Database {
    pub(crate) inner: fjall::Database,
    pub(crate) folder: Arc<Path>,
    pub(crate) free_bytes_min: u64,
}

impl Database {
    /// Opens the database of a folder, and makes it if there is none: bounded memory, and no
    /// general compression of values that are packed already.
    pub fn open(folder: &Path, config: &Config) -> Result<Self, Error> {
        let builder = fjall::Database::builder(folder)
            .cache_size(config.cache_bytes)
            .journal_compression(CompressionType::None)
            .max_journaling_size(config.journal_bytes_max.max(64 << 20))
            .worker_threads(2);
        Ok(Self {
            inner: builder.open()?,
            folder: folder.into(),
            free_bytes_min: config.free_bytes_min,
        })
    }

    /// Opens a keyspace, and makes it as `options` says if there is none of that name.
    pub fn keyspace(
        &self,
        name: &str,
        options: impl FnOnce() -> KeyspaceCreateOptions,
    ) -> Result<Keyspace, Error> {
        self.inner.keyspace(name, options)
    }

    /// This moment of every keyspace.
    pub fn snapshot(&self) -> Snapshot {
        self.inner.snapshot()
    }

    /// Makes everything written so far durable.
    pub fn sync(&self) -> Result<(), Error> {
        self.inner.persist(PersistMode::SyncData)
    }

    /// Begins a write.
    pub fn batch(&self) -> Batch {
        Batch::new(self.clone())
    }

    /// Bytes on the disk that the journal takes. Its files are as long as they may become, so
    /// what counts are the blocks that they have.
    pub fn journal_bytes(&self) -> u64 {
        const BLOCK_BYTES: u64 = 512;
        let files = self.folder.read_dir().into_iter().flatten().flatten();
        let journals = files.filter(|file| file.path().extension().is_some_and(|end| end == "jnl"));
        let blocks = journals.map(|file| file.metadata().map_or(0, |journal| journal.blocks()));
        blocks.sum::<u64>() * BLOCK_BYTES
    }
}
