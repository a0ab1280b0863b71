//! Pages of records: appending to the newest, walking, finding its end.
//!
//! The flash's futures are waited for on the spot: a device's own flash stops its processor while it
//! writes anyway, and a queue that never waits is a third of the code and of the RAM.

use super::page::{Geometry, HEADER_BYTES, Header};
use super::record::{BODY_BYTES_MAX, PREFIX_BYTES, checksum};
use embassy_futures::block_on;
use embedded_storage_async::nor_flash::NorFlash;

/// Room for one record, its padding, and the coarsest read.
pub(crate) const BLOCK_BYTES: usize = PREFIX_BYTES + BODY_BYTES_MAX + 2 * HEADER_BYTES as usize;

/// Bytes aligned as flash drivers like them.
#[repr(align(4))]
pub(crate) struct Block(pub(crate) [u8; BLOCK_BYTES]);

impl Block {
    pub(crate) const fn new() -> Self {
        Self([0; BLOCK_BYTES])
    }

    /// Where a record's body is put together, and found again.
    pub(crate) fn body_mut(&mut self) -> &mut [u8] {
        &mut self.0[PREFIX_BYTES..PREFIX_BYTES + BODY_BYTES_MAX]
    }

    pub(crate) fn body(&self, length: usize) -> &[u8] {
        self.0
            .get(PREFIX_BYTES..PREFIX_BYTES + length)
            .unwrap_or_default()
    }
}

/// Pages of one owner, the newest of which is written to.
#[derive(Clone)]
pub(crate) struct Pages {
    pub(crate) geometry: Geometry,
    /// The newest page.
    pub(crate) number: u32,
    /// Where the next record goes in it.
    pub(crate) write_at: u32,
}

impl Pages {
    /// Pages of which none is written yet: nothing fits before one is opened.
    pub(crate) const fn new(geometry: Geometry) -> Self {
        Self {
            number: 0,
            write_at: geometry.page_bytes,
            geometry,
        }
    }

    /// The header of the newest page.
    pub(crate) fn newest<F: NorFlash>(&self, flash: &mut F) -> Result<Option<Header>, F::Error> {
        let mut newest: Option<Header> = None;
        for slot in 0..self.geometry.pages {
            if let Some(header) = self.header_in(flash, slot)?
                && newest.is_none_or(|newest| header.number >= newest.number)
            {
                newest = Some(header);
            }
        }
        Ok(newest)
    }

    /// What lies in the slot that a page of this number would take.
    pub(crate) fn header_in<F: NorFlash>(
        &self,
        flash: &mut F,
        number: u32,
    ) -> Result<Option<Header>, F::Error> {
        let mut bytes = Aligned([0; HEADER_BYTES as usize]);
        block_on(flash.read(self.geometry.address(number, 0), &mut bytes.0))?;
        let header = Header::from_bytes(self.geometry.owner(), &bytes.0);
        let pages = self.geometry.pages;
        Ok(header.filter(|header| header.number % pages == number % pages))
    }

    /// Whether the slot of this page has neither a header nor is erased.
    pub(crate) fn is_broken<F: NorFlash>(
        &self,
        flash: &mut F,
        number: u32,
    ) -> Result<bool, F::Error> {
        let mut bytes = Aligned([0; HEADER_BYTES as usize]);
        block_on(flash.read(self.geometry.address(number, 0), &mut bytes.0))?;
        let header = Header::from_bytes(self.geometry.owner(), &bytes.0);
        Ok(header.is_none() && bytes.0.iter().any(|&byte| byte != 0xff))
    }

    /// The next record of a page, behind this offset; its body is in the block, of this length.
    /// None at the end of the page.
    ///
    /// What is no whole record is stepped over.
    pub(crate) fn next<F: NorFlash>(
        &self,
        flash: &mut F,
        page: u32,
        offset: &mut u32,
        block: &mut Block,
    ) -> Result<Option<usize>, F::Error> {
        let end = match page == self.number {
            true => self.write_at,
            false => self.geometry.page_bytes,
        };
        while *offset < end {
            let address = self.geometry.address(page, *offset);
            match self.read(flash, address, end - *offset, block)? {
                Some(length) => {
                    *offset += self.bytes_of(length);
                    return Ok(Some(length));
                }
                None => *offset += self.geometry.unit,
            }
        }
        Ok(None)
    }

