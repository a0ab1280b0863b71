//! Putting the oldest unsent readings into one compact payload.

use super::{
    dating::Dated,
    queue::Cursor,
    record::{self, Record},
    store::{Flight, Store, StoreError},
};
use crate::reading::{Basis, Channel, Queued};
use embedded_storage_async::nor_flash::NorFlash;
use heapless::Vec;
use nhip_wire::compact::{self, Encoder, Header, Scaled, Tick};

/// Most readings of one message.
pub const MESSAGE_READINGS_MAX: u32 = 64;

/// One payload, and what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Bytes of the payload.
    pub length: usize,
    /// Readings in it.
    pub readings: u32,
}

/// What all readings of a message share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Group {
    boot: u32,
    doubtful: bool,
    /// Times are ages: there is no base.
    aged: bool,
}

/// What the first walk over the readings finds out.
struct Plan {
    group: Group,
    first_ms: i64,
    first_seq: u64,
    tick: Tick,
    readings: u32,
    channels: Vec<u8, { compact::CHANNELS_MAX }>,
    names_bytes: usize,
}

/// A device's channels, and the present.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The device's table of channels.
    pub channels: &'a [Channel],
    /// Time since boot, ms.
    pub uptime_ms: i64,
    /// Whether readings of a boot whose clock isn't set yet are sent with their age.
    pub send_undated: bool,
}

impl<F: NorFlash> Store<F> {
    /// Composes the next message; none if there is nothing to send, everything in flight fills
    /// the bounds, or the clock has to be set first. The message is then in flight until
    /// [`Self::acknowledge`] or [`Self::rewind`].
    pub fn compose(
        &mut self,
        out: &mut [u8],
        context: &Context<'_>,
    ) -> Result<Option<Message>, StoreError<F::Error>> {
        if self.flights.is_full() || self.pins_half_the_queue() {
            return Ok(None);
        }
        let Some(plan) = self.plan(out.len(), context)? else {
            return Ok(None);
        };
        self.encode(out, context, &plan)
    }

    fn pins_half_the_queue(&self) -> bool {
        let first = self
            .flights
            .front()
            .map_or(self.send.page, |flight| flight.pages.0);
        self.send.page.saturating_sub(first) >= self.queue.pages() / 2
    }

    fn plan(
        &mut self,
        room: usize,
        context: &Context<'_>,
    ) -> Result<Option<Plan>, StoreError<F::Error>> {
        let mut cursor = self.send;
        let mut plan: Option<Plan> = None;
        while let Some(length) = self
            .queue
            .next(&mut self.flash, &mut cursor, &mut self.block)?
        {
            let Some((Record::Readings(run), readings)) =
                record::read(self.block.body(length), &cursor.base)
            else {
                continue;
            };
            let boot = cursor.boot_base.wrapping_add(run.boots);
            for (seq, reading) in (run.seq..).zip(readings) {
                if seq < self.send_seq {
                    continue;
                }
                let queued = Queued { boot, seq, reading };
                let Some((group, ms)) = self.place(&queued, context) else {
                    return Ok(plan);
                };
                let so_far = plan.get_or_insert_with(|| Plan::new(group, seq, ms));
                if !so_far.take(group, ms, reading.channel, context.channels, room) {
                    return Ok(plan);
                }
            }
        }
        if plan.is_none() {
            // The log's end: whatever should still be there was damaged since it was counted.
            let damaged = self.unsent();
            self.pending = self.pending.saturating_sub(damaged);
            self.count_damaged(damaged);
        }
        Ok(plan)
    }

    /// Where a reading is in time; none if that has to wait for the clock.
    fn place(&self, queued: &Queued, context: &Context<'_>) -> Option<(Group, i64)> {
        let stamp = queued.reading.stamp;
        let group = |doubtful, aged| Group {
            boot: queued.boot,
            doubtful,
            aged,
        };
        let dated = match stamp.basis {
            Basis::Exact => {
                let doubtful = queued.seq < self.doubted_below;
                return Some((group(doubtful, false), stamp.ms));
            }
            Basis::Doubtful => return Some((group(true, false), stamp.ms)),
            Basis::Uptime => {
                let now = (self.boot(), context.uptime_ms);
                self.dating.date(queued.boot, stamp.ms, now)
            }
        };
        match dated {
            Dated::Exact(ms) => Some((group(false, false), ms)),
            Dated::Estimated(ms) => Some((group(true, false), ms)),
            Dated::Aged(age_ms) if context.send_undated => Some((group(true, true), -age_ms)),
            Dated::Aged(_) => None,
        }
    }

