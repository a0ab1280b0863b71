//! The device's memory: readings from the moment they are measured to their PUBACK.

use super::{
    boots::count_boot,
    dating::Dating,
    page::{Geometry, Owner},
    pages::Block,
    queue::{Cursor, Queue},
    record::{self, Record, Run, RunWriter},
    room::BadSlots,
    settings::{Boots, Evicted, Key, Settings, Write},
};
use crate::{
    bytes::Reader,
    reading::{Basis, Channel, Queued, Reading},
};
use core::{fmt, ops::Range};
use embedded_storage_async::nor_flash::NorFlash;
use heapless::Deque;

/// Most messages that wait for their PUBACK at a time.
pub const IN_FLIGHT_MAX: usize = 8;
/// Acknowledged readings after which the flash is told so: as many come again after a power cut.
pub(crate) const MARK_EVERY: u64 = 64;

/// Which parts of the flash are whose. Both begin and end at an erasable page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Two pages at least.
    pub settings: Range<u32>,
    /// Three pages at least.
    pub queue: Range<u32>,
}

/// Why the flash can't be used at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MountError<E> {
    /// The ranges of the layout are no whole pages, or too few.
    Layout,
    /// The settings can't be written.
    Settings,
    /// The flash reports an error.
    Flash(E),
}

/// Why readings weren't queued. They are still the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreError<E> {
    /// Every page that could be evicted holds a message in flight, or can't be erased.
    InFlight,
    /// The settings can't be written, so nothing that is evicted could be counted.
    Settings,
    /// A reading has an impossible channel or time.
    Reading,
    /// The flash reports an error.
    Flash(E),
}

impl<E> From<E> for StoreError<E> {
    fn from(error: E) -> Self {
        Self::Flash(error)
    }
}

impl<E: fmt::Debug> fmt::Display for MountError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layout => f.write_str("the flash layout needs 2 and 3 whole pages"),
            Self::Settings => f.write_str("the settings can't be written to flash"),
            Self::Flash(error) => write!(f, "the flash fails: {error:?}"),
        }
    }
}

/// Where the pages of both ranges lie.
pub(crate) struct Places {
    settings: Geometry,
    queue: Geometry,
}

impl Places {
    /// None if the ranges of the layout are no whole pages, or too few.
    pub(crate) fn of<F: NorFlash>(layout: &Layout) -> Option<Self> {
        Some(Self {
            settings: Geometry::new::<F>(Owner::Settings, &layout.settings)?,
            queue: Geometry::new::<F>(Owner::Queue, &layout.queue)?,
        })
    }
}

/// A message that was handed to the link.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flight {
    pub(super) below: u64,
    pub(super) readings: u32,
    pub(super) pages: (u32, u32),
    /// Where it begins.
    pub(super) from: Cursor,
    pub(super) from_seq: u64,
}

/// The queue and the settings of one device.
pub struct Store<F: NorFlash> {
    pub(super) flash: F,
    pub(super) settings: Settings,
    pub(super) queue: Queue,
    pub(super) block: Block,
    pub(super) boots: Boots,
    /// The fingerprint of the table of channels.
    pub(super) channels: u16,
    pub(super) dating: Dating,
    pub(super) flights: Deque<Flight, IN_FLIGHT_MAX>,
    pub(super) send: Cursor,
    pub(super) send_seq: u64,
    /// Readings in the queue that were not acknowledged.
    pub(super) pending: u64,
    pub(super) evicted: Evicted,
    /// Readings that were given up and aren't in that yet.
    pub(super) lost: u64,
    pub(super) bad: BadSlots,
    /// Every reading below it was acknowledged, or counted as evicted.
    pub(super) acked: u64,
    pub(super) marked: u64,
    /// The time of the newest reading, s since 1970 or since boot.
    pub(super) newest_s: u32,
    /// Readings below this number are doubtful, whatever their stamps say.
    pub(super) doubted_below: u64,
}

impl<F: NorFlash> Store<F> {
    /// Counts the boot and finds what was left in the queue.
    ///
    /// `channels` is the device's table. Readings that were queued under another one can't be
    /// named any more: they are counted as evicted.
    ///
    /// `entropy` is used when the flash is blank: it tells this device's boots from those of
    /// another device of the same name.
    pub fn mount(
        flash: F,
        layout: &Layout,
        channels: &[Channel],
        entropy: u32,
    ) -> Result<Self, MountError<F::Error>> {
        let places = Places::of::<F>(layout).ok_or(MountError::Layout)?;
        let mut store = Self::new(flash, places);
        store.begin(channels, entropy)?;
        Ok(store)
    }

