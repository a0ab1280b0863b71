//! What is in a client's hands: messages that were sent and are not finished.
//!
//! A message is finished when it is acknowledged with QoS 1 or received (PUBREC) with QoS 2.
//! Its packet id is a function of its offset, so it has the same one when it is sent again,
//! even after a crash.

use super::durable::Place;
use super::shared::Group;
use crate::fanout::UNLOGGED;
use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

/// Packet ids of QoS 1: 1 to 32,767. Those of QoS 2 are above.
const ONCE_OR_MORE_IDS: u64 = 32_767;
const EXACTLY_ONCE_IDS: u64 = 32_768;
/// Messages that a client may finish beyond one that it doesn't, before it gets no more.
const AHEAD_MAX: usize = 4_096;

/// What a message waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// PUBACK.
    Acknowledge,
    /// PUBREC.
    Receive,
    /// PUBCOMP; PUBREL is sent, or will be when PUBREC is durable.
    Complete,
    /// The commit behind which its packet id is free.
    Free,
}

#[derive(Clone, Debug)]
struct Message {
    packet_id: u16,
    offset: u64,
    step: Step,
    /// Whose it is if the client has it as one of many, and its offset.
    shared: Option<(Arc<Group>, u64)>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Hands {
    /// In the order of their offsets, but for those that aren't in the log.
    sent: VecDeque<Message>,
    /// Finished offsets beyond the cursor.
    finished: BTreeSet<u64>,
    /// How many of `sent` aren't in the log.
    unlogged: usize,
    /// Messages that count against the client's Receive Maximum: of this connection, and those
    /// that only PUBCOMP is awaited for (MQTT-3.3.4-9).
    window: u16,
    sent_end: u64,
    next_id: u16,
}

impl Hands {
    pub(super) fn of(place: &Place) -> Self {
        let mut completing = place.completing.clone();
        completing.sort_unstable();
        let message = |offset| Message {
            packet_id: id_of(offset, 2),
            offset,
            step: Step::Complete,
            shared: None,
        };
        Self {
            sent: completing.into_iter().map(message).collect(),
            finished: place.finished.iter().copied().collect(),
            sent_end: place.sent_end,
            ..Self::default()
        }
    }

    /// Where the client stands; `rest` is the oldest offset that wasn't sent.
    pub(super) fn place(&self, rest: u64) -> Place {
        let completing = self.sent.iter().filter(|held| held.step == Step::Complete);
        let logged = completing.filter(|held| held.offset != UNLOGGED);
        Place {
            cursor: self.cursor(rest),
            sent_end: self.sent_end,
            finished: self.finished.iter().copied().collect(),
            completing: logged.map(|held| held.offset).collect(),
        }
    }

    /// The oldest offset that isn't finished.
    pub(super) fn cursor(&self, rest: u64) -> u64 {
        let unfinished = |held: &&Message| {
            held.offset != UNLOGGED && matches!(held.step, Step::Acknowledge | Step::Receive)
        };
        self.sent
            .iter()
            .find(unfinished)
            .map_or(rest, |held| held.offset)
    }

    /// The client is gone: what it had as one of many is another's.
    pub(super) fn release(&mut self) {
        for held in &mut self.sent {
            if let Some((group, offset)) = held.shared.take() {
                group.release(offset);
            }
        }
    }

    /// Whether so few messages are in the client's hands that more are worth a look at the log.
    pub(super) fn is_low(&self, most: u16) -> bool {
        self.window <= most / 2
    }

    /// Another connection of the client: what isn't finished is to be sent again. Gives back the
    /// packet ids whose PUBREL is.
    pub(super) fn resume(&mut self) -> Vec<u16> {
        self.sent
            .retain(|held| held.step == Step::Complete && held.offset != UNLOGGED);
        self.unlogged = 0;
        // They take room until PUBCOMP comes: it would otherwise make room for one more than the
        // client takes.
        self.window = u16::try_from(self.sent.len()).unwrap_or(u16::MAX);
        self.sent.iter().map(|held| held.packet_id).collect()
    }

