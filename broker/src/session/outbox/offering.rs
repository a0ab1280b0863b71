//! Messages on their way into an outbox: from the fan-out, and from the log to one that is
//! behind.

use super::live::place;
use super::{Outbox, Waiting};
use crate::fanout::UNLOGGED;
use crate::metrics::Drop;
use crate::session::offer::{Offer, Offered};
use crate::session::{Group, Outgoing};
use nhip_wire::envelope::Envelope;
use std::sync::Arc;

/// Bytes of messages that wait in memory for a client that is behind.
const SHORT_BYTES: usize = 256 << 10;

impl Outbox {
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
        self.queue.len() < self.queue_max().div_ceil(part)
            && self.queue_bytes + more <= self.queue_bytes_max() / part
            && self.ready.len() + more <= self.ready_bytes_max() / part
    }

    /// The offset to read the log from, if it is behind and has room for more.
    pub(crate) fn wants(&self) -> Option<u64> {
        (self.behind && self.has_space()).then_some(self.next)
    }

    /// Whether it is behind with anything and has room for more.
    pub(crate) fn wants_any(&self) -> bool {
        self.wants().is_some() || self.wants_live().is_some()
    }

    /// Whether so little waits that it pays to read for it.
    pub(super) fn has_space(&self) -> bool {
        let (most, bytes) = self.short();
        let low = self.queue.len() <= most / 2 && self.queue_bytes <= bytes / 2;
        let low = low && self.queue.len() < self.full_at;
        low && self.ready.len() < self.ready_bytes_max()
    }

    /// Messages and bytes that wait in memory while it is behind.
    fn short(&self) -> (usize, usize) {
        let most = usize::from(self.limits.inflight_max);
        (
            self.queue_max().min(most),
            self.queue_bytes_max().min(SHORT_BYTES),
        )
    }

    /// Messages that may wait in memory, and their bytes.
    fn queue_max(&self) -> usize {
        let room = self.share.most(usize::MAX) / size_of::<Waiting>();
        self.limits.queue_max.min(room)
    }

    fn queue_bytes_max(&self) -> usize {
        self.share.most(self.limits.queue_bytes_max)
    }

    /// Stops taking from the fan-out, which has given it all before `passed`; gives back how
    /// many messages had no room that nobody can make again.
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
            match (last.offset, last.place()) {
                (UNLOGGED, 0) => dropped += 1,
                (UNLOGGED, place) => self.live.rewind(place),
                (offset, _) => self.next = self.next.min(offset),
            }
        }
        self.queue.shrink_to_fit();
        self.settle();
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
                true => self.offer_unlogged(message, outgoing, shared),
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

    fn offer_unlogged(
        &mut self,
        message: Offered<'_>,
        outgoing: Outgoing<'_>,
        shared: &mut Option<Arc<[u8]>>,
    ) -> Offer {
        let place = place(message.offset, message.envelope);
        if place == 0 {
            return self.queue_up(message, outgoing, shared);
        }
        if !self.live.takes(place) {
            return Offer::Later;
        }
        match self.queue_up(message, outgoing, shared) {
            Offer::Full => {
                self.live.fall_behind(place);
                Offer::Later
            }
            offer => {
                self.live.took(place);
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
        if self.is_short_full(message.record.len()) {
            return Offer::Full;
        }
        self.next = message.offset + 1;
        self.push(message, outgoing, &mut None)
    }

    /// Queues a message that was fetched for it.
    pub(super) fn push_short(&mut self, message: Offered<'_>, outgoing: Outgoing<'_>) -> Offer {
        match self.is_short_full(message.record.len()) {
            true => Offer::Full,
            false => self.push(message, outgoing, &mut None),
        }
    }

    fn is_short_full(&mut self, bytes: usize) -> bool {
        let (most, bytes_max) = self.short();
        let longer = self.queue_bytes + bytes > bytes_max && !self.queue.is_empty();
        let full = self.queue.len() >= most || longer;
        self.full_at = if full { self.queue.len() } else { usize::MAX };
        full
    }

    /// Whether there may be room for [`Self::share`].
    pub(crate) fn may_share(&self) -> bool {
        self.hands.is_low(self.limits.inflight_max)
            && self.ready.len() <= self.ready_bytes_max() / 2
    }

    /// A message that the client gets as one of many: it is sent now or not at all.
    pub(crate) fn share(
        &mut self,
        message: Offered<'_>,
        outgoing: Outgoing<'_>,
        group: &Arc<Group>,
    ) -> Offer {
        if outgoing.qos == 0 {
            let offer = self.offer_once(message.envelope, outgoing, true);
            if matches!(offer, Offer::Taken { .. }) {
                group.finish(message.offset);
            }
            return offer;
        }
        if !self.hands.has_room(self.limits.inflight_max)
            || self.ready.len() >= self.ready_bytes_max()
        {
            return Offer::Full;
        }
        let Some(packet_id) = self.hands.id_for(UNLOGGED, outgoing.qos) else {
            return Offer::Full;
        };
        let wake = self.ready.is_empty();
        let outgoing = Outgoing {
            packet_id,
            ..outgoing
        };
        match self.encode(message.envelope, outgoing) {
            Ok(()) => {
                self.hands.send_shared(message.offset, packet_id, group);
                self.settle();
                Offer::Taken { wake }
            }
            Err(reason) => Offer::Dropped(reason),
        }
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
        let bytes = self.queue_bytes + message.record.len();
        // One may be as large as it likes: nothing would be there whose acknowledgement makes
        // room for it.
        let longer = bytes > self.queue_bytes_max() && !self.queue.is_empty();
        if self.queue.len() >= self.queue_max() || longer {
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
        self.settle();
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
        // One may be as large as it likes: it is bounded as it comes in.
        let has_room = self.ready.is_empty() || self.ready.len() + length <= self.ready_bytes_max();
        if !connected || !has_room {
            return Offer::Dropped(Drop::Slow);
        }
        let wake = self.ready.is_empty();
        let encoded = self.encode(envelope, outgoing);
        self.settle();
        match encoded {
            Ok(()) => Offer::Taken { wake },
            Err(reason) => Offer::Dropped(reason),
        }
    }
}
