//! Messages for one client: encoded, waiting for its window, in its hands, or still in the log.

mod aliases;
mod live;
mod offering;

pub(crate) use aliases::Aliases;

use super::durable::Place;
use super::hands::Hands;
use super::offer::Limits;
use super::share::Share;
use super::{Outgoing, Reader, encode};
use crate::codec::{Ack, Packet, Version};
use crate::fanout::UNLOGGED;
use crate::metrics::{Drop, Metrics};
use nhip_wire::envelope::Envelope;
use std::{collections::VecDeque, sync::Arc};

#[derive(Clone, Debug)]
struct Waiting {
    offset: u64,
    record: Arc<[u8]>,
    qos: u8,
    retain: bool,
    identifiers: Box<[u32]>,
}

impl Waiting {
    /// Where it stands among the platform's own messages; 0 for any other.
    fn place(&self) -> u64 {
        Envelope::read(&self.record).map_or(0, |envelope| live::place(self.offset, &envelope))
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Outbox {
    version: Version,
    limits: Limits,
    /// Of the memory for all.
    share: Share,
    ready: Vec<u8>,
    aliases: Aliases,
    queue: VecDeque<Waiting>,
    queue_bytes: usize,
    hands: Hands,
    /// The next record of the log that may be for it.
    next: u64,
    /// Whether that is to be read from the log, not taken from the fan-out.
    behind: bool,
    /// One past the newest record that stands in the log for this session alone.
    given_end: u64,
    /// The platform's own messages, which aren't in the log.
    live: live::Live,
    /// Messages in the queue when the next one from the log had no room.
    full_at: usize,
    /// Messages that waited here, and were too large or expired when their turn came, since they
    /// were counted last.
    dropped: [u32; 2],
}

impl Outbox {
    /// For a session that begins now, with the record at `next` or later.
    pub(crate) fn new(version: Version, limits: Limits, share: Share, next: u64) -> Self {
        Self {
            version,
            limits,
            share,
            ready: Vec::new(),
            aliases: Aliases::new(limits.topic_alias_max),
            queue: VecDeque::new(),
            queue_bytes: 0,
            hands: Hands::default(),
            next,
            behind: false,
            given_end: 0,
            live: live::Live::default(),
            full_at: usize::MAX,
            dropped: [0; 2],
        }
    }

    /// For a session that was kept.
    pub(crate) fn kept(version: Version, limits: Limits, share: Share, place: &Place) -> Self {
        let mut outbox = Self {
            hands: Hands::of(place),
            ..Self::new(version, limits, share, place.cursor)
        };
        outbox.resume(version, limits);
        outbox
    }

    /// Takes the client's new connection on: it is behind from the oldest message that isn't
    /// finished, and PUBREL is sent again for what waits for PUBCOMP (MQTT-4.4.0-1).
    pub(crate) fn resume(&mut self, version: Version, limits: Limits) {
        self.leave();
        self.version = version;
        self.limits = limits;
        self.aliases = Aliases::new(limits.topic_alias_max);
        for packet_id in self.hands.resume() {
            Packet::Pubrel(Ack::success(packet_id)).write(version, &mut self.ready);
        }
    }

    /// Bytes of the largest packet that the client takes.
    pub(crate) const fn packet_bytes_max(&self) -> usize {
        self.limits.packet_bytes_max
    }

    /// The client is gone: what waits in memory is in the log.
    pub(crate) fn leave(&mut self) {
        self.next = self.cursor();
        self.behind = true;
        self.ready = Vec::new();
        self.queue = VecDeque::new();
        self.queue_bytes = 0;
        self.live = live::Live::default();
        self.full_at = usize::MAX;
        self.hands.release();
        self.settle();
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

    /// The bytes to send now, which the caller then owns.
    pub(crate) fn take(&mut self, now_us: impl FnOnce() -> u64) -> Vec<u8> {
        let ready = std::mem::take(&mut self.ready);
        if !self.queue.is_empty() {
            self.refill(now_us());
        }
        self.settle();
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

    /// Counts what was dropped when its turn came.
    pub(crate) fn count_drops(&mut self, metrics: &Metrics) {
        for (reason, count) in [Drop::TooLarge, Drop::Expired]
            .into_iter()
            .zip(self.dropped)
        {
            if count > 0 {
                metrics.drop(reason, u64::from(count));
            }
        }
        self.dropped = [0; 2];
    }

    /// Counts the memory that it has now.
    fn settle(&mut self) {
        let waiting = self.queue_bytes + self.queue.capacity() * size_of::<Waiting>();
        self.share.note(self.ready.capacity() + waiting);
    }

    fn ready_bytes_max(&self) -> usize {
        self.share.most(self.limits.ready_bytes_max)
    }

    fn refill(&mut self, now_us: u64) {
        while self.hands.has_room(self.limits.inflight_max)
            && self.ready.len() < self.ready_bytes_max()
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
                Err(reason) => {
                    self.dropped[usize::from(reason == Drop::Expired)] += 1;
                    self.hands.finish(waiting.offset, self.rest());
                }
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
        self.encode(&envelope, outgoing)
    }

    fn encode(&mut self, envelope: &Envelope<'_>, outgoing: Outgoing<'_>) -> Result<(), Drop> {
        let reader = Reader {
            version: self.version,
            packet_bytes_max: self.limits.packet_bytes_max,
            aliases: &mut self.aliases,
        };
        encode(envelope, outgoing, reader, &mut self.ready)
    }
}
