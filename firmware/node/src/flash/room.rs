//! Making room: which page goes, what is lost with it, and pages that can't be erased any more.

use super::{
    page::Header,
    queue::Cursor,
    record::{self, Record},
    settings::Evicted,
    store::{Store, StoreError},
};
use embedded_storage_async::nor_flash::NorFlash;

/// Slots that are told apart; of a queue with more, some share their fate.
const SLOTS_MAX: u32 = 256;

/// Slots that couldn't be erased or begun in this boot: they are passed over.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BadSlots([u32; SLOTS_MAX as usize / 32]);

impl BadSlots {
    pub(super) const NONE: Self = Self([0; SLOTS_MAX as usize / 32]);

    fn place(slot: u32) -> (usize, u32) {
        let slot = slot % SLOTS_MAX;
        ((slot / 32) as usize, 1 << (slot % 32))
    }

    fn add(&mut self, slot: u32) {
        let (word, bit) = Self::place(slot);
        self.0[word] |= bit;
    }

    fn has(&self, slot: u32) -> bool {
        let (word, bit) = Self::place(slot);
        self.0[word] & bit != 0
    }
}

impl<F: NorFlash> Store<F> {
    /// Opens the next page: over the oldest one that holds nothing in flight and can be erased.
    pub(super) fn make_room(&mut self) -> Result<(), StoreError<F::Error>> {
        let head = self.queue.head().number;
        let mut refused = StoreError::InFlight;
        for number in head + 1..head + self.queue.pages() {
            if self.bad.has(number % self.queue.pages()) {
                continue;
            }
            let victim = self.queue.in_slot(&mut self.flash, number)?;
            if victim.is_some_and(|victim| self.is_in_flight(victim.number)) {
                continue;
            }
            self.evict(victim.map_or(number, |victim| victim.number))?;
            match self.open_over(victim, number) {
                Ok(()) => return Ok(()),
                Err(error) => refused = error.into(),
            }
            self.pass_over(number)?;
        }
        Err(refused)
    }

    /// Erases what lies in a slot and begins a page there.
    fn open_over(&mut self, victim: Option<Header>, number: u32) -> Result<(), F::Error> {
        let after = match victim {
            Some(victim) => self.queue.page_after(&mut self.flash, victim.number)?,
            None => None,
        };
        self.queue.erase(&mut self.flash, number)?;
        if let (Some(victim), Some(after)) = (victim, after)
            && victim.number == self.send.page
        {
            self.send = after;
        }
        // Everything before the page that is the oldest now is acknowledged or counted.
        let oldest = self.queue.oldest(&mut self.flash)?.page;
        if let Some(oldest) = self.queue.header(&mut self.flash, oldest)? {
            self.acked = self.acked.max(oldest.first_seq);
        }
        let header = Header {
            channels: self.channels,
            number,
            boot_base: self.boots.base,
            first_seq: self.queue.next_seq,
            boots: self.boots.count,
            seconds: self.newest_s,
            acked: self.acked,
        };
        self.queue.head_page(&mut self.flash, &header)?;
        self.marked = self.acked;
        Ok(())
    }

    fn is_in_flight(&self, page: u32) -> bool {
        self.flights
            .iter()
            .any(|flight| (flight.pages.0..=flight.pages.1).contains(&page))
    }

    /// Counts what is lost with a page, and notes which it is, before the page is erased: what a
    /// cut leaves of it isn't taken for readings or for damage.
    pub(super) fn evict(&mut self, page: u32) -> Result<(), StoreError<F::Error>> {
        // The page that follows says what was acknowledged. Where it can't be kept, it is tried again.
        let _ = self.count_lost();
        let live = self.live_readings(page)?;
        let evicted = Evicted {
            total: self.evicted.total + live,
            page: Some(page),
            ..self.evicted
        };
        if self.keep_evicted(evicted).is_err() && live > 0 {
            return Err(StoreError::Settings);
        }
        self.pending = self.pending.saturating_sub(live);
        Ok(())
    }

    /// A slot that couldn't be erased or begun is left alone until the next boot. What can still
    /// be read of the page that was just counted there hasn't gone after all.
    pub(super) fn pass_over(&mut self, number: u32) -> Result<(), F::Error> {
        self.bad.add(number % self.queue.pages());
        let Some(left) = self.queue.in_slot(&mut self.flash, number)? else {
            return Ok(());
        };
        if self.evicted.page != Some(left.number) || left.channels != self.channels {
            return Ok(());
        }
        let live = self.live_readings(left.number)?;
        self.pending += live;
        // If it can't be kept, a reading more than were lost is counted after the next boot.
        let _ = self.keep_evicted(Evicted {
            total: self.evicted.total.saturating_sub(live),
            page: None,
            ..self.evicted
        });
        Ok(())
    }

    /// Counts readings that were queued and can't be read any more.
    pub(super) fn count_damaged(&mut self, readings: u64) {
        if readings > 0 {
            // Where it can't be kept, it is counted until the next boot.
            let _ = self.keep_evicted(Evicted {
                total: self.evicted.total + readings,
                looked_below: self.queue.next_seq,
                ..self.evicted
            });
        }
    }

    fn keep_evicted(&mut self, evicted: Evicted) -> Result<(), super::settings::Unkept> {
        let kept = self
            .settings
            .set_evicted(&mut self.flash, &mut self.block, evicted);
        // An eviction that isn't kept doesn't happen; everything else has happened already.
        if kept.is_ok() || evicted.page.is_none() || evicted.page == self.evicted.page {
            self.evicted = evicted;
        }
        kept
    }

    /// Readings of a page that were not acknowledged.
    fn live_readings(&mut self, page: u32) -> Result<u64, F::Error> {
        let Some(header) = self.queue.header(&mut self.flash, page)? else {
            return Ok(0);
        };
        let mut cursor = Cursor::beginning(&header);
        let mut live = 0;
        let mut end = self.acked;
        while let Some(length) =
            self.queue
                .next_in_page(&mut self.flash, &mut cursor, &mut self.block)?
        {
            if let Some((Record::Readings(run), readings)) =
                record::read(self.block.body(length), &cursor.base)
            {
                let after = run.seq + readings.count() as u64;
                live += after.saturating_sub(run.seq.max(end));
                end = end.max(after);
            }
        }
        Ok(live)
    }
}
