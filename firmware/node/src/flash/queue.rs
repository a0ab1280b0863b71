//! The log of records in flash: appending, walking, opening the next page.
//!
//! The flash's futures are waited for on the spot: a device's own flash stops its processor while it
//! writes anyway, and a queue that never waits is a third of the code and of the RAM.
//!
//! It knows nothing of messages or of what is in flight: whoever opens a page over another says
//! which ones may go (docs/device-flash.md).

use super::page::{Geometry, HEADER_BYTES, Header};
use super::record::{BODY_BYTES_MAX, PREFIX_BYTES, Record, checksum, read};
use core::ops::Range;
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

/// A place between records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The page.
    pub(crate) page: u32,
    /// The offset in it.
    pub(crate) offset: u32,
    /// The page's boot base.
    pub(crate) boot_base: u32,
}

/// The log and where its end is.
pub(crate) struct Queue {
    geometry: Geometry,
    head: Header,
    write_at: u32,
    /// The number of the next reading.
    pub(crate) next_seq: u64,
}

impl Queue {
    /// Finds the log's end. Where there is no log, one begins.
    ///
    /// New pages carry this boot base and this fingerprint of the channels.
    pub(crate) fn mount<F: NorFlash>(
        flash: &mut F,
        range: &Range<u32>,
        (boot_base, channels): (u32, u16),
        block: &mut Block,
    ) -> Result<Option<Self>, F::Error> {
        let Some(geometry) = Geometry::new::<F>(range) else {
            return Ok(None);
        };
        let mut head = None;
        for slot in 0..geometry.pages {
            let header = read_header(flash, &geometry, slot)?;
            head = newest(head, header);
        }
        let blank = Header {
            channels,
            number: 0,
            boot_base,
            first_seq: 0,
            acked: 0,
        };
        let mut queue = Self {
            head: head.unwrap_or(blank),
            write_at: geometry.page_bytes,
            next_seq: 0,
            geometry,
        };
        match head {
            None => queue.open(flash, &blank)?,
            Some(header) => {
                queue.next_seq = header.first_seq;
                queue.find_end(flash, block)?;
                if header.boot_base != boot_base || header.channels != channels {
                    // Records here would be taken for another boot's, or other channels': the next
                    // goes to a page of its own.
                    queue.write_at = queue.geometry.page_bytes;
                }
            }
        }
        Ok(Some(queue))
    }

    pub(crate) fn head(&self) -> &Header {
        &self.head
    }

    pub(crate) fn pages(&self) -> u32 {
        self.geometry.pages
    }

    /// Bytes of the newest page that are written.
    pub(crate) fn head_bytes(&self) -> u32 {
        self.write_at
    }

    /// Bytes of one page.
    pub(crate) fn page_bytes(&self) -> u32 {
        self.geometry.page_bytes
    }

    /// The beginning of the oldest page.
    pub(crate) fn oldest<F: NorFlash>(&self, flash: &mut F) -> Result<Cursor, F::Error> {
        let first = self.first_from(flash, 0)?;
        Ok(at_beginning(&first.unwrap_or(self.head)))
    }

    /// The beginning of the page that follows this one, if there is one.
    pub(crate) fn page_after<F: NorFlash>(
        &self,
        flash: &mut F,
        page: u32,
    ) -> Result<Option<Cursor>, F::Error> {
        if page >= self.head.number {
            return Ok(None);
        }
        let next = match self.header(flash, page + 1)? {
            Some(next) => Some(next),
            None => self.first_from(flash, page + 1)?,
        };
        Ok(next.as_ref().map(at_beginning))
    }

    /// The oldest page of this number or a later one. Pages that were in flight while others
    /// were evicted may be older than the newest by more than the number of slots.
    fn first_from<F: NorFlash>(
        &self,
        flash: &mut F,
        number: u32,
    ) -> Result<Option<Header>, F::Error> {
        let mut first: Option<Header> = None;
        for slot in 0..self.geometry.pages {
            if let Some(header) = read_header(flash, &self.geometry, slot)?
                && header.number >= number
                && first.is_none_or(|first| header.number < first.number)
            {
                first = Some(header);
            }
        }
        Ok(first)
    }

    /// The header of a page, if it is still there.
    pub(crate) fn header<F: NorFlash>(
        &self,
        flash: &mut F,
        number: u32,
    ) -> Result<Option<Header>, F::Error> {
        let header = read_header(flash, &self.geometry, number % self.geometry.pages)?;
        Ok(header.filter(|header| header.number == number))
    }

    /// What lies in the slot that a page of this number would take.
    pub(crate) fn in_slot<F: NorFlash>(
        &self,
        flash: &mut F,
        number: u32,
    ) -> Result<Option<Header>, F::Error> {
        read_header(flash, &self.geometry, number % self.geometry.pages)
    }

    /// The next record; its body is in the block, of this length. None at the log's end.
    ///
    /// What is no whole record is stepped over.
    pub(crate) fn next<F: NorFlash>(
        &self,
        flash: &mut F,
        cursor: &mut Cursor,
        block: &mut Block,
    ) -> Result<Option<usize>, F::Error> {
        loop {
            match self.next_in_page(flash, cursor, block)? {
                Some(length) => return Ok(Some(length)),
                None => match self.page_after(flash, cursor.page)? {
                    Some(next) => *cursor = next,
                    None => return Ok(None),
                },
            }
        }
    }

