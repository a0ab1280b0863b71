//! The pages of the queue: where they lie and what their first bytes say.

use super::record::checksum;
use core::ops::Range;
use embedded_storage_async::nor_flash::NorFlash;

/// Bytes of a page's header; every flash's smallest write divides it.
pub(crate) const HEADER_BYTES: u32 = 32;

const MAGIC: [u8; 2] = *b"NQ";
const VERSION: u8 = 1;

/// Fewest pages of a queue: the one that is written, one in flight, one to evict.
pub(crate) const PAGES_MIN: u32 = 3;

/// Where the queue's pages lie. Page `number` is always in the slot `number % pages`.
#[derive(Clone, Debug)]
pub(crate) struct Geometry {
    start: u32,
    pub(crate) page_bytes: u32,
    pub(crate) pages: u32,
    /// What records are aligned to: the flash's smallest write and read, at least 4.
    pub(crate) unit: u32,
}

impl Geometry {
    /// None if the range has no whole pages, too few, or the flash writes too coarsely.
    pub(crate) fn new<F: NorFlash>(range: &Range<u32>) -> Option<Self> {
        let page_bytes = F::ERASE_SIZE as u32;
        let unit = (F::WRITE_SIZE.max(F::READ_SIZE)).max(4) as u32;
        let whole = range.start.is_multiple_of(page_bytes) && range.end.is_multiple_of(page_bytes);
        let pages = range.end.checked_sub(range.start)? / page_bytes;
        let fits = HEADER_BYTES.is_multiple_of(unit) && page_bytes >= 16 * HEADER_BYTES;
        (whole && fits && pages >= PAGES_MIN).then_some(Self {
            start: range.start,
            page_bytes,
            pages,
            unit,
        })
    }

    pub(crate) fn address(&self, page: u32, offset: u32) -> u32 {
        self.start + page % self.pages * self.page_bytes + offset
    }

    pub(crate) fn round_up(&self, bytes: u32) -> u32 {
        bytes.next_multiple_of(self.unit)
    }
}

/// What the first bytes of a page say; written as the page is opened, never changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Pages count up; a page's slot is its number modulo the number of pages.
    pub(crate) number: u32,
    /// What a record's count of boots is added to, to give the boot of its readings.
    pub(crate) boot_base: u32,
    /// The number of the first reading that is queued after the page was opened.
    pub(crate) first_seq: u64,
    /// Every reading below it was acknowledged when the page was opened.
    pub(crate) acked: u64,
}

impl Header {
    pub(crate) fn to_bytes(self) -> [u8; HEADER_BYTES as usize] {
        let mut bytes = [0; HEADER_BYTES as usize];
        bytes[..2].copy_from_slice(&MAGIC);
        bytes[2] = VERSION;
        bytes[4..8].copy_from_slice(&self.number.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.boot_base.to_le_bytes());
        bytes[12..20].copy_from_slice(&self.first_seq.to_le_bytes());
        bytes[20..28].copy_from_slice(&self.acked.to_le_bytes());
        let check = checksum(&[&bytes[..28]]);
        bytes[28..31].copy_from_slice(&check);
        bytes
    }

    /// None if the bytes are no header, or one of another version.
    pub(crate) fn from_bytes(bytes: &[u8; HEADER_BYTES as usize]) -> Option<Self> {
        let known = bytes[..2] == MAGIC
            && bytes[2] == VERSION
            && bytes[28..31] == checksum(&[&bytes[..28]]);
        let u32_at = |at: usize| Some(u32::from_le_bytes(*bytes[at..].first_chunk()?));
        let u64_at = |at: usize| Some(u64::from_le_bytes(*bytes[at..].first_chunk()?));
        if !known {
            return None;
        }
        Some(Self {
            number: u32_at(4)?,
            boot_base: u32_at(8)?,
            first_seq: u64_at(12)?,
            acked: u64_at(20)?,
        })
    }
}
