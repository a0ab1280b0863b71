//! A file of the host.

use crate::semihosting::{Operation, call};

/// Longest path, bytes.
pub const PATH_BYTES_MAX: usize = 160;

/// How a file is opened; the values are ISO C's `fopen` modes as the specification numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Mode {
    /// `rb`: it must be there.
    Read = 1,
    /// `r+b`: reading and writing, it must be there.
    Update = 3,
    /// `w+b`: reading and writing, emptied first.
    Create = 7,
    /// `ab`: every write goes to the end.
    Append = 9,
}

/// The host refused. It says no more than that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

/// An open file.
#[derive(Debug)]
pub struct File {
    handle: usize,
}

impl File {
    /// Opens a file by its path on the host, at most [`PATH_BYTES_MAX`] bytes long.
    pub fn open(path: &str, mode: Mode) -> Result<Self, Refused> {
        let mut name = [0u8; PATH_BYTES_MAX + 1];
        name.get_mut(..path.len())
            .filter(|_| path.len() <= PATH_BYTES_MAX)
            .ok_or(Refused)?
            .copy_from_slice(path.as_bytes());
        let mut parameters = [name.as_ptr() as usize, mode as usize, path.len()];
        // SAFETY: a name that ends with NUL, the mode, the name's length without the NUL.
        match unsafe { call(Operation::Open, &mut parameters) } {
            usize::MAX => Err(Refused),
            handle => Ok(Self { handle }),
        }
    }

    /// Its length, bytes.
    pub fn length(&self) -> Result<usize, Refused> {
        // SAFETY: the handle, as SYS_FLEN expects.
        match unsafe { call(Operation::Length, &mut [self.handle]) } {
            usize::MAX => Err(Refused),
            length => Ok(length),
        }
    }

    /// Goes on at an offset from the beginning, bytes.
    pub fn seek(&mut self, offset: usize) -> Result<(), Refused> {
        // SAFETY: the handle and an offset, as SYS_SEEK expects.
        done(unsafe { call(Operation::Seek, &mut [self.handle, offset]) })
    }

    /// Fills `bytes` from where the file stands.
    pub fn read(&mut self, bytes: &mut [u8]) -> Result<(), Refused> {
        let mut parameters = [self.handle, bytes.as_mut_ptr() as usize, bytes.len()];
        // SAFETY: the host writes into `bytes`, which is ours alone meanwhile.
        done(unsafe { call(Operation::Read, &mut parameters) })
    }

    /// Writes all of `bytes` where the file stands.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        let mut parameters = [self.handle, bytes.as_ptr() as usize, bytes.len()];
        // SAFETY: the host reads `bytes`.
        done(unsafe { call(Operation::Write, &mut parameters) })
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // SAFETY: the handle, as SYS_CLOSE expects.
        unsafe { call(Operation::Close, &mut [self.handle]) };
    }
}

/// 0 is success of a seek, and the number of bytes *not* transferred of a read or a write.
fn done(answer: usize) -> Result<(), Refused> {
    if answer == 0 { Ok(()) } else { Err(Refused) }
}
