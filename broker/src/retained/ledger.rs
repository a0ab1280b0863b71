//! How much room retained messages take once the log is folded to its end, in the order of
//! the log: the fold lags behind what is acknowledged.
//!
//! What a message replaces is asked for only when there would be no room otherwise: until then
//! both are counted. Far from the bounds not even topics are looked at: every message counts as
//! if it replaced nothing.

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
mod unsorted;

pub(super) use unsorted::Chunk;

use super::{
    room::Room,
    topic::{Logged, Topic},
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};
use unsorted::Unsorted;

/// Above so many topics those that came and went before the fold saw them are forgotten. It
/// counts them for a moment when it comes between the two.
const TOPICS_MAX: usize = 10_000;

/// Of so many topics it isn't asked at first what is kept.
const UNASKED_MAX: usize = 10_000;

/// So close to the bounds topics are looked at. What is held before that counts as if it
/// replaced nothing, also while others are judged: there is to be room for that.
const NEAR: Room = Room {
    count: 10_000,
    bytes: 8 << 20,
};

/// Bytes of what the log has and no topic was looked at: 30,000 messages or more, whose topics
/// are short, or 20 ms of one thread when they must be looked at.
const UNSORTED_BYTES_MAX: usize = 2 << 20;

/// There is no room for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoRoom;

/// See the module. Bytes of 0 stand for no message.
#[derive(Debug)]
pub(super) struct Ledger {
    most: Room,
    /// Up to here no topic is looked at.
    most_unsorted: Room,
    /// What is held without a topic.
    held: Room,
    /// The end of the log, without what `topics` has.
    unsorted: Unsorted,
    /// Not less than what will be kept; exactly that if no topic is unasked and nothing is
    /// on its way.
    taken: Room,
    /// Those that the log has, or is to get, and the fold hasn't kept yet. Beyond
    /// [`TOPICS_MAX`] and [`UNASKED_MAX`] each of them counts in `taken` or is kept, or is in a
    /// client's read.
    topics: HashMap<Arc<str>, Topic>,
    /// Those of them of which it isn't known what is kept.
    unasked: HashSet<Arc<str>>,
}

impl Ledger {
    /// `taken` is what is kept.
    pub(super) fn new(most: Room, taken: Room) -> Self {
        Self {
            most,
            most_unsorted: Room {
                count: most.count.saturating_sub(NEAR.count),
                bytes: most.bytes.saturating_sub(NEAR.bytes),
            },
            held: Room::default(),
            unsorted: Unsorted::default(),
            taken,
            topics: HashMap::new(),
            unasked: HashSet::new(),
        }
    }

    /// Holds `lot` for messages that are to come to the log, whatever they replace; not if the
    /// bounds are near. `kept` is as below.
    pub(super) fn hold<E>(
        &mut self,
        lot: Room,
        kept: impl Fn(&str) -> Result<u32, E>,
    ) -> Result<bool, E> {
        while self.unsorted.bytes() > UNSORTED_BYTES_MAX {
            self.sort_first(&kept)?;
        }
        let is_far = self.counted().plus(lot).is_within(self.most_unsorted);
        if is_far {
            self.held += lot;
        }
        Ok(is_far)
    }

    /// Gives back what was held without a topic.
    pub(super) fn let_go(&mut self, held: Room) {
        self.held -= held;
    }

    /// Holds room for a message that is to come to the log; what it adds to must be within
    /// the bounds. `kept` tells the bytes of a topic's message as it is kept.
    pub(super) fn promise<E>(
        &mut self,
        topic: &str,
        bytes: u32,
        kept: impl Fn(&str) -> Result<u32, E>,
    ) -> Result<Result<Arc<str>, NoRoom>, E> {
        while !self.unsorted.is_empty() {
            self.sort_first(&kept)?;
        }
        let name = self.track(topic);
        match self.make_room(&name, bytes, kept) {
            Ok(true) => {}
            refused => {
                self.change(&name, |_| {});
                return refused.map(|_| Err(NoRoom));
            }
        }
        self.change(&name, |topic| {
            topic.promises += 1;
            topic.promised = topic.promised.max(bytes);
        });
        Ok(Ok(name))
    }

    /// The log has what was promised, or will never have it.
    pub(super) fn release(&mut self, topic: &str) {
        self.change(topic, |topic| {
            topic.promises = topic.promises.saturating_sub(1);
            if topic.promises == 0 {
                topic.promised = 0;
            }
        });
    }

    /// The log has messages, behind all that it had.
    pub(super) fn push(&mut self, chunk: Chunk) {
        self.unsorted.push(chunk);
    }

