//! What a log is, whoever keeps it.

use crate::{Batch, Offset, Records};
use std::{future::Future, pin::Pin as FuturePin, sync::Arc, time::Duration};
use thiserror::Error;

/// A durable, ordered sequence of records with one writer side and many readers.
pub trait Log: Send + Sync + 'static {
    /// Queues the records of `batch` for the next group commit and empties it.
    ///
    /// Returns the offset that the last of them will have. Nothing is promised until
    /// `listener` hears [`Committed::committed`] for that offset or a later one. On an error
    /// nothing of the batch was queued and it is as it was.
    fn append(
        &self,
        batch: &mut Batch,
        listener: Option<&Arc<dyn Committed>>,
    ) -> Result<Offset, AppendError>;

    /// Resolves when the queue has room again after [`AppendError::Full`].
    fn room(&self) -> FuturePin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// Where it stands now.
    fn state(&self) -> State;

    /// A receiver that changes with every commit, for asynchronous readers.
    fn watch(&self) -> tokio::sync::watch::Receiver<State>;

    /// Blocks until a record at `offset` is durable or `timeout` is over; says whether it is.
    fn wait(&self, offset: Offset, timeout: Duration) -> bool;

    /// A reader whose first record is `from`.
    fn reader(&self, from: Offset) -> Result<Box<dyn Reader>, ReadError>;

    /// Keeps everything from `from` on for the consumer `name` until its pin moves or drops.
    fn pin(&self, name: &str, from: Offset) -> Box<dyn Pin>;

    /// Sizes for metrics and the health page.
    fn figures(&self) -> Figures;
}

/// Hears what became of appended records. Called by the committing thread: it may note, wake and
/// write what a socket takes at once, and must never block.
pub trait Committed: Send + Sync {
    /// Every record that was appended with this listener up to and including `last` is on
    /// the disk.
    fn committed(&self, last: Offset);
    /// The log has failed for good: nothing further will be committed.
    fn failed(&self);
}

/// A cursor over durable records.
pub trait Reader: Send {
    /// Replaces what is in `records` with the next durable records, at least one if there is
    /// any and no more than `bytes_max` unless a single record is larger. Never blocks on the
    /// writer: an empty result means that the reader has caught up.
    fn read(&mut self, records: &mut Records, bytes_max: usize) -> Result<(), ReadError>;
    /// The offset of the record that the next read begins with.
    fn position(&self) -> Offset;
}

/// Holds records back from trimming for one consumer.
pub trait Pin: Send + Sync {
    /// The consumer needs nothing before `offset` any more.
    fn advance(&self, offset: Offset);
}

/// Where the log stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The oldest record that can still be read.
    pub start: Offset,
    /// One past the newest durable record.
    pub durable_end: Offset,
    /// What holds writing up, if anything does; it is tried again.
    pub stalled: Option<Stall>,
    /// Whether it has failed for good and only reading is left.
    pub failed: bool,
}

/// What holds writing up until it passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stall {
    /// The disk is full, or has less than `log.free_bytes_min` left.
    NoSpace,
    /// The process, or the system, has as many files and connections open as it may.
    NoDescriptor,
    /// The log is as large as `log.bytes_max` allows, and nothing of it can be trimmed yet.
    AtBound,
}

/// Sizes of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Bytes that its segments take on the disk.
    pub bytes: u64,
    /// How many segments hold records.
    pub segments: u64,
    /// Bytes queued and not yet written.
    pub queued_bytes: u64,
}

/// Why records were not queued.
#[derive(Debug, Error)]
pub enum AppendError {
    /// The queue is at its bound: wait for [`Log::room`], then try again.
    #[error("the log's queue is full at {queued_bytes} B")]
    Full {
        /// Bytes in the queue.
        queued_bytes: u64,
    },
    /// A record is larger than the log takes: reject it.
    #[error("a record of {bytes} B is over the log's limit of {bytes_max} B")]
    TooLarge {
        /// The record's size.
        bytes: u64,
        /// The setting `log.record_bytes_max`.
        bytes_max: u64,
    },
    /// The log has failed for good or is closed: stop.
    #[error("the log takes no more records: {reason}")]
    Closed {
        /// What ended it.
        reason: String,
    },
}

/// Why records could not be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The record was trimmed: begin at `start`.
    #[error("offset {asked} is trimmed, the log begins at {start}", asked = .asked.0, start = .start.0)]
    Trimmed {
        /// What was asked for.
        asked: Offset,
        /// The oldest record there is.
        start: Offset,
    },
    /// The record was never written.
    #[error("offset {asked} is beyond the end of the log at {end}", asked = .asked.0, end = .end.0)]
    Beyond {
        /// What was asked for.
        asked: Offset,
        /// One past the newest durable record.
        end: Offset,
    },
    /// A durable record can't be read back: stop, and restore from a copy.
    #[error("the log is damaged in {file} at byte {position}: {reason}")]
    Damaged {
        /// The segment file.
        file: String,
        /// Where in it.
        position: u64,
        /// What is wrong there.
        reason: String,
    },
    /// The disk failed to answer: try again.
    #[error("reading {file}: {source}")]
    Io {
        /// The segment file.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
}