    /// Whether one more may be sent to a client that takes `most` at a time.
    pub(super) fn has_room(&self, most: u16) -> bool {
        self.window < most && self.finished.len() < AHEAD_MAX
    }

    pub(super) fn is_finished(&self, offset: u64) -> bool {
        self.finished.contains(&offset)
    }

    /// Whether a message may have been sent before.
    pub(super) fn was_sent(&self, offset: u64) -> bool {
        offset != UNLOGGED && offset < self.sent_end
    }

    /// The packet id for a message, unless another has it.
    pub(super) fn id_for(&mut self, offset: u64, qos: u8) -> Option<u16> {
        if offset == UNLOGGED {
            return self.any_id();
        }
        let id = id_of(offset, qos);
        let oldest = self.sent.front().map_or(offset, |held| held.offset);
        // Within so few offsets no two have the same id.
        let alone = self.unlogged == 0 && offset.abs_diff(oldest) < ONCE_OR_MORE_IDS;
        (alone || !self.is_used(id)).then_some(id)
    }

    fn any_id(&mut self) -> Option<u16> {
        for _ in 0..ONCE_OR_MORE_IDS {
            self.next_id = self.next_id % ONCE_OR_MORE_IDS as u16 + 1;
            if !self.is_used(self.next_id) {
                return Some(self.next_id);
            }
        }
        None
    }

    fn is_used(&self, id: u16) -> bool {
        self.sent.iter().any(|held| held.packet_id == id)
    }

    pub(super) fn send(&mut self, offset: u64, qos: u8, packet_id: u16) {
        let step = match qos {
            2 => Step::Receive,
            _ => Step::Acknowledge,
        };
        self.sent.push_back(Message {
            packet_id,
            offset,
            step,
            shared: None,
        });
        self.window += 1;
        if offset == UNLOGGED {
            self.unlogged += 1;
        } else {
            self.sent_end = self.sent_end.max(offset + 1);
        }
    }

    /// A message with QoS 1 that the client has as one of many.
    pub(super) fn send_shared(&mut self, offset: u64, packet_id: u16, group: &Arc<Group>) {
        self.send(UNLOGGED, 1, packet_id);
        if let Some(held) = self.sent.back_mut().filter(|_| offset != UNLOGGED) {
            held.shared = Some((Arc::clone(group), offset));
        }
    }

    /// Takes a message with QoS 1, or a refused one with QoS 2, out; says whether it was there.
    pub(super) fn acknowledged(&mut self, packet_id: u16, qos: u8, rest: u64) -> bool {
        let step = match qos {
            2 => Step::Receive,
            _ => Step::Acknowledge,
        };
        let Some(at) = self.at(packet_id, step) else {
            return false;
        };
        if let Some(held) = self.sent.remove(at) {
            self.unlogged -= usize::from(held.offset == UNLOGGED);
            self.window = self.window.saturating_sub(1);
            self.finish(held.offset, rest);
            if let Some((group, offset)) = held.shared {
                group.finish(offset);
            }
        }
        true
    }

    /// The offset of a message that PUBREC is awaited for.
    pub(super) fn receiving(&self, packet_id: u16) -> Option<u64> {
        self.at(packet_id, Step::Receive)
            .map(|at| self.sent[at].offset)
    }

    /// The offset of a message that PUBCOMP is awaited for.
    pub(super) fn completing(&self, packet_id: u16) -> Option<u64> {
        self.at(packet_id, Step::Complete)
            .map(|at| self.sent[at].offset)
    }

    /// PUBREC has come.
    pub(super) fn received(&mut self, packet_id: u16, rest: u64) {
        if let Some(at) = self.at(packet_id, Step::Receive) {
            self.sent[at].step = Step::Complete;
            self.finish(self.sent[at].offset, rest);
        }
    }

    /// PUBCOMP has come: the client has room again, and the id isn't free yet.
    pub(super) fn completed(&mut self, packet_id: u16) {
        if let Some(at) = self.at(packet_id, Step::Complete) {
            self.sent[at].step = Step::Free;
            self.window = self.window.saturating_sub(1);
        }
    }

