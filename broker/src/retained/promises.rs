//! Room that is held for retained messages on their way to the log.

use super::ledger::NoRoom;
use super::room::Room;
use super::{Retained, is_retained, kept_bytes};
use crate::metrics::Drop as Dropped;
use nhip_log::Batch;
use nhip_wire::envelope::Envelope;
use std::sync::Arc;

/// What is held at once while there is much of it, so that the ledger isn't locked for each message.
const LOT: Room = Room {
    count: 64,
    bytes: 16 << 10,
};

/// Holds room until it is dropped: when the log has the messages, or is never to have them.
pub(crate) struct Promises {
    retained: Arc<Retained>,
    topics: Vec<Arc<str>>,
    /// What is held without a topic, and what of it nothing was promised yet.
    held: Room,
    left: Room,
    is_empty: bool,
}

impl Promises {
    pub(crate) fn new(retained: &Arc<Retained>) -> Self {
        Self {
            retained: Arc::clone(retained),
            topics: Vec::new(),
            held: Room::default(),
            left: Room::default(),
            is_empty: true,
        }
    }

    /// Holds room for a message that takes `bytes` as a record, 0 if it clears; says if there
    /// is none.
    pub(crate) fn promise(&mut self, topic: &str, bytes: u32) -> Result<(), NoRoom> {
        let room = Room::of(bytes);
        if room.is_within(self.left) && !self.is_empty {
            self.left -= room;
            return Ok(());
        }
        let retained = &self.retained;
        let kept = |topic: &str| retained.kept_bytes(topic);
        let lot = Room {
            count: LOT.count,
            bytes: LOT.bytes.max(room.bytes),
        };
        let mut ledger = retained.ledger.lock();
        let promised = match ledger.hold(lot, kept) {
            Ok(true) => Ok(Ok(None)),
            Ok(false) => ledger
                .promise(topic, bytes, kept)
                .map(|promised| promised.map(Some)),
            Err(error) => Err(error),
        };
        drop(ledger);
        let promised = promised.unwrap_or_else(|error| {
            tracing::error!(%error, topic, "retained messages can't be read");
            Err(NoRoom)
        })?;
        match promised {
            Some(name) => self.topics.push(name),
            None => {
                self.held += lot;
                self.left = lot;
                self.left -= room;
            }
        }
        self.is_empty = false;
        Ok(())
    }

    /// Whether it holds no room.
    pub(crate) fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// Holds room for the retained messages of `batch`, which nobody can refuse any more: one
    /// that there is none for is a message like others, and counted.
    pub(crate) fn for_batch(retained: &Arc<Retained>, batch: &mut Batch) -> Self {
        let mut promises = Self::new(retained);
        if !framed_records(batch.framed()).any(is_retained) {
            return promises;
        }
        let mut refused = 0;
        let mut judged = Batch::default();
        for record in framed_records(batch.framed()) {
            let envelope = Envelope::read(record).ok().filter(|_| is_retained(record));
            let has_room = envelope.is_none_or(|envelope| {
                let bytes = kept_bytes(&envelope, record);
                promises.promise(envelope.topic, bytes).is_ok()
            });
            match (has_room, record) {
                (false, [kind, flags, rest @ ..]) => {
                    refused += 1;
                    judged.push(&[&[*kind, flags & !1], rest]);
                }
                _ => judged.push(&[record]),
            }
        }
        if refused > 0 {
            *batch = judged;
            retained.metrics.drop(Dropped::RetainedFull, refused);
        }
        promises
    }
}

impl Drop for Promises {
    fn drop(&mut self) {
        if self.is_empty {
            return;
        }
        let mut ledger = self.retained.ledger.lock();
        ledger.let_go(self.held);
        for topic in &self.topics {
            ledger.release(topic);
        }
    }
}

/// The records of [`Batch::framed`].
pub(super) fn framed_records(mut framed: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = framed.split_first_chunk()?;
        let (record, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        framed = rest;
        Some(record)
    })
}