    /// As [`Self::next`], but none at the end of the page.
    pub(crate) fn next_in_page<F: NorFlash>(
        &self,
        flash: &mut F,
        cursor: &mut Cursor,
        block: &mut Block,
    ) -> Result<Option<usize>, F::Error> {
        let end = match cursor.page == self.head.number {
            true => self.write_at,
            false => self.geometry.page_bytes,
        };
        while cursor.offset < end {
            let room = end - cursor.offset;
            match self.read_record(flash, cursor, room, block)? {
                Some(length) => {
                    cursor.offset += self.geometry.round_up((PREFIX_BYTES + length) as u32);
                    return Ok(Some(length));
                }
                None => cursor.offset += self.geometry.unit,
            }
        }
        Ok(None)
    }

    fn read_record<F: NorFlash>(
        &self,
        flash: &mut F,
        cursor: &Cursor,
        room: u32,
        block: &mut Block,
    ) -> Result<Option<usize>, F::Error> {
        let address = self.geometry.address(cursor.page, cursor.offset);
        // Most records are short: one read takes them whole.
        let first = HEADER_BYTES.min(room) as usize;
        block_on(flash.read(address, &mut block.0[..first]))?;
        let length = usize::from(block.0[0]);
        let total = self.geometry.round_up((PREFIX_BYTES + length) as u32);
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
        let total = self.geometry.round_up((PREFIX_BYTES + length) as u32);
        self.write_at + total <= self.geometry.page_bytes
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
        let total = self.geometry.round_up(end as u32);
        block.0[0] = length as u8;
        let check = checksum(&[&block.0[..1], block.body(length)]);
        block.0[1..PREFIX_BYTES].copy_from_slice(&check);
        block.0[end..total as usize].fill(0);
        let address = self.geometry.address(self.head.number, self.write_at);
        self.write_at += total;
        block_on(flash.write(address, &block.0[..total as usize]))
    }

    /// Erases a page's slot and makes it the newest page.
    pub(crate) fn open<F: NorFlash>(
        &mut self,
        flash: &mut F,
        header: &Header,
    ) -> Result<(), F::Error> {
        self.erase(flash, header.number)?;
        let address = self.geometry.address(header.number, 0);
        block_on(flash.write(address, &Aligned(header.to_bytes()).0))?;
        self.head = *header;
        self.write_at = HEADER_BYTES;
        Ok(())
    }

    /// Erases the slot of a page.
    pub(crate) fn erase<F: NorFlash>(&self, flash: &mut F, number: u32) -> Result<(), F::Error> {
        let from = self.geometry.address(number, 0);
        block_on(flash.erase(from, from + self.geometry.page_bytes))
    }

    /// Walks the newest page to where the next record goes.
    fn find_end<F: NorFlash>(&mut self, flash: &mut F, block: &mut Block) -> Result<(), F::Error> {
        let written = self.last_written(flash, block)?;
        let mut cursor = at_beginning(&self.head);
        let mut whole = cursor.offset;
        self.write_at = written;
        while let Some(length) = self.next_in_page(flash, &mut cursor, block)? {
            whole = cursor.offset;
            if let Some((Record::Readings(run), readings)) = read(block.body(length)) {
                self.next_seq = run.seq + readings.count() as u64;
            }
        }
        if whole != written {
            // A cut left a part of a record. The word behind it may have been touched too
            // lightly to show.
            self.write_at = (written + self.geometry.unit).min(self.geometry.page_bytes);
        }
        Ok(())
    }

    /// The offset behind the last byte of the newest page that isn't erased.
    fn last_written<F: NorFlash>(&self, flash: &mut F, block: &mut Block) -> Result<u32, F::Error> {
        let mut last = HEADER_BYTES;
        let mut offset = HEADER_BYTES;
        while offset < self.geometry.page_bytes {
            let bytes = &mut block.0[..HEADER_BYTES as usize];
            block_on(flash.read(self.geometry.address(self.head.number, offset), bytes))?;
            if let Some(at) = bytes.iter().rposition(|&byte| byte != 0xff) {
                last = offset + at as u32 + 1;
            }
            offset += HEADER_BYTES;
        }
        Ok(self.geometry.round_up(last))
    }
}

fn at_beginning(header: &Header) -> Cursor {
    Cursor {
        page: header.number,
        offset: HEADER_BYTES,
        boot_base: header.boot_base,
    }
}

fn newest(head: Option<Header>, header: Option<Header>) -> Option<Header> {
    match (head, header) {
        (Some(head), Some(header)) if header.number < head.number => Some(head),
        (head, None) => head,
        (_, header) => header,
    }
}

fn read_header<F: NorFlash>(
    flash: &mut F,
    geometry: &Geometry,
    slot: u32,
) -> Result<Option<Header>, F::Error> {
    let mut bytes = Aligned([0; HEADER_BYTES as usize]);
    block_on(flash.read(geometry.address(slot, 0), &mut bytes.0))?;
    let header = Header::from_bytes(&bytes.0);
    Ok(header.filter(|header| header.number % geometry.pages == slot))
}

#[repr(align(4))]
struct Aligned([u8; HEADER_BYTES as usize]);