    /// The log has a message, before the offset `end`.
    fn log(&mut self, topic: &str, bytes: u32, end: u64) {
        self.track(topic);
        let is_long = self.topics.len() > TOPICS_MAX;
        self.change(topic, |topic| {
            if topic.logged.is_some_and(|logged| logged.end >= end) {
                return;
            }
            let leaves_none = bytes == 0 && topic.kept == Some(0) && !topic.is_folding;
            let is_over = leaves_none && (topic.logged.is_none() || is_long);
            topic.logged = (!is_over).then_some(Logged { bytes, end });
        });
    }

    /// Of this topic `kept` bytes are kept; from now on until [`Self::keep`] the database isn't
    /// asked for it. `newest` is what the log has before the offset that is folded to.
    pub(super) fn fold(&mut self, topic: &str, kept: u32, newest: Option<Logged>) {
        let name = self.track(topic);
        self.learn(&name, kept);
        self.change(&name, |topic| {
            topic.is_folding = true;
            let known = topic.logged.map_or(0, |logged| logged.end);
            topic.logged = newest.filter(|newest| newest.end > known).or(topic.logged);
        });
    }

    /// Everything before `end` was given to [`Self::fold`].
    pub(super) fn pass(&mut self, end: u64) {
        self.unsorted.drop_before(end);
    }

    /// Everything before `end` is kept: of this topic, which is folding, so many bytes.
    pub(super) fn keep(&mut self, topic: &str, bytes: u32, end: u64) {
        self.change(topic, |topic| {
            topic.is_folding = false;
            topic.kept = Some(bytes);
            topic.logged = topic.logged.filter(|logged| logged.end > end);
        });
    }

    /// Asks for what is replaced until there is room, or nothing is left to ask.
    fn make_room<E>(
        &mut self,
        name: &Arc<str>,
        bytes: u32,
        kept: impl Fn(&str) -> Result<u32, E>,
    ) -> Result<bool, E> {
        let is_unasked = self.unasked.contains(name);
        let is_long = is_unasked && self.unasked.len() > UNASKED_MAX;
        let mut next = is_unasked.then(|| Arc::clone(name));
        let mut has_room = self.has_room(name, bytes) && !is_long;
        while !has_room
            && let Some(asked) = next.take().or_else(|| self.unasked.iter().next().cloned())
        {
            let kept = kept(&asked)?;
            self.learn(&asked, kept);
            has_room = self.has_room(name, bytes);
        }
        Ok(has_room)
    }

    /// Counts the oldest of what is unsorted topic by topic.
    fn sort_first<E>(&mut self, kept: impl Fn(&str) -> Result<u32, E>) -> Result<(), E> {
        let Some(chunk) = self.unsorted.pop() else {
            return Ok(());
        };
        let mut outcome = Ok(());
        for (topic, logged) in chunk.messages() {
            let name = self.track(topic);
            if outcome.is_ok() && self.unasked.len() > UNASKED_MAX && self.unasked.contains(&name) {
                outcome = kept(&name).map(|kept| self.learn(&name, kept));
            }
            self.log(topic, logged.bytes, logged.end);
        }
        outcome
    }

    /// Not less than what will be kept and what is held.
    fn counted(&self) -> Room {
        self.taken.plus(self.held).plus(self.unsorted.room())
    }

    fn has_room(&self, topic: &str, bytes: u32) -> bool {
        let Some(topic) = self.topics.get(topic) else {
            return false;
        };
        let (before, after) = (topic.takes(), topic.takes().max(bytes));
        let is_new = before == 0 && after > 0;
        let counted = self.counted();
        let grown_bytes = counted.bytes + u64::from(after - before);
        (!is_new || counted.count < self.most.count)
            && (after == before || grown_bytes <= self.most.bytes)
    }

    fn track(&mut self, topic: &str) -> Arc<str> {
        if let Some((name, _)) = self.topics.get_key_value(topic) {
            return Arc::clone(name);
        }
        let name: Arc<str> = topic.into();
        self.topics.insert(Arc::clone(&name), Topic::default());
        self.unasked.insert(Arc::clone(&name));
        name
    }

    /// Counts what the log has, or is to get, in the place of what is kept.
    fn learn(&mut self, name: &str, kept: u32) {
        if let Some(topic) = self.topics.get_mut(name)
            && self.unasked.remove(name)
        {
            self.taken -= Room::of(kept);
            self.taken -= Room::of(topic.takes());
            topic.kept = Some(kept);
            self.taken += Room::of(topic.takes());
        }
    }

    fn change(&mut self, name: &str, change: impl FnOnce(&mut Topic)) {
        let Some(topic) = self.topics.get_mut(name) else {
            return;
        };
        let before = topic.takes();
        change(topic);
        self.taken += Room::of(topic.takes());
        self.taken -= Room::of(before);
        if topic.is_as_kept() {
            self.topics.remove(name);
            self.unasked.remove(name);
            if self.topics.is_empty() {
                self.topics = HashMap::new();
                self.unasked = HashSet::new();
            }
        }
    }
}
