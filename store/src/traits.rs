//! What a store is, whoever keeps it.

use crate::{Observation, SeriesId};
use thiserror::Error;

/// A place for observations that ingest folds the log into.
///
/// Calls block; asynchronous callers use a blocking thread. The writer side is called by
/// shards, each by one thread; the reader side by anybody at any time. What was appended is
/// visible to readers at once and durable after the next `checkpoint` of its shard.
pub trait Store: Send + Sync + 'static {
    /// Why it can never take an observation, whatever else it has; none if it can. It depends on
    /// the observation alone, so that what becomes of one depends on no batch.
    fn refusal(&self, observation: &Observation) -> Option<String>;

    /// Takes observations, in any order of time, all or none. The caller has deduplicated them,
    /// and there is no [`refusal`](Self::refusal) of any.
    fn append(&self, shard: u32, observations: &[Observation]) -> Result<(), StoreError>;

    /// Makes everything this shard appended and `state` durable in one atomic step: after a
    /// crash either all of it is there or none.
    fn checkpoint(&self, shard: u32, state: StateBatch) -> Result<(), StoreError>;

    /// Everything that the shard's checkpoints have put and not deleted, by key.
    fn load_state(&self, shard: u32) -> Result<ShardState<'_>, StoreError>;

    /// One value of the shard's state.
    fn state(&self, shard: u32, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Whether the series has an observation at this instant with exactly this value
    /// (compared by bits), whatever its sequence: the dedupe of readings without one.
    fn contains(&self, series: SeriesId, time_us: i64, value: f64) -> Result<bool, StoreError>;

    /// Whether rows that were appended and not checkpointed can be found after a crash. Then a
    /// reading that is folded again may find itself.
    fn keeps_unsaved(&self) -> bool {
        false
    }

    /// The observations of one series in a range of time, in blocks, in order of (time, boot,
    /// seq). Blocks are produced as they are asked for.
    fn range(
        &self,
        query: RangeQuery,
    ) -> Result<Box<dyn Iterator<Item = Result<Block, StoreError>> + Send + '_>, StoreError>;

    /// At most `points` buckets of equal width over `from_us..to_us`; empty ones are left
    /// out, so that a gap stays a gap. Of qualities that are measured only. Where retention
    /// left the hours of a day and not its rows, an hour counts whole in the bucket in which
    /// it begins, and not at all if it begins outside of the range.
    fn buckets(
        &self,
        series: SeriesId,
        from_us: i64,
        to_us: i64,
        points: u32,
    ) -> Result<Vec<Bucket>, StoreError>;

    /// Does background work that is due (merging parts, dropping what is past its retention)
    /// for about `budget`; returns whether more is due.
    fn maintain(&self, now_us: i64, budget: std::time::Duration) -> Result<bool, StoreError>;

    /// Sizes for metrics and the health page.
    fn figures(&self) -> StoreFigures;

    /// What keeps the store from taking or giving observations now, for a person.
    fn problem(&self) -> Option<String> {
        None
    }

    /// Whether it takes observations in spite of [`Self::problem`].
    fn takes_readings(&self) -> bool {
        self.problem().is_none()
    }
}

/// The pairs of a shard's state.
pub type ShardState<'a> =
    Box<dyn Iterator<Item = Result<(Vec<u8>, Vec<u8>), StoreError>> + Send + 'a>;

/// Changes to a shard's state: keys with their new value, or none to delete.
#[derive(Debug, Default)]
pub struct StateBatch {
    /// The changes; the last one of a key wins.
    pub changes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

/// What to read of one series.
#[derive(Clone, Copy, Debug)]
pub struct RangeQuery {
    /// The series.
    pub series: SeriesId,
    /// The first instant, included, µs since 1970 UTC.
    pub from_us: i64,
    /// The last instant, excluded, µs since 1970 UTC.
    pub to_us: i64,
    /// Oldest or newest first.
    pub order: Order,
}

/// The order of an answer in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Oldest first.
    #[default]
    Ascending,
    /// Newest first.
    Descending,
}

/// Some observations of one series, in the order asked for.
pub type Block = Vec<Observation>;

/// What a series did in one stretch of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Its beginning, µs since 1970 UTC.
    pub start_us: i64,
    /// How long it is, µs: the same for all of one answer.
    pub width_us: i64,
    /// How many observations.
    pub count: u64,
    /// The smallest value.
    pub min: f64,
    /// The sum of the values over their count.
    pub mean: f64,
    /// The largest value.
    pub max: f64,
    /// The newest value by measured time.
    pub last: f64,
}

/// Sizes of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StoreFigures {
    /// Bytes on the disk.
    pub bytes: u64,
    /// Bytes of the journal of the database that it is in, which others may share.
    pub journal_bytes: u64,
    /// Observations that wait in memory for their checkpoint.
    pub open_observations: u64,
    /// Parts that wait to be merged.
    pub parts_due: u64,
}

/// Why a store did not do as it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StoreError {
    /// It can't now and may later (no space, no connection): try again.
    #[error("the store is not available: {reason}")]
    Unavailable {
        /// What is missing.
        reason: String,
    },
    /// It is there and not as it has to be (a table of another city, a column of another type):
    /// tell a person, who has to mend it, and try again.
    #[error("the store is not available: {reason}")]
    Unusable {
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// It holds something it can't read: stop, and restore from a copy.
    #[error("the store is damaged at {place}: {reason}")]
    Damaged {
        /// Which key.
        place: String,
        /// What is wrong there.
        reason: String,
    },
    /// It will never take this: reject it.
    #[error("the store refuses {what}: {reason}")]
    Refused {
        /// What was given.
        what: String,
        /// Why not.
        reason: String,
    },
}

impl StoreError {
    /// What holds a store up, for a person who knows that something does.
    pub(crate) fn told(&self) -> String {
        match self {
            Self::Unavailable { reason } | Self::Unusable { reason } => reason.clone(),
            Self::Damaged { .. } | Self::Refused { .. } => self.to_string(),
        }
    }
}
