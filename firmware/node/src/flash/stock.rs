//! What is found in the queue at boot: readings, clocks, marks, damage.

use super::{
    queue::Cursor,
    record::{self, Record},
    store::{Store, StoreError},
};
use crate::reading::Basis;
use embedded_storage_async::nor_flash::NorFlash;

impl<F: NorFlash> Store<F> {
    pub(super) fn recover(&mut self) -> Result<(), StoreError<F::Error>> {
        self.acked = self.last_mark()?;
        self.marked = self.acked;
        // What was acknowledged behind a damaged record keeps its numbers.
        self.queue.next_seq = self.queue.next_seq.max(self.acked);
        self.finish_eviction()?;
        self.drop_unnamed()?;
        let damaged = self.take_stock()?;
        self.count_damaged(damaged);
        self.clear_broken()?;
        let boot = self.boot();
        self.dating.lasted(boot, 0);
        self.rewind()
    }

    /// Erases a page whose readings are counted as evicted: the power went before it was.
    fn finish_eviction(&mut self) -> Result<(), F::Error> {
        if let Some(page) = self.evicted.page
            && page != self.queue.head().number
            && self.queue.header(&mut self.flash, page)?.is_some()
            && self.queue.erase(&mut self.flash, page).is_err()
        {
            self.pass_over(page)?;
        }
        Ok(())
    }

    /// Erases what cuts and damage left without a header, so that it isn't counted again.
    fn clear_broken(&mut self) -> Result<(), F::Error> {
        for slot in 0..self.queue.pages() {
            if self.queue.is_broken(&mut self.flash, slot)?
                && self.queue.erase(&mut self.flash, slot).is_err()
            {
                self.pass_over(slot)?;
            }
        }
        Ok(())
    }

    /// Drops the pages of another table of channels, after an update of the firmware.
    fn drop_unnamed(&mut self) -> Result<(), StoreError<F::Error>> {
        if self.queue.head().channels != self.channels {
            self.make_room()?;
        }
        for slot in 0..self.queue.pages() {
            let header = self.queue.in_slot(&mut self.flash, slot)?;
            if let Some(header) = header
                && header.channels != self.channels
            {
                self.evict(header.number)?;
                if self.queue.erase(&mut self.flash, header.number).is_err() {
                    self.pass_over(header.number)?;
                }
            }
        }
        Ok(())
    }

    /// Walks the queue: what is pending, the clocks of earlier boots. Says how many readings are
    /// missing that were neither acknowledged nor counted before.
    fn take_stock(&mut self) -> Result<u64, F::Error> {
        self.pending = 0;
        let from = self.acked.max(self.evicted.looked_below);
        let missing = |end: u64, next: u64| next.saturating_sub(end.max(from));
        let mut damaged = 0;
        let mut end = self.acked;
        let mut before = None;
        let mut next = Some(self.queue.oldest(&mut self.flash)?);
        while let Some(mut cursor) = next {
            let page = cursor.page;
            if let Some(header) = self.queue.header(&mut self.flash, page)? {
                if self.lost_between(before, page)? {
                    damaged += missing(end, header.first_seq);
                }
                end = end.max(header.first_seq);
            }
            while let Some(length) =
                self.queue
                    .next_in_page(&mut self.flash, &mut cursor, &mut self.block)?
            {
                if let Some(run) = self.remember(&cursor, length) {
                    damaged += missing(end, run.start);
                    self.pending += run.end.saturating_sub(run.start.max(end));
                    end = end.max(run.end);
                }
            }
            before = Some(page);
            next = self.queue.page_after(&mut self.flash, page)?;
        }
        Ok(damaged)
    }

    /// Whether numbers that are missing between two pages (or before the first) were damaged,
    /// rather than evicted.
    fn lost_between(&mut self, before: Option<u32>, page: u32) -> Result<bool, F::Error> {
        let first = match before {
            Some(before) if before + 1 == page => return Ok(true),
            Some(before) => before + 1,
            None => page.saturating_sub(1),
        };
        let pages = self.queue.pages();
        for number in first.max(page.saturating_sub(pages))..page {
            let counted = self.evicted.page.map(|evicted| evicted % pages);
            if counted != Some(number % pages) && self.queue.is_broken(&mut self.flash, number)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes from a record what is to be remembered; the numbers of its readings.
    fn remember(&mut self, cursor: &Cursor, length: usize) -> Option<core::ops::Range<u64>> {
        match record::read(self.block.body(length), &cursor.base)? {
            (Record::Readings(run), readings) => {
                let boot = cursor.boot_base.wrapping_add(run.boots);
                let mut end = run.seq;
                for reading in readings {
                    end += 1;
                    if reading.stamp.basis == Basis::Uptime {
                        self.dating.lasted(boot, reading.stamp.ms);
                    }
                }
                Some(run.seq..end)
            }
            (Record::Synced { boots, offset_ms }, _) => {
                self.dating
                    .synced(cursor.boot_base.wrapping_add(boots), offset_ms);
                None
            }
            (Record::Acked { .. }, _) => None,
        }
    }

    /// The newest word on what was acknowledged: of the newest page's header, or behind it.
    fn last_mark(&mut self) -> Result<u64, F::Error> {
        let header = *self.queue.head();
        let mut acked = header.acked;
        let mut cursor = Cursor::beginning(&header);
        while let Some(length) =
            self.queue
                .next_in_page(&mut self.flash, &mut cursor, &mut self.block)?
        {
            if let Some((Record::Acked { below }, _)) =
                record::read(self.block.body(length), &cursor.base)
            {
                acked = acked.max(below);
            }
        }
        Ok(acked)
    }
}
