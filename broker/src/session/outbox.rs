//! Messages for one client: encoded, waiting for its window, in its hands, or still in the log.

use super::durable::Place;
use super::hands::Hands;
use super::offer::{Limits, Offer, Offered};
use super::{Outgoing, encode};
use crate::codec::{Ack, Packet, Version};
use crate::fanout::UNLOGGED;
use crate::metrics::Drop;
use nhip_wire::envelope::Envelope;
use std::{collections::VecDeque, sync::Arc};

/// Bytes of messages that wait in memory for a client that is behind.
const SHORT_BYTES: usize = 256 << 10;

#[derive(Clone, Debug)]
struct Waiting {
    offset: u64,
    record: Arc<[u8]>,
    qos: u8,
    retain: bool,
    identifiers: Box<[u32]>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Outbox {
    version: Version,
    limits: Limits,
    ready: Vec<u8>,
    queue: VecDeque<Waiting>,
    queue_bytes: usize,
    hands: Hands,
    /// The next record of the log that may be for it.
    next: u64,
    /// Whether that is to be read from the log, not taken from the fan-out.
    behind: bool,
    /// One past the newest record that stands in the log for this session alone.
    given_end: u64,
    /// Messages in the queue when the next one from the log had no room.
    full_at: usize,
}

impl Outbox {
    /// For a session that begins now, with the record at `next` or later.
    pub(crate) fn new(version: Version, limits: Limits, next: u64) -> Self {
        Self {
            version,
            limits,
            ready: Vec::new(),
            queue: VecDeque::new(),
            queue_bytes: 0,
            hands: Hands::default(),
            next,
            behind: false,
            given_end: 0,
            full_at: usize::MAX,
        }
    }

    /// For a session that was kept; [`Self::resume`] comes next.
    pub(crate) fn kept(version: Version, limits: Limits, place: &Place) -> Self {
        Self {
            hands: Hands::of(place),
            ..Self::new(version, limits, place.cursor)
        }
    }

    /// Takes the client's new connection on: it is behind from the oldest message that isn't
    /// finished, and PUBREL is sent again for what waits for PUBCOMP (MQTT-4.4.0-1).
    pub(crate) fn resume(&mut self, version: Version, limits: Limits) {
        self.leave();
        self.version = version;
        self.limits = limits;
        for packet_id in self.hands.resume() {
            Packet::Pubrel(Ack::success(packet_id)).write(version, &mut self.ready);
        }
    }

    /// The client is gone: what waits in memory is in the log.
    pub(crate) fn leave(&mut self) {
        self.next = self.cursor();
        self.behind = true;
        self.ready = Vec::new();
        self.queue = VecDeque::new();
        self.queue_bytes = 0;
        self.full_at = usize::MAX;
    }

    /// Where the client stands, if the fan-out has given it all before `passed`.
    pub(crate) fn place(&mut self, passed: u64) -> Place {
        if !self.behind {
            self.next = self.next.max(passed);
        }
        self.hands.place(self.rest())
    }

    /// The oldest offset that isn't finished.
    pub(crate) fn cursor(&self) -> u64 {
        self.hands.cursor(self.rest())
    }

    /// The oldest offset that wasn't sent.
    fn rest(&self) -> u64 {
        let mut logged = self.queue.iter().filter(|held| held.offset != UNLOGGED);
        logged.next().map_or(self.next, |held| held.offset)
    }

    /// Whether so little waits that more may be fetched for it.
    pub(crate) fn is_low(&self) -> bool {
        self.fills_at_most(4, 0)
    }

    /// Whether a message of about `bytes` leaves half of the room for what comes unasked.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        let empty = self.queue.is_empty() && self.ready.is_empty();
        empty || self.fills_at_most(2, bytes)
    }

    fn fills_at_most(&self, part: usize, more: usize) -> bool {
        self.queue.len() < self.limits.queue_max.div_ceil(part)
            && self.queue_bytes + more <= self.limits.queue_bytes_max / part
            && self.ready.len() + more <= self.limits.ready_bytes_max / part
    }

    /// The offset to read the log from, if it is behind and has room for more.
    pub(crate) fn wants(&self) -> Option<u64> {
        let (most, bytes) = self.short();
        let low = self.queue.len() <= most / 2 && self.queue_bytes <= bytes / 2;
        let low = low && self.queue.len() < self.full_at;
        (self.behind && low && self.ready.len() < self.limits.ready_bytes_max).then_some(self.next)
    }