    fn read<F: NorFlash>(
        &self,
        flash: &mut F,
        address: u32,
        room: u32,
        block: &mut Block,
    ) -> Result<Option<usize>, F::Error> {
        // Most records are short: one read takes them whole.
        let first = HEADER_BYTES.min(room) as usize;
        block_on(flash.read(address, &mut block.0[..first]))?;
        let length = usize::from(block.0[0]);
        let total = self.bytes_of(length);
        if length == 0 || length > BODY_BYTES_MAX || total > room {
            return Ok(None);
        }
        if total as usize > first {
            let rest = &mut block.0[first..total as usize];
            block_on(flash.read(address + first as u32, rest))?;
        }
        let whole = block.0[1..PREFIX_BYTES] == checksum(&[&block.0[..1], block.body(length)]);
        Ok(whole.then_some(length))
    }

    /// Whether a body of this length fits into the newest page.
    pub(crate) fn fits(&self, length: usize) -> bool {
        self.write_at + self.bytes_of(length) <= self.geometry.page_bytes
    }

    /// Writes the body that is in the block behind the last record.
    ///
    /// After an error the words may have been written in part: they are left.
    pub(crate) fn append<F: NorFlash>(
        &mut self,
        flash: &mut F,
        length: usize,
        block: &mut Block,
    ) -> Result<(), F::Error> {
        let end = PREFIX_BYTES + length;
        let total = self.bytes_of(length);
        block.0[0] = length as u8;
        let check = checksum(&[&block.0[..1], block.body(length)]);
        block.0[1..PREFIX_BYTES].copy_from_slice(&check);
        block.0[end..total as usize].fill(0);
        let address = self.geometry.address(self.number, self.write_at);
        self.write_at += total;
        block_on(flash.write(address, &block.0[..total as usize]))
    }

    /// Erases the slot of a page.
    pub(crate) fn erase<F: NorFlash>(&self, flash: &mut F, number: u32) -> Result<(), F::Error> {
        let from = self.geometry.address(number, 0);
        block_on(flash.erase(from, from + self.geometry.page_bytes))
    }

    /// Makes a page whose slot is erased the newest: it has room behind its header.
    pub(crate) fn turn_to(&mut self, number: u32) {
        self.number = number;
        self.write_at = HEADER_BYTES;
    }

    /// Writes a page's header into its slot.
    pub(crate) fn head<F: NorFlash>(&self, flash: &mut F, header: &Header) -> Result<(), F::Error> {
        let bytes = Aligned(header.to_bytes(self.geometry.owner()));
        block_on(flash.write(self.geometry.address(header.number, 0), &bytes.0))
    }

    /// Walks a page, which is the newest, to where the next record goes. Says whether every byte
    /// of it is a record's: if not, something was cut or damaged.
    pub(crate) fn find_end<F: NorFlash>(
        &mut self,
        flash: &mut F,
        number: u32,
        block: &mut Block,
        each: &mut dyn FnMut(&[u8]),
    ) -> Result<bool, F::Error> {
        self.number = number;
        let written = self.last_written(flash, block)?;
        self.write_at = written;
        let mut offset = HEADER_BYTES;
        let mut whole = offset;
        let mut skipped = false;
        while let Some(length) = self.next(flash, number, &mut offset, block)? {
            skipped |= offset - self.bytes_of(length) != whole;
            whole = offset;
            each(block.body(length));
        }
        if whole != written {
            // A cut left a part of a record. The word behind it may have been touched too
            // lightly to show.
            self.write_at = (written + self.geometry.unit).min(self.geometry.page_bytes);
            skipped = true;
        }
        Ok(!skipped)
    }

    /// The offset behind the last byte of the newest page that isn't erased.
    fn last_written<F: NorFlash>(&self, flash: &mut F, block: &mut Block) -> Result<u32, F::Error> {
        let mut last = HEADER_BYTES;
        let mut offset = HEADER_BYTES;
        while offset < self.geometry.page_bytes {
            let bytes = &mut block.0[..HEADER_BYTES as usize];
            block_on(flash.read(self.geometry.address(self.number, offset), bytes))?;
            if let Some(at) = bytes.iter().rposition(|&byte| byte != 0xff) {
                last = offset + at as u32 + 1;
            }
            offset += HEADER_BYTES;
        }
        Ok(self.geometry.round_up(last))
    }

    /// What a record with a body of this length takes, bytes.
    pub(crate) fn bytes_of(&self, length: usize) -> u32 {
        self.geometry.round_up((PREFIX_BYTES + length) as u32)
    }
}

#[repr(align(4))]
struct Aligned([u8; HEADER_BYTES as usize]);
