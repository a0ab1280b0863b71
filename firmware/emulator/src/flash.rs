//! NOR flash in a file of the host: it outlives the emulator, as flash outlives a power cut.

use crate::{
    file::{File, Mode, Refused},
    semihosting,
};
use embedded_storage_async::nor_flash::{
    ErrorType, MultiwriteNorFlash, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};

/// Smallest unit of a write, bytes.
pub const WORD_BYTES: usize = 4;
/// Unit of an erasure, bytes.
pub const SECTOR_BYTES: usize = 4096;
/// The exit code of the emulator when its power was cut.
pub const EXIT_POWER_CUT: u8 = 77;

/// How many bytes of a sector are erased at a time: a kill of the emulator falls between two.
const ERASE_STEP_BYTES: usize = 256;

/// Why the flash refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlashError {
    /// A range that isn't aligned to words or sectors.
    NotAligned,
    /// A range outside of the flash.
    OutOfBounds,
    /// The host refused to read or write the file.
    Host,
}

/// Flash with the behaviour of NOR: an erasure sets every bit of a sector, a write only clears
/// bits. Both happen step by step, so that a kill of the emulator leaves them half done.
#[derive(Debug)]
pub struct FileFlash {
    file: File,
    capacity: usize,
    power: Power,
}

/// The power supply, which may be told to fail after so many bytes have been written or erased.
#[derive(Debug)]
struct Power {
    bytes_left: Option<u32>,
    noise: u32,
}

impl FileFlash {
    /// Opens the flash, or makes an erased one of `capacity` bytes if the file isn't there.
    ///
    /// With `cut_after` the power fails in the middle of the write or erasure that reaches so
    /// many bytes: the emulator ends with [`EXIT_POWER_CUT`], and what was being changed is
    /// left as a chip would leave it, some bits changed and some not, chosen by `noise`.
    pub fn open(
        path: &str,
        capacity: usize,
        cut_after: Option<u32>,
        noise: u32,
    ) -> Result<Self, Refused> {
        if !capacity.is_multiple_of(SECTOR_BYTES) {
            return Err(Refused);
        }
        let file = match File::open(path, Mode::Update) {
            Ok(file) => file,
            Err(Refused) => erased(path, capacity)?,
        };
        if file.length()? != capacity {
            return Err(Refused);
        }
        Ok(Self {
            file,
            capacity,
            power: Power {
                bytes_left: cut_after,
                noise: noise | 1,
            },
        })
    }

    fn check(&self, offset: u32, length: usize, unit: usize) -> Result<usize, FlashError> {
        let offset = offset as usize;
        if !offset.is_multiple_of(unit) || !length.is_multiple_of(unit) {
            return Err(FlashError::NotAligned);
        }
        if offset > self.capacity || length > self.capacity - offset {
            return Err(FlashError::OutOfBounds);
        }
        Ok(offset)
    }

    fn load(&mut self, offset: usize, bytes: &mut [u8]) -> Result<(), FlashError> {
        self.file.seek(offset)?;
        Ok(self.file.read(bytes)?)
    }

    fn save(&mut self, offset: usize, bytes: &[u8]) -> Result<(), FlashError> {
        self.file.seek(offset)?;
        Ok(self.file.write(bytes)?)
    }

    /// Clears the bits of one word that are clear in `word`.
    fn program(&mut self, offset: usize, word: &[u8]) -> Result<(), FlashError> {
        let mut cells = [0; WORD_BYTES];
        self.load(offset, &mut cells)?;
        let mut failed = false;
        for (cell, byte) in cells.iter_mut().zip(word) {
            failed = failed || self.power.fails();
            let kept = if failed { self.power.noise() } else { 0 };
            *cell &= byte | kept;
        }
        self.save(offset, &cells)?;
        self.power.end_if(failed)
    }

    /// Erases one step of a sector.
    fn clear(&mut self, offset: usize) -> Result<(), FlashError> {
        let mut cells = [0; ERASE_STEP_BYTES];
        self.load(offset, &mut cells)?;
        let mut failed = false;
        for cell in &mut cells {
            failed = failed || self.power.fails();
            *cell |= if failed { self.power.noise() } else { 0xff };
        }
        self.save(offset, &cells)?;
        self.power.end_if(failed)
    }
}

impl Power {
    /// Counts a byte; whether the power is gone.
    fn fails(&mut self) -> bool {
        match &mut self.bytes_left {
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }

    /// Any byte (xorshift32: it needs to be repeatable, not good).
    fn noise(&mut self) -> u8 {
        self.noise ^= self.noise << 13;
        self.noise ^= self.noise >> 17;
        self.noise ^= self.noise << 5;
        self.noise as u8
    }

    fn end_if(&self, failed: bool) -> Result<(), FlashError> {
        if failed {
            semihosting::exit(EXIT_POWER_CUT);
        }
        Ok(())
    }
}

fn erased(path: &str, capacity: usize) -> Result<File, Refused> {
    let mut file = File::open(path, Mode::Create)?;
    for _ in 0..capacity / ERASE_STEP_BYTES {
        file.write(&[0xff; ERASE_STEP_BYTES])?;
    }
    Ok(file)
}

impl ErrorType for FileFlash {
    type Error = FlashError;
}

impl ReadNorFlash for FileFlash {
    const READ_SIZE: usize = 1;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        let offset = self.check(offset, bytes.len(), Self::READ_SIZE)?;
        self.load(offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.capacity
    }
}

impl NorFlash for FileFlash {
    const WRITE_SIZE: usize = WORD_BYTES;
    const ERASE_SIZE: usize = SECTOR_BYTES;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        let length = to.checked_sub(from).ok_or(FlashError::OutOfBounds)?;
        let start = self.check(from, length as usize, SECTOR_BYTES)?;
        for step in 0..length as usize / ERASE_STEP_BYTES {
            self.clear(start + step * ERASE_STEP_BYTES)?;
        }
        Ok(())
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        let start = self.check(offset, bytes.len(), WORD_BYTES)?;
        for (at, word) in bytes.chunks_exact(WORD_BYTES).enumerate() {
            self.program(start + at * WORD_BYTES, word)?;
        }
        Ok(())
    }
}

/// A word may be written again, which clears more of its bits.
impl MultiwriteNorFlash for FileFlash {}

impl NorFlashError for FlashError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::NotAligned => NorFlashErrorKind::NotAligned,
            Self::OutOfBounds => NorFlashErrorKind::OutOfBounds,
            Self::Host => NorFlashErrorKind::Other,
        }
    }
}

impl From<Refused> for FlashError {
    fn from(_: Refused) -> Self {
        Self::Host
    }
}
