//! Messages of the platform itself for one client: taken from the fan-out, or made again by
//! their source when there was no room for them.

use super::Outbox;
use crate::fanout::UNLOGGED;
use crate::session::Outgoing;
use crate::session::offer::{Offer, Offered};
use nhip_wire::envelope::Envelope;

/// How far a client has come with them.
#[derive(Debug, Default)]
pub(super) struct Live {
    /// The place of the next.
    next: u64,
    /// Whether that is to be made again.
    behind: bool,
    /// The newest that came by the fan-out meanwhile.
    skipped: u64,
}

impl Live {
    pub(super) fn takes(&mut self, place: u64) -> bool {
        if self.behind {
            self.skipped = place;
        }
        !self.behind && place >= self.next
    }

    pub(super) fn took(&mut self, place: u64) {
        self.next = place + 1;
    }

    /// What was taken from `place` on had no room after all.
    pub(super) fn rewind(&mut self, place: u64) {
        if !self.behind {
            self.skipped = self.next.saturating_sub(1);
        }
        self.behind = true;
        self.next = place;
    }

    pub(super) fn fall_behind(&mut self, place: u64) {
        *self = Self {
            next: place,
            behind: true,
            skipped: place,
        };
    }
}

/// Where a message stands among those of the platform itself; 0 for any other.
pub(super) fn place(offset: u64, envelope: &Envelope<'_>) -> u64 {
    match offset == UNLOGGED && envelope.client.is_empty() {
        true => envelope.origin,
        false => 0,
    }
}

impl Outbox {
    /// The place from which on the platform's messages are to be made again, if it is behind
    /// with them and has room.
    pub(crate) fn wants_live(&self) -> Option<u64> {
        (self.live.behind && self.has_space()).then_some(self.live.next)
    }

    /// One that was made again.
    pub(crate) fn fill_live(
        &mut self,
        place: u64,
        message: Offered<'_>,
        outgoing: Outgoing<'_>,
    ) -> Offer {
        if place < self.live.next {
            return Offer::Later;
        }
        let offer = self.push_short(message, outgoing);
        if offer != Offer::Full {
            self.live.took(place);
        }
        offer
    }

    /// Everything before `place` was made again; says whether it takes from the fan-out now.
    pub(crate) fn pass_live(&mut self, place: u64) -> bool {
        self.live.next = self.live.next.max(place);
        self.live.behind &= self.live.next <= self.live.skipped;
        !self.live.behind
    }
}