    /// A store whose flash wasn't looked at yet.
    pub(crate) const fn new(flash: F, places: Places) -> Self {
        let boots = Boots { base: 0, count: 0 };
        Self {
            flash,
            settings: Settings::new(places.settings),
            queue: Queue::new(places.queue),
            block: Block::new(),
            boots,
            channels: 0,
            dating: Dating::new(),
            flights: Deque::new(),
            send: Cursor::START,
            send_seq: 0,
            pending: 0,
            evicted: Evicted {
                total: 0,
                page: None,
                looked_below: 0,
            },
            lost: 0,
            bad: BadSlots::NONE,
            acked: 0,
            marked: 0,
            newest_s: 0,
            doubted_below: 0,
        }
    }

    /// As [`Self::mount`], where the store is already.
    pub(crate) fn begin(
        &mut self,
        channels: &[Channel],
        entropy: u32,
    ) -> Result<(), MountError<F::Error>> {
        let (flash, block) = (&mut self.flash, &mut self.block);
        self.settings
            .mount(flash, block)
            .map_err(MountError::Flash)?;
        let seen = self.queue.find(flash, block).map_err(MountError::Flash)?;
        self.boots = count_boot(flash, &mut self.settings, block, seen, entropy);
        self.evicted = self.settings.evicted(flash, block).unwrap_or_default();
        self.channels = fingerprint(channels);
        let named = (self.boots.base, self.channels);
        self.queue.begin(flash, named).map_err(MountError::Flash)?;
        self.recover().map_err(|error| match error {
            StoreError::Flash(error) => MountError::Flash(error),
            // Nothing is in flight, and no reading is queued.
            _ => MountError::Settings,
        })
    }

    /// The present boot's number.
    pub fn boot(&self) -> u32 {
        self.boots.base.wrapping_add(self.boots.count)
    }

    /// How often the device has started since its flash was blank.
    pub fn starts(&self) -> u32 {
        self.boots.count
    }

    /// The number that the next reading gets.
    pub fn next_seq(&self) -> u64 {
        self.queue.next_seq
    }

    /// Readings in the queue that were not acknowledged.
    pub fn pending(&self) -> u64 {
        self.pending
    }

    /// Readings that are neither acknowledged nor in flight.
    pub fn unsent(&self) -> u64 {
        let in_flight: u64 = self
            .flights
            .iter()
            .map(|flight| u64::from(flight.readings))
            .sum();
        self.pending.saturating_sub(in_flight)
    }

    /// Messages in flight.
    pub fn in_flight(&self) -> usize {
        self.flights.len()
    }

    /// Readings that went unsent, ever: because the queue was full, their flash was damaged or took
    /// nothing, or the broker takes no message that is long enough.
    pub fn evicted(&self) -> u64 {
        self.evicted.total + self.lost
    }

    /// The share of the queue's pages that hold nothing unsent, per cent.
    pub fn free_percent(&self) -> u8 {
        let first = self
            .flights
            .front()
            .map_or(self.send.page, |flight| flight.pages.0);
        let live = match self.pending {
            0 => 0,
            _ => {
                (self.queue.head().number - first.min(self.queue.head().number))
                    * self.queue.page_bytes()
                    + self.queue.head_bytes()
            }
        };
        let all = self.queue.pages() * self.queue.page_bytes();
        (100 - u64::from(live.min(all)) * 100 / u64::from(all)) as u8
    }

    /// Queues readings in flash, all of them or a first part; what is returned are the numbers
    /// that they got. When it returns, they survive a power cut.
    pub fn enqueue(&mut self, readings: &[Reading]) -> Result<Range<u64>, StoreError<F::Error>> {
        let first = self.queue.next_seq;
        let mut left = readings;
        while let Some(reading) = left.first() {
            self.newest_s = (reading.stamp.ms / 1000) as u32;
            let run = Run {
                boots: self.boots.count,
                seq: self.queue.next_seq,
                stamp: reading.stamp,
            };
            let mut body = RunWriter::new(self.block.body_mut(), &run, &self.queue.head().base())
                .ok_or(StoreError::Reading)?;
            let fitting = left
                .iter()
                .take_while(|reading| body.push(reading).is_some())
                .count();
            let length = body.len();
            if fitting == 0 {
                return Err(StoreError::Reading);
            }
            if !self.queue.fits(length) {
                self.make_room()?;
                continue;
            }
            self.queue
                .append(&mut self.flash, length, &mut self.block)?;
            self.queue.next_seq += fitting as u64;
            self.pending += fitting as u64;
            if reading.stamp.basis == Basis::Uptime {
                let last = left[fitting - 1].stamp.ms;
                self.dating.lasted(self.boot(), last);
            }
            left = &left[fitting..];
        }
        Ok(first..self.queue.next_seq)
    }

    /// Notes that in this boot unix time is uptime plus the offset; undated readings are dated
    /// by it, after a reboot too.
    pub fn set_clock(&mut self, offset_ms: i64) -> Result<(), StoreError<F::Error>> {
        let boot = self.boot();
        self.dating.synced(boot, offset_ms);
        if let Some(length) =
            record::write_synced(self.block.body_mut(), self.boots.count, offset_ms)
        {
            self.append(length)?;
        }
        Ok(())
    }

