//! Messages for one client: encoded, waiting for its window, or in its hands.

use super::{Outgoing, encode};
use crate::codec::Version;
use crate::metrics::Drop;
use nhip_wire::envelope::Envelope;
use std::{collections::VecDeque, sync::Arc};

/// The bounds of one outbox.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes encoded and not yet taken by the connection.
    pub(crate) ready_bytes_max: usize,
    pub(crate) queue_max: usize,
    pub(crate) queue_bytes_max: usize,
    /// QoS 1 messages sent and not acknowledged.
    pub(crate) inflight_max: u16,
    /// The largest packet that the client takes.
    pub(crate) packet_bytes_max: usize,
}

/// What became of a message that was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// It is encoded or queued. `wake` says that the connection doesn't know yet.
    Taken { wake: bool },
    /// It isn't sent.
    Dropped(Drop),
    /// A QoS 1 message found the queue full.
    Overflow,
}

#[derive(Clone, Debug)]
struct Waiting {
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
    inflight: VecDeque<(u16, Waiting)>,
    next_id: u16,
}

impl Outbox {
    pub(crate) fn new(version: Version, limits: Limits) -> Self {
        Self {
            version,
            limits,
            ready: Vec::new(),
            queue: VecDeque::new(),
            queue_bytes: 0,
            inflight: VecDeque::new(),
            next_id: 0,
        }
    }

    /// Takes the client's new connection on: what is in its hands is sent again first, in
    /// order (MQTT-4.4.0-1).
    pub(crate) fn resume(&mut self, version: Version, limits: Limits, now_us: u64) {
        self.version = version;
        self.limits = limits;
        self.ready = Vec::new();
        let inflight = std::mem::take(&mut self.inflight);
        for (packet_id, waiting) in inflight {
            if self.write(&waiting, packet_id, true, now_us).is_ok() {
                self.inflight.push_back((packet_id, waiting));
            }
        }
        self.refill(now_us);
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

    /// Offers a message whose log record is `record`. `shared` keeps the copy of it that all
    /// queues share.
    pub(crate) fn offer(
        &mut self,
        envelope: &Envelope<'_>,
        outgoing: Outgoing<'_>,
        record: &[u8],
        shared: &mut Option<Arc<[u8]>>,
        connected: bool,
    ) -> Offer {
        if outgoing.qos == 0 {
            return self.offer_once(envelope, outgoing, connected);
        }
        if self.queue.len() >= self.limits.queue_max
            || self.queue_bytes + record.len() > self.limits.queue_bytes_max
        {
            return match connected {
                true => Offer::Overflow,
                false => Offer::Dropped(Drop::QueueFull),
            };
        }
        let wake = self.ready.is_empty();
        let record = shared.get_or_insert_with(|| record.into());
        self.queue_bytes += record.len();
        self.queue.push_back(Waiting {
            record: Arc::clone(record),
            qos: outgoing.qos,
            retain: outgoing.retain,
            identifiers: outgoing.identifiers.into(),
        });
        if connected {
            self.refill(outgoing.now_us);
        }
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

    /// The client has the message; says whether it was waiting for that.
    pub(crate) fn acknowledged(&mut self, packet_id: u16, now_us: impl FnOnce() -> u64) -> bool {
        let Some(at) = self.inflight.iter().position(|(id, _)| *id == packet_id) else {
            return false;
        };
        self.inflight.remove(at);
        if !self.queue.is_empty() {
            self.refill(now_us());
        }
        true
    }

    fn refill(&mut self, now_us: u64) {
        while self.inflight.len() < usize::from(self.limits.inflight_max)
            && self.ready.len() < self.limits.ready_bytes_max
        {
            let Some(waiting) = self.queue.pop_front() else {
                // A burst's memory is not kept.
                self.queue = VecDeque::new();
                return;
            };
            self.queue_bytes -= waiting.record.len();
            let packet_id = self.free_id();
            if self.write(&waiting, packet_id, false, now_us).is_ok() {
                self.inflight.push_back((packet_id, waiting));
            }
        }
    }

    fn free_id(&mut self) -> u16 {
        loop {
            self.next_id = self.next_id.wrapping_add(1).max(1);
            let newest = self.inflight.back().map_or(0, |(id, _)| *id);
            let oldest = self.inflight.front().map_or(0, |(id, _)| *id);
            let maybe_used = self.next_id >= oldest.min(newest) || oldest > newest;
            if !maybe_used || !self.inflight.iter().any(|(id, _)| *id == self.next_id) {
                return self.next_id;
            }
        }
    }

    fn write(
        &mut self,
        waiting: &Waiting,
        packet_id: u16,
        dup: bool,
        now_us: u64,
    ) -> Result<(), Drop> {
        let outgoing = Outgoing {
            qos: waiting.qos,
            retain: waiting.retain,
            dup,
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
