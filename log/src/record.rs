//! Records on their way out of the log.

use std::ops::Range;

/// The place of a record in the log: the first record ever is 0, the next 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub u64);

impl Offset {
    /// The offset of the record behind this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Records that a reader has read: one buffer, used again at each read.
#[derive(Debug, Default)]
pub struct Records {
    bytes: Vec<u8>,
    records: Vec<(Offset, Range<usize>)>,
}

impl Records {
    /// The records with their offsets, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Offset, &[u8])> {
        self.records
            .iter()
            .map(|(offset, range)| (*offset, &self.bytes[range.clone()]))
    }

    /// How many records it holds.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Bytes of all of them.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Empties it and keeps its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.records.clear();
    }

    /// Adds a record; for implementations of [`crate::Log`].
    pub fn push(&mut self, offset: Offset, record: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(record);
        self.records.push((offset, start..self.bytes.len()));
    }
}
