//! Pages: where they lie and what their first bytes say.

use super::record::{Base, checksum};
use crate::bytes::{Reader, Writer};
use core::ops::Range;
use embedded_storage_async::nor_flash::NorFlash;

/// Bytes of a page's header; every flash's smallest write divides it.
pub(crate) const HEADER_BYTES: u32 = 32;

/// Whose page it is: its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Queue,
    Settings,
}

impl Owner {
    const fn magic(self) -> [u8; 2] {
        match self {
            Self::Queue => *b"NQ",
            Self::Settings => *b"NS",
        }
    }

    /// The version of the format.
    const fn version(self) -> u8 {
        match self {
            Self::Queue => 2,
            Self::Settings => 1,
        }
    }

    /// Fewest pages. Of a queue: the one that is written, one in flight, one to evict. Of
    /// settings: the one that holds and the one that is to follow it.
    const fn pages_min(self) -> u32 {
        match self {
            Self::Queue => 3,
            Self::Settings => 2,
        }
    }
}

/// Where pages lie. Page `number` is always in the slot `number % pages`.
#[derive(Clone, Debug)]
pub(crate) struct Geometry {
    owner: Owner,
    start: u32,
    pub(crate) page_bytes: u32,
    pub(crate) pages: u32,
    /// What records are aligned to: the flash's smallest write and read, at least 4.
    pub(crate) unit: u32,
}

impl Geometry {
    /// None if the range has no whole pages, too few, or the flash writes too coarsely.
    pub(crate) fn new<F: NorFlash>(owner: Owner, range: &Range<u32>) -> Option<Self> {
        let page_bytes = F::ERASE_SIZE as u32;
        let unit = (F::WRITE_SIZE.max(F::READ_SIZE)).max(4) as u32;
        let whole = range.start.is_multiple_of(page_bytes) && range.end.is_multiple_of(page_bytes);
        let pages = range.end.checked_sub(range.start)? / page_bytes;
        let fits = HEADER_BYTES.is_multiple_of(unit) && page_bytes >= 16 * HEADER_BYTES;
        (whole && fits && pages >= owner.pages_min()).then_some(Self {
            owner,
            start: range.start,
            page_bytes,
            pages,
            unit,
        })
    }

    pub(crate) fn address(&self, page: u32, offset: u32) -> u32 {
        self.start + page % self.pages * self.page_bytes + offset
    }

    /// Whose pages they are.
    pub(crate) fn owner(&self) -> Owner {
        self.owner
    }

    pub(crate) fn round_up(&self, bytes: u32) -> u32 {
        bytes.next_multiple_of(self.unit)
    }
}

/// What the first bytes of a page say; written as the page is opened, never changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// The fingerprint of the table of channels by which the page's readings are named.
    pub(crate) channels: u16,
    /// Pages count up; a page's slot is its number modulo the number of pages.
    pub(crate) number: u32,
    /// What a record's count of boots is added to, to give the boot of its readings.
    pub(crate) boot_base: u32,
    /// The number of the first reading that is queued after the page was opened: below 2⁴⁰.
    pub(crate) first_seq: u64,
    /// The boots and the time (s) that records leave out.
    pub(crate) boots: u32,
    pub(crate) seconds: u32,
    /// Every reading below it was acknowledged when the page was opened.
    pub(crate) acked: u64,
}

/// A larger count of boots isn't left out by any record.
const BOOTS_MAX: u32 = 0xff_ffff;

/// Bytes of a header before its checksum.
const CHECKED_BYTES: usize = 29;

impl Header {
    /// Of the first page.
    pub(crate) const EMPTY: Self = Self {
        channels: 0,
        number: 0,
        boot_base: 0,
        first_seq: 0,
        boots: 0,
        seconds: 0,
        acked: 0,
    };

    /// What the page's records may leave out.
    pub(crate) const fn base(&self) -> Base {
        Base {
            boots: self.boots,
            seq: self.first_seq,
            seconds: self.seconds,
        }
    }

    pub(crate) fn to_bytes(self, owner: Owner) -> [u8; HEADER_BYTES as usize] {
        let waiting = u32::try_from(self.first_seq.saturating_sub(self.acked)).unwrap_or(u32::MAX);
        let mut bytes = [0; HEADER_BYTES as usize];
        let mut to = Writer::new(&mut bytes);
        let written = [
            to.bytes(&owner.magic()),
            to.byte(owner.version()),
            to.bytes(&self.channels.to_le_bytes()),
            to.bytes(&self.number.to_le_bytes()),
            to.bytes(&self.boot_base.to_le_bytes()),
            to.bytes(&self.first_seq.to_le_bytes()[..5]),
            to.bytes(&self.boots.min(BOOTS_MAX).to_le_bytes()[..3]),
            to.bytes(&waiting.to_le_bytes()),
            to.bytes(&self.seconds.to_le_bytes()),
        ];
        debug_assert!(written.iter().all(Option::is_some) && to.len() == CHECKED_BYTES);
        let check = checksum(&[&bytes[..CHECKED_BYTES]]);
        bytes[CHECKED_BYTES..].copy_from_slice(&check);
        bytes
    }

    /// None if the bytes are no header of this owner's, or one of another version.
    pub(crate) fn from_bytes(owner: Owner, bytes: &[u8; HEADER_BYTES as usize]) -> Option<Self> {
        let (checked, check) = bytes.split_at(CHECKED_BYTES);
        let mut from = Reader::new(checked);
        let whole = check == checksum(&[checked]);
        if !whole || from.array()? != owner.magic() || from.byte()? != owner.version() {
            return None;
        }
        let channels = u16::from_le_bytes(from.array()?);
        let number = u32::from_le_bytes(from.array()?);
        let boot_base = u32::from_le_bytes(from.array()?);
        let [a, b, c, d, e, f, g, h] = from.array()?;
        let first_seq = u64::from_le_bytes([a, b, c, d, e, 0, 0, 0]);
        let waiting = u32::from_le_bytes(from.array()?);
        Some(Self {
            channels,
            number,
            boot_base,
            first_seq,
            boots: u32::from_le_bytes([f, g, h, 0]),
            seconds: u32::from_le_bytes(from.array()?),
            acked: first_seq.saturating_sub(waiting.into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_comes_back_and_no_flipped_bit_passes() {
        let header = Header {
            channels: 0xbeef,
            number: 70_000,
            boot_base: 0x1234_5678,
            first_seq: (1 << 40) - 1,
            boots: 99,
            seconds: 1_795_327_200,
            acked: (1 << 40) - 3,
        };
        let bytes = header.to_bytes(Owner::Queue);
        assert_eq!(Header::from_bytes(Owner::Queue, &bytes), Some(header));
        assert_eq!(Header::from_bytes(Owner::Settings, &bytes), None);
        for bit in 0..8 * bytes.len() {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                Header::from_bytes(Owner::Queue, &flipped),
                None,
                "bit {bit}"
            );
        }
    }
}