    /// Messages and bytes that wait in memory while it is behind.
    fn short(&self) -> (usize, usize) {
        let most = usize::from(self.limits.inflight_max);
        (
            self.limits.queue_max.min(most),
            self.limits.queue_bytes_max.min(SHORT_BYTES),
        )
    }

    /// Stops taking from the fan-out, which has given it all before `passed`; gives back how
    /// many messages that aren't in the log had no room.
    pub(crate) fn fall_behind(&mut self, passed: u64) -> u64 {
        if !self.behind {
            self.next = self.next.max(passed);
            self.behind = true;
        }
        let (most, bytes) = self.short();
        let mut dropped = 0;
        while (self.queue.len() > most || self.queue_bytes > bytes)
            && let Some(last) = self.queue.pop_back()
        {
            self.queue_bytes -= last.record.len();
            match last.offset {
                UNLOGGED => dropped += 1,
                offset => self.next = self.next.min(offset),
            }
        }
        self.queue.shrink_to_fit();
        dropped
    }

    pub(crate) fn is_behind(&self) -> bool {
        self.behind
    }

    /// Records for this session alone are queued in the log, the last before `end`: they are
    /// read from there.
    pub(crate) fn give(&mut self, end: u64, passed: u64) {
        self.given_end = end;
        self.fall_behind(passed);
    }

    /// Whether it has read all that was given to it.
    pub(crate) fn has_read_given(&self) -> bool {
        self.next >= self.given_end
    }

    /// Takes from the fan-out from now on, if it has read everything before `position`, behind
    /// which the fan-out brings everything; says whether it does.
    pub(crate) fn go_live(&mut self, position: u64) -> bool {
        let read = self.behind && self.next >= position && self.has_read_given();
        self.behind &= !read;
        read
    }

    /// A message that comes from the fan-out or from a retained one.
    pub(crate) fn offer(
        &mut self,
        message: Offered<'_>,
        outgoing: Outgoing<'_>,
        shared: &mut Option<Arc<[u8]>>,
        connected: bool,
    ) -> Offer {
        if outgoing.qos == 0 {
            return self.offer_once(message.envelope, outgoing, connected);
        }
        if message.offset == UNLOGGED {
            return match connected {
                true => self.queue_up(message, outgoing, shared),
                false => Offer::Dropped(Drop::Slow),
            };
        }
        if self.behind || message.offset < self.next {
            return Offer::Later;
        }
        let offer = self.queue_up(message, outgoing, shared);
        match offer {
            Offer::Full => {
                self.next = message.offset;
                self.fall_behind(message.offset);
                Offer::Later
            }
            offer => {
                self.next = message.offset + 1;
                offer
            }
        }
    }

    /// A message that was read from the log for it, at or beyond [`Self::wants`].
    pub(crate) fn fill(&mut self, message: Offered<'_>, outgoing: Outgoing<'_>) -> Offer {
        if self.hands.is_finished(message.offset) {
            self.next = message.offset + 1;
            return Offer::Later;
        }
        if outgoing.qos == 0 {
            self.next = message.offset + 1;
            return self.offer_once(message.envelope, outgoing, true);
        }
        let (most, bytes) = self.short();
        let longer = self.queue_bytes + message.record.len() > bytes && !self.queue.is_empty();
        if self.queue.len() >= most || longer {
            self.full_at = self.queue.len();
            return Offer::Full;
        }
        self.full_at = usize::MAX;
        self.next = message.offset + 1;
        self.push(message, outgoing, &mut None)
    }

    /// Nothing before `next` is for it.
    pub(crate) fn pass(&mut self, next: u64) {
        self.next = self.next.max(next);
    }

    fn queue_up(
        &mut self,
        message: Offered<'_>,
        outgoing: Outgoing<'_>,
        shared: &mut Option<Arc<[u8]>>,
    ) -> Offer {
        let longer = self.queue_bytes + message.record.len() > self.limits.queue_bytes_max;
        if self.queue.len() >= self.limits.queue_max || longer {
            return Offer::Full;
        }
        self.push(message, outgoing, shared)
    }