    fn encode(
        &mut self,
        out: &mut [u8],
        context: &Context<'_>,
        plan: &Plan,
    ) -> Result<Option<Message>, StoreError<F::Error>> {
        let header = Header {
            numbered: Some((plan.group.boot, plan.first_seq)),
            base_ms: (!plan.group.aged).then_some(plan.first_ms.max(0) as u64),
            tick: plan.tick,
            clock_doubtful: plan.group.doubtful,
        };
        let channels = plan.channels(context.channels);
        let mut encoder = Encoder::new(out, &header, &channels).map_err(|_| StoreError::Reading)?;
        let from_page = self.send.page;
        let mut message = Message {
            length: 0,
            readings: 0,
        };
        let mut flight = Flight {
            below: self.send_seq,
            readings: 0,
            pages: (from_page, from_page),
            from: self.send,
            from_seq: self.send_seq,
        };
        let mut cursor = self.send;
        let mut resume: Cursor = cursor;
        'records: while message.readings < plan.readings {
            let before = cursor;
            let Some(length) = self
                .queue
                .next(&mut self.flash, &mut cursor, &mut self.block)?
            else {
                break;
            };
            let Some((Record::Readings(run), readings)) =
                record::read(self.block.body(length), &cursor.base)
            else {
                continue;
            };
            let boot = cursor.boot_base.wrapping_add(run.boots);
            for (seq, reading) in (run.seq..).zip(readings) {
                if seq < self.send_seq {
                    continue;
                }
                let queued = Queued { boot, seq, reading };
                let scaled = self
                    .place(&queued, context)
                    .and_then(|(_, ms)| plan.scaled(&queued, ms));
                let full = message.readings == plan.readings;
                if full || scaled.is_none_or(|scaled| encoder.push_scaled(&scaled).is_err()) {
                    resume = before;
                    break 'records;
                }
                message.readings += 1;
                message.length = encoder.len();
                flight.below = seq + 1;
                flight.readings += 1;
                flight.pages.1 = cursor.page;
            }
            resume = cursor;
        }
        if message.readings == 0 {
            return Err(StoreError::Reading);
        }
        self.send = resume;
        self.send_seq = flight.below;
        // There is room: it was asked for before the walk.
        let _ = self.flights.push_back(flight);
        Ok(Some(message))
    }
}

impl Plan {
    fn new(group: Group, first_seq: u64, first_ms: i64) -> Self {
        Self {
            group,
            first_ms,
            first_seq,
            tick: Tick::Second,
            readings: 0,
            channels: Vec::new(),
            names_bytes: 0,
        }
    }

    /// Takes a reading into the message; not if it belongs to another or the bounds are reached.
    fn take(&mut self, group: Group, ms: i64, channel: u8, table: &[Channel], room: usize) -> bool {
        if group != self.group || self.readings == MESSAGE_READINGS_MAX {
            return false;
        }
        if !self.channels.contains(&channel) {
            let bytes = named(table, channel).map_or(3, |channel| {
                channel.name.len() + channel.unit.map_or(0, str::len) + 3
            });
            // The other half is for the readings.
            if self.names_bytes + bytes > room / 2 || self.channels.push(channel).is_err() {
                return false;
            }
            self.names_bytes += bytes;
        }
        if (ms - self.first_ms) % 1000 != 0 || self.group.aged {
            self.tick = Tick::Millisecond;
        }
        self.readings += 1;
        true
    }

    fn channels<'t>(
        &self,
        table: &'t [Channel],
    ) -> Vec<compact::Channel<'t>, { compact::CHANNELS_MAX }> {
        self.channels
            .iter()
            .map(|&channel| {
                named(table, channel).map_or(UNKNOWN, |channel| compact::Channel {
                    name: channel.name,
                    unit: channel.unit,
                    decimals: channel.decimals,
                })
            })
            .collect()
    }

    fn scaled(&self, queued: &Queued, ms: i64) -> Option<Scaled> {
        let of = |&channel: &u8| channel == queued.reading.channel;
        Some(Scaled {
            channel: self.channels.iter().position(of)? as u8,
            time_ms: ms,
            scaled: queued.reading.value.scaled,
            quality: queued.reading.value.quality,
            seq: Some(queued.seq),
        })
    }
}

/// A channel that this firmware doesn't have any more.
const UNKNOWN: compact::Channel<'static> = compact::Channel {
    name: "unknown",
    unit: None,
    decimals: 0,
};

fn named(table: &[Channel], channel: u8) -> Option<&Channel> {
    table.get(usize::from(channel))
}
