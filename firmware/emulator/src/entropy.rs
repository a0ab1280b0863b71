//! Random numbers of the host's kernel.

use crate::file::{File, Mode, Refused};

/// An open `/dev/urandom`.
#[derive(Debug)]
pub struct HostEntropy {
    file: File,
}

impl HostEntropy {
    /// Opens it.
    pub fn open() -> Result<Self, Refused> {
        let file = File::open("/dev/urandom", Mode::Read)?;
        Ok(Self { file })
    }

    /// Fills `bytes`.
    pub fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Refused> {
        self.file.read(bytes)
    }
}

/// Eight random bytes, for what needs a seed.
pub fn seed() -> Result<u64, Refused> {
    let mut bytes = [0; 8];
    HostEntropy::open()?.fill(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}
