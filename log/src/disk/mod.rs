//! What the log asks of a disk: one folder of files.

mod image;
mod real;
mod simulated;

pub use image::Fault;
pub use real::RealDisk;
pub use simulated::SimulatedDisk;

use crate::Stall;
use rustix::io::Errno;
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

/// What an error waits for, if the same may work later.
pub(crate) fn stall(error: &io::Error) -> Option<Stall> {
    match (error.kind(), Errno::from_io_error(error)) {
        (io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded, _) => Some(Stall::NoSpace),
        (_, Some(Errno::MFILE | Errno::NFILE)) => Some(Stall::NoDescriptor),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Stall, stall};
    use std::io;

    #[test]
    fn what_passes_is_told_from_what_does_not() {
        let of = |errno: rustix::io::Errno| stall(&io::Error::from(errno));
        assert_eq!(of(rustix::io::Errno::NOSPC), Some(Stall::NoSpace));
        assert_eq!(of(rustix::io::Errno::DQUOT), Some(Stall::NoSpace));
        assert_eq!(of(rustix::io::Errno::MFILE), Some(Stall::NoDescriptor));
        assert_eq!(of(rustix::io::Errno::NFILE), Some(Stall::NoDescriptor));
        assert_eq!(of(rustix::io::Errno::IO), None);
    }
}
