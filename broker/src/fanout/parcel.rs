//! Messages that travel together.

use std::{sync::Arc, sync::atomic::AtomicUsize};

/// The offset of a message that isn't in the log.
pub(crate) const UNLOGGED: u64 = u64::MAX;

/// Messages one behind the other, each an envelope behind its log offset and its length,
/// both little-endian.
#[derive(Clone, Debug, Default)]
pub struct Parcel {
    pub(crate) bytes: Vec<u8>,
    pub(crate) messages: u64,
    /// The client that it comes from, if it isn't from the log.
    pub(crate) source: Option<Arc<Source>>,
}

/// A client whose messages come past the log.
#[derive(Debug, Default)]
pub struct Source {
    /// Bytes of its parcels that wait.
    pub(crate) waiting: AtomicUsize,
}

impl Parcel {
    /// Adds a message made of `parts`, written one behind the other.
    pub fn push(&mut self, offset: u64, parts: &[&[u8]]) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        self.bytes.reserve(12 + length);
        self.bytes.extend_from_slice(&offset.to_le_bytes());
        self.bytes.extend_from_slice(&(length as u32).to_le_bytes());
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
        self.messages += 1;
    }

    /// The same from a client, which has no more waiting than there is room left for others.
    #[must_use]
    pub fn from_source(mut self, source: &Arc<Source>) -> Self {
        self.source = Some(Arc::clone(source));
        self
    }

    /// Whether it holds no message.
    pub fn is_empty(&self) -> bool {
        self.messages == 0
    }

    /// How many messages it holds.
    pub fn messages(&self) -> u64 {
        self.messages
    }
}

/// The messages of a parcel with their offsets, in order.
pub fn messages(mut bytes: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    std::iter::from_fn(move || {
        let (offset, rest) = bytes.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (record, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        bytes = rest;
        Some((u64::from_le_bytes(*offset), record))
    })
}