    /// The clock was wrong: what is queued is sent as doubtful.
    pub(crate) fn doubt_queued(&mut self) {
        self.doubted_below = self.queue.next_seq;
    }

    /// Whether the clock was set in this boot.
    pub fn clock_is_set(&self) -> bool {
        self.dating.is_synced(self.boot())
    }

    /// The oldest message in flight was acknowledged: its readings leave the queue.
    pub fn acknowledge(&mut self) -> Result<(), StoreError<F::Error>> {
        let Some(flight) = self.flights.pop_front() else {
            return Ok(());
        };
        self.acked = self.acked.max(flight.below);
        self.pending = self.pending.saturating_sub(flight.readings.into());
        if self.acked - self.marked >= MARK_EVERY {
            self.mark()?;
        }
        Ok(())
    }

    /// The newest message in flight wasn't sent after all.
    pub fn take_back(&mut self) {
        if let Some(flight) = self.flights.pop_back() {
            self.send = flight.from;
            self.send_seq = flight.from_seq;
        }
    }

    /// Tells the flash what was acknowledged. Without it, some readings are sent again after a
    /// power cut.
    pub fn mark(&mut self) -> Result<(), StoreError<F::Error>> {
        if self.acked == self.marked {
            return Ok(());
        }
        self.count_lost()?;
        if let Some(length) = record::write_acked(self.block.body_mut(), self.acked)
            && self.queue.fits(length)
        {
            self.queue
                .append(&mut self.flash, length, &mut self.block)?;
            self.marked = self.acked;
        }
        // Where it doesn't fit, the header of the next page says it.
        Ok(())
    }

    /// Nothing is in flight any more: everything unacknowledged is to be sent again.
    pub fn rewind(&mut self) -> Result<(), StoreError<F::Error>> {
        self.flights.clear();
        self.send_seq = self.acked;
        let mut from = self.queue.oldest(&mut self.flash)?;
        while let Some(next) = self.queue.page_after(&mut self.flash, from.page)? {
            match self.queue.header(&mut self.flash, next.page)? {
                Some(header) if header.first_seq <= self.acked => from = next,
                _ => break,
            }
        }
        self.send = from;
        Ok(())
    }

    /// The readings that are in the queue and were not acknowledged, oldest first.
    ///
    /// For tests and for a device's own report; the link composes messages instead.
    pub fn for_each_pending(
        &mut self,
        mut each: impl FnMut(Queued),
    ) -> Result<(), StoreError<F::Error>> {
        let mut cursor = self.queue.oldest(&mut self.flash)?;
        while let Some(length) = self
            .queue
            .next(&mut self.flash, &mut cursor, &mut self.block)?
        {
            let Some((Record::Readings(run), readings)) =
                record::read(self.block.body(length), &cursor.base)
            else {
                continue;
            };
            for (seq, reading) in (run.seq..).zip(readings) {
                if seq >= self.acked {
                    let boot = cursor.boot_base.wrapping_add(run.boots);
                    each(Queued { boot, seq, reading });
                }
            }
        }
        Ok(())
    }

    /// A value of the settings.
    pub(crate) fn load(&mut self, key: Key) -> Option<Reader<'_>> {
        self.settings.load(&mut self.flash, &mut self.block, key)
    }

    /// Replaces a value of the settings.
    pub(crate) fn save(&mut self, key: Key, write: Write<'_>) -> Result<(), StoreError<F::Error>> {
        self.settings
            .save(&mut self.flash, &mut self.block, key, write)
            .map_err(|_| StoreError::Settings)
    }

    /// The flash, for a board's or a test's own ends.
    pub fn flash(&mut self) -> &mut F {
        &mut self.flash
    }

    fn append(&mut self, length: usize) -> Result<(), StoreError<F::Error>> {
        if !self.queue.fits(length) {
            // Opening a page uses the block only to count: keep what is to be appended.
            let mut body = [0; 32];
            let Some(kept) = body.get_mut(..length) else {
                return Ok(());
            };
            kept.copy_from_slice(self.block.body(length));
            self.make_room()?;
            self.block.body_mut()[..length].copy_from_slice(kept);
        }
        self.queue
            .append(&mut self.flash, length, &mut self.block)?;
        Ok(())
    }
}

/// Tells tables of channels apart: 16 bits of the FNV-1a of everything in them.
fn fingerprint(channels: &[Channel]) -> u16 {
    let mut hash = 0x811c_9dc5_u32;
    for channel in channels {
        let unit = channel.unit.unwrap_or_default();
        let ends = [0xff, channel.decimals];
        for byte in channel
            .name
            .bytes()
            .chain([0xff])
            .chain(unit.bytes())
            .chain(ends)
        {
            hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
    }
    (hash ^ hash >> 16) as u16
}
