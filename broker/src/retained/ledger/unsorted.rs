//! What the log has, in its order, and no topic of it was looked at.

use crate::retained::{room::Room, topic::Logged};
use std::collections::VecDeque;

/// Bytes of a message beside its topic.
const MESSAGE_BYTES: usize = size_of::<Message>();

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Unsorted {
    chunks: VecDeque<Chunk>,
    room: Room,
    bytes: usize,
}

/// Messages of one append.
#[derive(Debug, Default)]
pub(in crate::retained) struct Chunk {
    topics: String,
    messages: Vec<Message>,
    room: Room,
    /// Added to where each of them ends.
    first: u64,
}

#[derive(Clone, Copy, Debug)]
struct Message {
    /// Where its topic ends in the topics.
    topic_end: u32,
    bytes: u32,
    /// One past its place among the records of the append.
    end: u32,
}

impl Unsorted {
    pub(super) fn push(&mut self, chunk: Chunk) {
        self.room += chunk.room;
        self.bytes += chunk.held_bytes();
        self.chunks.push_back(chunk);
    }

    pub(super) fn pop(&mut self) -> Option<Chunk> {
        let chunk = self.chunks.pop_front()?;
        self.room -= chunk.room;
        self.bytes -= chunk.held_bytes();
        if self.chunks.is_empty() {
            self.chunks = VecDeque::new();
        }
        Some(chunk)
    }

    pub(super) fn drop_before(&mut self, end: u64) {
        while let Some(chunk) = self.chunks.front()
            && chunk.begins_before(end)
        {
            if let Some(mut chunk) = self.pop() {
                chunk.keep_from(end);
                if !chunk.is_empty() {
                    self.room += chunk.room;
                    self.bytes += chunk.held_bytes();
                    self.chunks.push_front(chunk);
                }
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// What they take if they replace nothing.
    pub(super) fn room(&self) -> Room {
        self.room
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Chunk {
    /// Adds a message: the record at a place among those of the append, of so many bytes to keep.
    pub(in crate::retained) fn add(&mut self, at: u32, topic: &str, bytes: u32) {
        self.topics.push_str(topic);
        self.messages.push(Message {
            // An append is far below 4 GiB.
            topic_end: u32::try_from(self.topics.len()).unwrap_or(u32::MAX),
            bytes,
            end: at + 1,
        });
        self.room += Room::of(bytes);
    }

    /// The same when the append's first record has got this offset.
    pub(in crate::retained) fn at(mut self, first: u64) -> Self {
        self.first = first;
        self
    }

    pub(in crate::retained) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(super) fn messages(&self) -> impl Iterator<Item = (&str, Logged)> {
        let mut start = 0;
        self.messages.iter().map(move |message| {
            let end = message.topic_end as usize;
            let topic = &self.topics[start..end];
            start = end;
            let bytes = message.bytes;
            let end = self.first + u64::from(message.end);
            (topic, Logged { bytes, end })
        })
    }

    fn begins_before(&self, end: u64) -> bool {
        self.messages
            .first()
            .is_some_and(|message| self.first + u64::from(message.end) <= end)
    }

    /// Only what the log has from `end` on: a read of the log may end within an append.
    fn keep_from(&mut self, end: u64) {
        let mut left = Self::default().at(self.first);
        for (topic, logged) in self.messages().filter(|(_, logged)| logged.end > end) {
            let at = u32::try_from(logged.end - self.first - 1).unwrap_or(u32::MAX);
            left.add(at, topic, logged.bytes);
        }
        *self = left;
    }

    fn held_bytes(&self) -> usize {
        self.topics.capacity() + self.messages.capacity() * MESSAGE_BYTES + size_of::<Self>()
    }
}
