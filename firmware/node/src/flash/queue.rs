//! The log of readings: the pages one after the other.
//!
//! It knows nothing of messages or of what is in flight: whoever opens a page over another says
//! which ones may go (docs/device-flash.md).

use super::page::{Geometry, HEADER_BYTES, Header};
use super::pages::{Block, Pages};
use super::record::{Base, Record, read};
use super::settings::Boots;
use embedded_storage_async::nor_flash::NorFlash;

/// A place between records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The page.
    pub(crate) page: u32,
    /// The offset in it.
    pub(crate) offset: u32,
    /// The page's boot base.
    pub(crate) boot_base: u32,
    /// What the page's records leave out.
    pub(crate) base: Base,
}

impl Cursor {
    /// Before the first record of a page.
    pub(crate) fn beginning(header: &Header) -> Self {
        Self {
            page: header.number,
            offset: HEADER_BYTES,
            boot_base: header.boot_base,
            base: header.base(),
        }
    }

    /// Before the first page.
    pub(crate) const START: Self = Self {
        page: 0,
        offset: HEADER_BYTES,
        boot_base: 0,
        base: Base::ZERO,
    };
}

/// The log and where its end is.
pub(crate) struct Queue {
    pages: Pages,
    head: Header,
    /// Whether there is a page at all.
    begun: bool,
    /// The number of the next reading.
    pub(crate) next_seq: u64,
}

impl Queue {
    /// A log that isn't mounted yet: nothing fits into it.
    pub(crate) const fn new(geometry: Geometry) -> Self {
        Self {
            pages: Pages::new(geometry),
            head: Header::EMPTY,
            begun: false,
            next_seq: 0,
        }
    }

    /// Finds the log's end, if there is a log, and the newest boot that it knows of.
    pub(crate) fn find<F: NorFlash>(
        &mut self,
        flash: &mut F,
        block: &mut Block,
    ) -> Result<Option<Boots>, F::Error> {
        let Some(head) = self.pages.newest(flash)? else {
            return Ok(None);
        };
        self.head = head;
        self.begun = true;
        let mut next_seq = head.first_seq;
        let mut count = 0;
        self.pages
            .find_end(flash, head.number, block, &mut |body| {
                if let Some((Record::Readings(run), readings)) = read(body, &head.base()) {
                    next_seq = run.seq + readings.count() as u64;
                    count = count.max(run.boots);
                }
            })?;
        self.next_seq = next_seq;
        let base = head.boot_base;
        Ok(Some(Boots { base, count }))
    }

    /// New pages carry this boot base and this fingerprint of the channels. Where there is no
    /// log, one begins.
    pub(crate) fn begin<F: NorFlash>(
        &mut self,
        flash: &mut F,
        (boot_base, channels): (u32, u16),
    ) -> Result<(), F::Error> {
        if !self.begun {
            let blank = Header {
                channels,
                boot_base,
                ..Header::EMPTY
            };
            return self.begin_log(flash, &blank);
        }
        let head = self.head;
        if head.boot_base != boot_base || head.channels != channels {
            // Records here would be taken for another boot's, or other channels': the next
            // goes to a page of its own.
            self.pages.write_at = self.pages.geometry.page_bytes;
        }
        Ok(())
    }

    pub(crate) fn head(&self) -> &Header {
        &self.head
    }

    pub(crate) fn pages(&self) -> u32 {
        self.pages.geometry.pages
    }

    /// Bytes of the newest page that are written.
    pub(crate) fn head_bytes(&self) -> u32 {
        self.pages.write_at
    }

    /// Bytes of one page.
    pub(crate) fn page_bytes(&self) -> u32 {
        self.pages.geometry.page_bytes
    }

    /// The beginning of the oldest page.
    pub(crate) fn oldest<F: NorFlash>(&self, flash: &mut F) -> Result<Cursor, F::Error> {
        let first = self.first_from(flash, 0)?;
        Ok(Cursor::beginning(&first.unwrap_or(self.head)))
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
            Some(next) if next.channels == self.head.channels => Some(next),
            _ => self.first_from(flash, page + 1)?,
        };
        Ok(next.as_ref().map(Cursor::beginning))
    }

    /// The oldest page of this number or a later one, of the newest page's table of channels. Pages that were in flight while others
    /// were evicted may be older than the newest by more than the number of slots.
    fn first_from<F: NorFlash>(
        &self,
        flash: &mut F,
        number: u32,
    ) -> Result<Option<Header>, F::Error> {
        let mut first: Option<Header> = None;
        for slot in 0..self.pages() {
            if let Some(header) = self.in_slot(flash, slot)?
                && header.number >= number
                && header.channels == self.head.channels
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
        let header = self.in_slot(flash, number)?;
        Ok(header.filter(|header| header.number == number))
    }

    /// What lies in the slot that a page of this number would take.
    pub(crate) fn in_slot<F: NorFlash>(
        &self,
        flash: &mut F,
        number: u32,
    ) -> Result<Option<Header>, F::Error> {
        self.pages.header_in(flash, number)
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
        self.pages
            .next(flash, cursor.page, &mut cursor.offset, block)
    }

    /// Whether a body of this length fits into the newest page.
    pub(crate) fn fits(&self, length: usize) -> bool {
        self.pages.fits(length)
    }

    /// As [`Pages::append`].
    pub(crate) fn append<F: NorFlash>(
        &mut self,
        flash: &mut F,
        length: usize,
        block: &mut Block,
    ) -> Result<(), F::Error> {
        self.pages.append(flash, length, block)
    }

    /// Begins the log in the first slot that can be erased and written.
    fn begin_log<F: NorFlash>(&mut self, flash: &mut F, blank: &Header) -> Result<(), F::Error> {
        let mut number = 0;
        loop {
            let header = Header { number, ..*blank };
            let begun = self
                .pages
                .erase(flash, number)
                .and_then(|()| self.head_page(flash, &header));
            number += 1;
            if begun.is_ok() || number == self.pages() {
                return begun;
            }
        }
    }

    /// Makes a page, whose slot is erased, the newest.
    pub(crate) fn head_page<F: NorFlash>(
        &mut self,
        flash: &mut F,
        header: &Header,
    ) -> Result<(), F::Error> {
        self.pages.head(flash, header)?;
        self.pages.turn_to(header.number);
        self.head = *header;
        self.begun = true;
        Ok(())
    }

    /// Whether the slot of this page has neither a header nor is erased.
    pub(crate) fn is_broken<F: NorFlash>(
        &self,
        flash: &mut F,
        number: u32,
    ) -> Result<bool, F::Error> {
        self.pages.is_broken(flash, number)
    }

    /// Erases the slot of a page.
    pub(crate) fn erase<F: NorFlash>(&self, flash: &mut F, number: u32) -> Result<(), F::Error> {
        self.pages.erase(flash, number)
    }
}
