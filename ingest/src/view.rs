//! What the fold shows to others: the newest readings, the figures, dead letters, the feed.

use nhip_registry::DeviceId;
use nhip_store::{Observation, SeriesId};
use std::{fmt, future::Future, pin::Pin, str::FromStr, sync::Arc};
use thiserror::Error;

/// The reading side of ingest. Calls are short and may be made from asynchronous code, but
/// for [`View::dead_letters`] and [`View::replay`], which read the disk.
pub trait View: Send + Sync + 'static {
    /// The newest observation by measured time of each series, in the order asked; `out` is
    /// emptied first.
    fn latest(&self, series: &[SeriesId], out: &mut Vec<Option<Observation>>);
    /// The figures of the whole platform.
    fn reconciliation(&self) -> Reconciliation;
    /// The figures of one device, registered or not; none if nothing of it was ever read.
    fn reconciliation_of(&self, device: &str) -> Option<Reconciliation>;
    /// The figures of the devices behind `after` in order of name, at most `limit`.
    fn reconciliation_by_device(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Vec<(Arc<str>, Reconciliation)>;
    /// When a device was last heard and what it says of itself.
    fn activity(&self, device: DeviceId) -> Option<Activity>;
    /// How far the fold is behind the log.
    fn lag(&self) -> Lag;
    /// Dead letters, oldest first. Blocks.
    fn dead_letters(&self, query: &DeadLetterQuery) -> Result<Vec<DeadLetter>, ViewError>;
    /// Sends the dead letters of a query through the fold again. Blocks until their replays
    /// are durable in the log; the fold then takes them like anything else.
    fn replay(&self, query: &DeadLetterQuery) -> Result<ReplayOutcome, ViewError>;
    /// A reader of normalised readings: from the next one on, or behind a cursor.
    fn subscribe(&self, after: Option<Cursor>) -> Result<Box<dyn FeedReader>, FeedError>;
}

/// What became of readings. `received = stored + duplicate + rejected + pending`, always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reconciliation {
    /// Readings that the fold has read; a message that can't be decoded counts as one.
    pub received: u64,
    /// In the store.
    pub stored: u64,
    /// Known already.
    pub duplicate: u64,
    /// Dead letters.
    pub rejected: u64,
    /// Accepted, not yet in the store.
    pub pending: u64,
    /// Log records that the fold has not reached (of the platform, also for a device).
    pub unread: u64,
}

/// When a device was last heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// When the platform last received anything from it, µs since 1970 UTC.
    pub last_seen_us: i64,
    /// What it last published on its status topic: `online` or `offline`.
    pub status: Option<Arc<str>>,
}

/// How far the fold is behind.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lag {
    /// Log records not reached.
    pub records: u64,
    /// Age of the oldest of them, seconds; 0 when there is none.
    pub seconds: f64,
    /// Whether the store holds the fold up.
    pub store_unavailable: bool,
}

/// A place in the feed: behind the reading number `index` of the record at `offset`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor {
    /// The log offset of the record.
    pub offset: u64,
    /// The reading in it, from 0 on.
    pub index: u32,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.offset, self.index)
    }
}

/// A text is no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a cursor is two numbers with a point between them")]
pub struct NotACursor;

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let (offset, index) = text.split_once('.').ok_or(NotACursor)?;
        Ok(Self {
            offset: offset.parse().map_err(|_| NotACursor)?,
            index: index.parse().map_err(|_| NotACursor)?,
        })
    }
}

/// Follows the feed. Bounded: a reader that falls too far behind the memory of the feed goes
/// on from the log, not from a queue of its own.
pub trait FeedReader: Send {
    /// The next normalised readings, at least one; waits for them.
    fn next(&mut self) -> NextBatch<'_>;
}

/// What [`FeedReader::next`] returns.
pub type NextBatch<'a> =
    Pin<Box<dyn Future<Output = Result<Arc<FeedBatch>, FeedError>> + Send + 'a>>;

/// Normalised readings in the order of the log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FeedBatch {
    /// The readings.
    pub events: Vec<FeedEvent>,
}

/// A reading that was stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FeedEvent {
    /// Its place in the feed.
    pub cursor: Cursor,
    /// The reading.
    pub observation: Observation,
}

/// Why the feed can't go on.
#[derive(Debug, Error)]
pub enum FeedError {
    /// What is behind the cursor was trimmed: begin anew, history is in the store.
    #[error("the live feed begins at {start}; what followed {asked} is only in the history now")]
    Trimmed {
        /// The cursor that was given.
        asked: Cursor,
        /// The oldest that can be resumed from.
        start: Cursor,
    },
    /// The cursor was never given out by this log.
    #[error("{asked} is not a place in this feed, which ends at {end}")]
    Beyond {
        /// The cursor that was given.
        asked: Cursor,
        /// The newest there is.
        end: Cursor,
    },
    /// The platform is stopping: connect again later.
    #[error("the feed is closed")]
    Closed,
    /// The log can't be read: try again, or look at the platform's log.
    #[error("the feed can't read the log: {reason}")]
    Log {
        /// What it said.
        reason: String,
    },
}

/// A message, or some readings of it, that could not be taken.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    /// Its number: the log offset of the record.
    pub offset: u64,
    /// When the platform received it, µs since 1970 UTC.
    pub received_us: i64,
    /// The device, as far as it is known.
    pub device: Option<Arc<str>>,
    /// The topic as published.
    pub topic: Arc<str>,
    /// The short names of the reasons, as in the metric's label (`undecodable`, `out_of_range`
    /// …): each once, in order of their first readings, and at least one.
    pub reasons: Vec<Arc<str>>,
    /// What exactly is wrong, for a person.
    pub detail: Arc<str>,
    /// How many readings of the message were rejected.
    pub readings: u32,
    /// The payload as it came.
    pub payload: Vec<u8>,
    /// When it was sent through the fold again, if it was.
    pub replayed_us: Option<i64>,
}

/// Which dead letters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetterQuery {
    /// Only these numbers, if any are named.
    pub offsets: Vec<u64>,
    /// Only those of which some reading was rejected for this reason.
    pub reason: Option<String>,
    /// Only of this device.
    pub device: Option<String>,
    /// Received at this instant or later, µs since 1970 UTC.
    pub from_us: Option<i64>,
    /// Received before this instant.
    pub to_us: Option<i64>,
    /// Behind this number, in the order asked for.
    pub after: Option<u64>,
    /// Newest first instead of oldest first.
    pub newest_first: bool,
    /// At most so many.
    pub limit: usize,
}

impl DeadLetterQuery {
    /// Whether a number is behind the one that the query goes on from.
    pub fn is_behind(&self, number: u64) -> bool {
        self.after.is_none_or(|after| match self.newest_first {
            true => number < after,
            false => number > after,
        })
    }
}

/// What a replay did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplayOutcome {
    /// How many dead letters were sent again.
    pub replayed: u64,
    /// One past the log offset of the last of them: when the fold is there, the figures show
    /// what became of them.
    pub until_offset: u64,
}

/// Why the fold can't answer.
#[derive(Debug, Error)]
pub enum ViewError {
    /// The store can't now: try again.
    #[error("the store is not available: {reason}")]
    Unavailable {
        /// What it said.
        reason: String,
    },
    /// The log takes nothing now: try again.
    #[error("the log takes nothing now: {reason}")]
    LogStalled {
        /// What it said.
        reason: String,
    },
    /// Something durable can't be read: stop.
    #[error("damaged: {reason}")]
    Damaged {
        /// What it said.
        reason: String,
    },
}
