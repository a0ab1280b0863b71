//! Room on the disk, asked for before it is needed.

use super::keyspaces::unavailable;
use crate::StoreError;
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
