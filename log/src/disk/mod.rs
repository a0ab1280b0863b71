//! What the log asks of a disk: one folder of files.

mod image;
mod real;
mod simulated;

pub use image::Fault;
pub use real::RealDisk;
pub use simulated::SimulatedDisk;

use std::{io, sync::Arc};

/// A folder that belongs to one log.
pub trait Disk: Send + Sync + 'static {
    /// The names in it, with the length of each file in bytes.
    fn list(&self) -> io::Result<Vec<(String, u64)>>;
    /// Makes the file `name`, empty even if it was there.
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;
    /// Opens the file `name`.
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;
    /// Gives a file another name; a file that had it is gone.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes names durable.
    fn sync_dir(&self) -> io::Result<()>;
    /// Bytes that may still be written to the file system.
    fn free_bytes(&self) -> io::Result<u64>;
    /// How the folder is called in messages.
    fn label(&self) -> String;
}

/// An open file of a [`Disk`].
pub trait DiskFile: Send + Sync + 'static {
    /// Writes all of `bytes` from `position` on; after an error any part may be written.
    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()>;
    /// Fills `bytes` from `position` on; less only where the file ends.
    fn read_at(&self, position: u64, bytes: &mut [u8]) -> io::Result<usize>;
    /// Makes everything written durable, and the length.
    fn sync_data(&self) -> io::Result<()>;
    /// Reserves room for `bytes` from the start, where the file system can.
    fn allocate(&self, bytes: u64) -> io::Result<()>;
    /// The length.
    fn bytes(&self) -> io::Result<u64>;
}

/// Whether an error is about space, so that the same may work later.
pub(crate) fn is_no_space(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}