    fn push(
        &mut self,
        message: Offered<'_>,
        outgoing: Outgoing<'_>,
        shared: &mut Option<Arc<[u8]>>,
    ) -> Offer {
        let wake = self.ready.is_empty();
        let record = shared.get_or_insert_with(|| message.record.into());
        self.queue_bytes += record.len();
        self.queue.push_back(Waiting {
            offset: message.offset,
            record: Arc::clone(record),
            qos: outgoing.qos,
            retain: outgoing.retain,
            identifiers: outgoing.identifiers.into(),
        });
        self.refill(outgoing.now_us);
        Offer::Taken {
            wake: wake && !self.ready.is_empty(),
        }
    }

    fn offer_once(
        &mut self,
        envelope: &Envelope<'_>,
        outgoing: Outgoing<'_>,
        connected: bool,
    ) -> Offer {
        let length = envelope.topic.len() + envelope.payload.len();
        if !connected || self.ready.len() + length > self.limits.ready_bytes_max {
            return Offer::Dropped(Drop::Slow);
        }
        let wake = self.ready.is_empty();
        let largest = self.limits.packet_bytes_max;
        match encode(envelope, outgoing, self.version, largest, &mut self.ready) {
            Ok(()) => Offer::Taken { wake },
            Err(reason) => Offer::Dropped(reason),
        }
    }

    /// The bytes to send now, which the caller then owns.
    pub(crate) fn take(&mut self, now_us: impl FnOnce() -> u64) -> Vec<u8> {
        let ready = std::mem::take(&mut self.ready);
        if !self.queue.is_empty() {
            self.refill(now_us());
        }
        ready
    }

    /// Whether [`Self::take`] would give something.
    pub(crate) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The client has a message with QoS 1, or refuses one with QoS 2; says whether it was
    /// waiting for that.
    pub(crate) fn acknowledged(
        &mut self,
        packet_id: u16,
        qos: u8,
        now_us: impl FnOnce() -> u64,
    ) -> bool {
        let known = self.hands.acknowledged(packet_id, qos, self.rest());
        if known && !self.queue.is_empty() {
            self.refill(now_us());
        }
        known
    }

    /// The offset of a message with QoS 2 that PUBREC is awaited for.
    pub(crate) fn receiving(&self, packet_id: u16) -> Option<u64> {
        self.hands.receiving(packet_id)
    }

    /// The offset of one that PUBCOMP is awaited for.
    pub(crate) fn completing(&self, packet_id: u16) -> Option<u64> {
        self.hands.completing(packet_id)
    }

    /// PUBREC has come.
    pub(crate) fn received(&mut self, packet_id: u16) {
        self.hands.received(packet_id, self.rest());
    }

    /// PUBCOMP has come.
    pub(crate) fn completed(&mut self, packet_id: u16, now_us: impl FnOnce() -> u64) {
        self.hands.completed(packet_id);
        if !self.queue.is_empty() {
            self.refill(now_us());
        }
    }

    /// That PUBCOMP has come is durable.
    pub(crate) fn free(&mut self, packet_id: u16, now_us: impl FnOnce() -> u64) {
        self.hands.free(packet_id);
        if !self.queue.is_empty() {
            self.refill(now_us());
        }
    }

    fn refill(&mut self, now_us: u64) {
        while self.hands.has_room(self.limits.inflight_max)
            && self.ready.len() < self.limits.ready_bytes_max
        {
            let Some(waiting) = self.queue.pop_front() else {
                // A burst's memory is not kept.
                self.queue = VecDeque::new();
                return;
            };
            let Some(packet_id) = self.hands.id_for(waiting.offset, waiting.qos) else {
                self.queue.push_front(waiting);
                return;
            };
            self.queue_bytes -= waiting.record.len();
            match self.write(&waiting, packet_id, now_us) {
                Ok(()) => self.hands.send(waiting.offset, waiting.qos, packet_id),
                Err(_) => self.hands.finish(waiting.offset, self.rest()),
            }
        }
    }

    fn write(&mut self, waiting: &Waiting, packet_id: u16, now_us: u64) -> Result<(), Drop> {
        let outgoing = Outgoing {
            qos: waiting.qos,
            retain: waiting.retain,
            dup: self.hands.was_sent(waiting.offset),
            packet_id,
            identifiers: &waiting.identifiers,
            now_us,
        };
        let Ok(envelope) = Envelope::read(&waiting.record) else {
            return Err(Drop::Expired);
        };
        let largest = self.limits.packet_bytes_max;
        encode(&envelope, outgoing, self.version, largest, &mut self.ready)
    }
}