    /// That PUBCOMP has come is durable.
    pub(super) fn free(&mut self, packet_id: u16) {
        if let Some(at) = self.at(packet_id, Step::Free)
            && let Some(held) = self.sent.remove(at)
        {
            self.unlogged -= usize::from(held.offset == UNLOGGED);
        }
    }

    /// Nothing is left to do for a message of the log.
    pub(super) fn finish(&mut self, offset: u64, rest: u64) {
        let cursor = self.cursor(rest);
        if offset != UNLOGGED && offset > cursor {
            self.finished.insert(offset);
        }
        while self.finished.first().is_some_and(|first| *first < cursor) {
            self.finished.pop_first();
        }
    }

    fn at(&self, packet_id: u16, step: Step) -> Option<usize> {
        let waits = |held: &Message| held.packet_id == packet_id && held.step == step;
        self.sent.iter().position(waits)
    }
}

fn id_of(offset: u64, qos: u8) -> u16 {
    match qos {
        2 => (EXACTLY_ONCE_IDS + offset % EXACTLY_ONCE_IDS) as u16,
        _ => (1 + offset % ONCE_OR_MORE_IDS) as u16,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_never_shared_and_never_0() {
        let mut hands = Hands::default();
        for (offset, qos) in [(32_766, 1), (32_767, 1), (32_767, 2), (65_534, 2)] {
            let id = hands.id_for(offset, qos);
            assert!(id.is_some_and(|id| id > 0), "{offset} {qos}");
            hands.send(offset, qos, id.unwrap());
        }
        assert_eq!(
            hands.id_for(32_766 + 2 * 32_767, 1),
            None,
            "its id is in use"
        );
        let free = hands.id_for(UNLOGGED, 1).unwrap();
        assert!(!hands.is_used(free));
    }

    #[test]
    fn the_cursor_stays_at_the_oldest_message_that_is_not_finished() {
        let mut hands = Hands::default();
        let ids: Vec<u16> = (10..14)
            .map(|offset| {
                let id = hands.id_for(offset, 1).unwrap();
                hands.send(offset, 1, id);
                id
            })
            .collect();
        hands.acknowledged(ids[2], 1, 14);
        assert_eq!(hands.place(14).cursor, 10);
        assert_eq!(hands.place(14).finished, [12]);
        hands.acknowledged(ids[0], 1, 14);
        hands.acknowledged(ids[1], 1, 14);
        assert_eq!(hands.place(14).cursor, 13);
        assert!(hands.place(14).finished.is_empty());
        hands.acknowledged(ids[3], 1, 14);
        assert_eq!(hands.place(14).cursor, 14);
    }

    #[test]
    fn what_awaits_pubcomp_keeps_its_room_on_the_next_connection() {
        let mut hands = Hands::default();
        let ids = [5, 6].map(|offset| {
            let id = hands.id_for(offset, 2).unwrap();
            hands.send(offset, 2, id);
            hands.received(id, 7);
            id
        });
        assert_eq!(hands.resume(), ids);
        assert!(!hands.has_room(2));
        hands.completed(ids[0]);
        assert!(hands.has_room(2));
        let id = hands.id_for(7, 2).unwrap();
        hands.send(7, 2, id);
        assert!(!hands.has_room(2));
        hands.completed(ids[1]);
        assert!(hands.has_room(2) && !hands.has_room(1));
    }

    #[test]
    fn an_id_is_free_only_when_its_completion_is_durable() {
        let mut hands = Hands::default();
        let id = hands.id_for(5, 2).unwrap();
        hands.send(5, 2, id);
        hands.received(id, 6);
        let mut again = Hands::of(&hands.place(6));
        assert_eq!(again.resume(), [id]);
        again.completed(id);
        assert!(again.id_for(5 + 32_768, 2).is_none());
        again.free(id);
        assert_eq!(again.id_for(5 + 32_768, 2), Some(id));
    }
}
