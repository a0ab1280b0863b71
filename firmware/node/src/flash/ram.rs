//! A flash in RAM with a NOR flash's manners, for hosts: tests and simulated fleets.

use core::fmt;
use embedded_storage_async::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};

/// `BYTES` of flash in pages of `PAGE`; words of 4 bytes, each written once between erasures.
pub struct RamFlash<const BYTES: usize, const PAGE: usize> {
    bytes: [u8; BYTES],
    /// Bytes that are still written or erased before the power goes; none: it stays.
    cut_after: Option<u64>,
    written: u64,
    erased_pages: u64,
    /// The pages that can't be erased any more, a bit each.
    worn: u64,
}

/// Why an operation of the flash in RAM failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RamFlashError {
    /// The power is gone.
    Cut,
    /// Not aligned, out of bounds, or a word that isn't erased.
    Misused,
    /// The page can't be erased any more.
    Worn,
}

impl fmt::Display for RamFlashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cut => "the power is gone",
            Self::Misused => "not aligned, out of bounds, or not erased",
            Self::Worn => "the page is worn out",
        })
    }
}

impl core::error::Error for RamFlashError {}

impl NorFlashError for RamFlashError {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

impl<const BYTES: usize, const PAGE: usize> Default for RamFlash<BYTES, PAGE> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const BYTES: usize, const PAGE: usize> RamFlash<BYTES, PAGE> {
    /// Bytes of a word.
    pub const WORD: usize = 4;

    /// An erased flash.
    pub const fn new() -> Self {
        Self {
            bytes: [0xff; BYTES],
            cut_after: None,
            written: 0,
            erased_pages: 0,
            worn: 0,
        }
    }

    /// Lets the power go once so many more bytes have been written; a page counts as one when
    /// it is erased, and is erased to a half when the power goes then.
    pub fn cut_after(&mut self, bytes: u64) {
        self.cut_after = Some(bytes);
    }

    /// Lets this page, counted from 0 and below 64, refuse to be erased from now on.
    pub fn wear_out(&mut self, page: usize) {
        self.worn |= 1 << (page % 64);
    }

    /// Gives the power back; says whether it was gone.
    pub fn restore(&mut self) -> bool {
        self.cut_after.take() == Some(0)
    }

    /// Bytes written, ever.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Pages erased, ever.
    pub fn erased_pages(&self) -> u64 {
        self.erased_pages
    }

    /// Everything in it, for a test that damages it or keeps it in a file.
    pub fn bytes_mut(&mut self) -> &mut [u8; BYTES] {
        &mut self.bytes
    }

    /// How many of so many bytes the power still lasts for.
    fn spend(&mut self, bytes: u64) -> u64 {
        match &mut self.cut_after {
            None => bytes,
            Some(left) => {
                let spent = bytes.min(*left);
                *left -= spent;
                spent
            }
        }
    }

    fn range(
        offset: u32,
        length: usize,
        align: usize,
    ) -> Result<core::ops::Range<usize>, RamFlashError> {
        let start = offset as usize;
        let end = start.checked_add(length).ok_or(RamFlashError::Misused)?;
        match end <= BYTES && start.is_multiple_of(align) && end.is_multiple_of(align) {
            true => Ok(start..end),
            false => Err(RamFlashError::Misused),
        }
    }
}

impl<const BYTES: usize, const PAGE: usize> ErrorType for RamFlash<BYTES, PAGE> {
    type Error = RamFlashError;
}

impl<const BYTES: usize, const PAGE: usize> ReadNorFlash for RamFlash<BYTES, PAGE> {
    const READ_SIZE: usize = 4;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), RamFlashError> {
        if self.cut_after == Some(0) {
            return Err(RamFlashError::Cut);
        }
        let range = Self::range(offset, bytes.len(), Self::READ_SIZE)?;
        bytes.copy_from_slice(&self.bytes[range]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        BYTES
    }
}

impl<const BYTES: usize, const PAGE: usize> NorFlash for RamFlash<BYTES, PAGE> {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = PAGE;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), RamFlashError> {
        let length = to.checked_sub(from).ok_or(RamFlashError::Misused)? as usize;
        let range = Self::range(from, length, PAGE)?;
        let mut pages = range.start / PAGE..range.end.div_ceil(PAGE);
        if pages.any(|page| self.worn >> (page % 64) & 1 == 1) {
            return Err(RamFlashError::Worn);
        }
        for page in self.bytes[range].chunks_mut(PAGE) {
            let last = match &mut self.cut_after {
                Some(0) => return Err(RamFlashError::Cut),
                Some(left) => {
                    *left -= 1;
                    *left == 0
                }
                None => false,
            };
            self.erased_pages += 1;
            if last {
                page[PAGE / 2..].fill(0xff);
                return Err(RamFlashError::Cut);
            }
            page.fill(0xff);
        }
        Ok(())
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), RamFlashError> {
        let range = Self::range(offset, bytes.len(), Self::WORD)?;
        if self.cut_after == Some(0) {
            return Err(RamFlashError::Cut);
        }
        if self.bytes[range.clone()].iter().any(|&byte| byte != 0xff) {
            return Err(RamFlashError::Misused);
        }
        let lasts = self.spend(bytes.len() as u64) as usize;
        self.written += lasts as u64;
        self.bytes[range][..lasts].copy_from_slice(&bytes[..lasts]);
        match self.cut_after {
            Some(0) => Err(RamFlashError::Cut),
            _ => Ok(()),
        }
    }
}
