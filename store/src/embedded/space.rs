//! Room on the disk, asked for before it is needed.

use super::keyspaces::unavailable;
use crate::StoreError;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A batch is written to the journal and later to a table.
const COPIES: u64 = 2;

/// Whether a batch of `bytes` leaves `free_bytes_min` on the file system of `path`.
pub(crate) fn require(path: &Path, free_bytes_min: u64, bytes: u64) -> Result<(), StoreError> {
    let status = rustix::fs::statvfs(path).map_err(|error| unavailable(&error.into()))?;
    let free = status.f_bavail.saturating_mul(status.f_frsize);
    let needed = free_bytes_min.saturating_add(bytes.saturating_mul(COPIES));
    if free < needed {
        return Err(StoreError::Unavailable {
            reason: format!(
                "the disk has {} MiB left and {} MiB are needed",
                free >> 20,
                (needed >> 20) + 1
            ),
        });
    }
    Ok(())
}

/// Bytes on the disk that the journal takes of the database that a keyspace at `path` is in.
/// Its files are as long as they may become, so what counts are the blocks that they have.
pub(crate) fn journal_bytes(path: &Path) -> u64 {
    const BLOCK_BYTES: u64 = 512;
    let database = path.ancestors().nth(2).and_then(|of| of.read_dir().ok());
    let files = database.into_iter().flatten().flatten();
    let journals = files.filter(|file| file.path().extension().is_some_and(|end| end == "jnl"));
    let blocks = journals.map(|file| file.metadata().map_or(0, |journal| journal.blocks()));
    blocks.sum::<u64>() * BLOCK_BYTES
}
