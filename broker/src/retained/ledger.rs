//! How much room retained messages take once the log is folded to its end, in the order of
//! the log: the fold lags behind what is acknowledged.
//!
//! What a message replaces is asked for only when there would be no room otherwise: until then
//! both are counted.

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use super::topic::{Logged, Topic};
use std::{
    collections::{HashMap, HashSet},
    ops::{AddAssign, SubAssign},
    sync::Arc,
};

/// Messages and their bytes as records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) count: u64,
    pub(super) bytes: u64,
}

/// Above so many topics those that came and went before the fold saw them are forgotten. It
/// counts them for a moment when it comes between the two.
const TOPICS_MAX: usize = 10_000;

/// Of so many topics it isn't asked at first what is kept.
const UNASKED_MAX: usize = 10_000;

/// There is no room for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoRoom;

/// See the module. Bytes of 0 stand for no message.
#[derive(Debug)]
pub(super) struct Ledger {
    most: Room,
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
            taken,
            topics: HashMap::new(),
            unasked: HashSet::new(),
        }
    }

    /// Holds room for a message that is to come to the log; what it adds to must be within
    /// the bounds. `kept` tells the bytes of a topic's message as it is kept.
    pub(super) fn promise<E>(
        &mut self,
        topic: &str,
        bytes: u32,
        kept: impl Fn(&str) -> Result<u32, E>,
    ) -> Result<Result<Arc<str>, NoRoom>, E> {
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

    /// The log has a message, before the offset `end`.
    pub(super) fn log(&mut self, topic: &str, bytes: u32, end: u64) {
        self.track(topic);
        let is_long = self.topics.len() > TOPICS_MAX;
        self.change(topic, |topic| {
            let leaves_none = bytes == 0 && topic.kept == Some(0) && !topic.is_folding;
            let is_over = leaves_none && (topic.logged.is_none() || is_long);
            topic.logged = (!is_over).then_some(Logged { bytes, end });
        });
    }

    /// Of this topic `kept` bytes are kept; from now on until [`Self::keep`] the database isn't
    /// asked for it.
    pub(super) fn fold(&mut self, topic: &str, kept: u32) {
        let name = self.track(topic);
        self.learn(&name, kept);
        self.change(&name, |topic| topic.is_folding = true);
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
        let mut next = Some(Arc::clone(name)).filter(|name| self.unasked.contains(name));
        let mut has_room = self.has_room(name, bytes) && self.unasked.len() <= UNASKED_MAX;
        while !has_room && let Some(asked) = next {
            let kept = kept(&asked)?;
            self.learn(&asked, kept);
            has_room = self.has_room(name, bytes);
            next = self.unasked.iter().next().cloned();
        }
        Ok(has_room)
    }

    fn has_room(&self, topic: &str, bytes: u32) -> bool {
        let Some(topic) = self.topics.get(topic) else {
            return false;
        };
        let (before, after) = (topic.takes(), topic.takes().max(bytes));
        let is_new = before == 0 && after > 0;
        let grown_bytes = self.taken.bytes + u64::from(after - before);
        (!is_new || self.taken.count < self.most.count)
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

impl Room {
    fn of(bytes: u32) -> Self {
        Self {
            count: u64::from(bytes > 0),
            bytes: u64::from(bytes),
        }
    }
}

impl AddAssign for Room {
    fn add_assign(&mut self, more: Self) {
        self.count += more.count;
        self.bytes += more.bytes;
    }
}

impl SubAssign for Room {
    fn sub_assign(&mut self, less: Self) {
        self.count = self.count.saturating_sub(less.count);
        self.bytes = self.bytes.saturating_sub(less.bytes);
    }
}
