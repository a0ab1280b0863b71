//! What a copy asks of a store, whichever it is.

use crate::{Observation, SeriesId, StoreError};
use std::ops::Range;
use std::time::Duration;

/// Series that are read together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// Those that the source has, in order.
    pub(crate) series: Vec<SeriesId>,
    /// If all from one number to another are meant, these, both included; so a series that only
    /// the target has is found.
    pub(crate) range: Option<(SeriesId, SeriesId)>,
}

/// When a series has readings: their first instant and one not before their last, µs since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SeriesSpan {
    pub(crate) series: SeriesId,
    pub(crate) first_us: i64,
    pub(crate) last_us: i64,
}

/// What a store has of what was written to it before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Remains {
    /// Nothing was ever written for this data folder.
    Nothing,
    /// What was made for it is there.
    Whole,
    /// Some of it is gone, which `empty` makes anew; in words for a person.
    Lost(String),
}

/// A source or target of a copy. Nobody but the copy writes to a target.
pub(crate) trait End: Send + Sync {
    /// Fails unless it can be read and written now.
    fn look(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// What it has of what was written to it before. It makes nothing.
    fn remains(&self) -> Result<Remains, StoreError> {
        Ok(Remains::Whole)
    }

    /// The first and last instant with a reading, or a little around them.
    fn extent_us(&self) -> Result<Option<(i64, i64)>, StoreError>;

    /// When each series has readings; none where `counts` knows it for the asking.
    fn spans(&self) -> Result<Option<Vec<SeriesSpan>>, StoreError>;

    /// An instant from `from_us` on before which there is no reading; no later than the next.
    fn next_us(&self, from_us: i64) -> Result<i64, StoreError> {
        Ok(from_us)
    }

    /// About how many readings each series has in a stretch of time, in order; of these series,
    /// or of all.
    fn counts(
        &self,
        time_us: Range<i64>,
        within: Option<&[SeriesId]>,
    ) -> Result<Vec<(SeriesId, u64)>, StoreError>;

    /// Everything in a stretch of time that was appended before, in order of (series, time,
    /// boot, seq).
    fn read(&self, time_us: Range<i64>, group: &Group) -> Result<Vec<Observation>, StoreError>;

    /// Takes those of the rows of a stretch of time that it has not; they are durable and can
    /// be read when this returns.
    fn put(
        &self,
        time_us: Range<i64>,
        group: &Group,
        rows: &[Observation],
    ) -> Result<(), StoreError>;

    /// Forgets all readings, and makes what it has lost anew.
    fn empty(&self) -> Result<(), StoreError>;

    /// Does background work that is due.
    fn tidy(&self, now_us: i64, budget: Duration) -> Result<bool, StoreError>;

    /// Minutes east of UTC by which its days begin.
    fn utc_offset_min(&self) -> Result<i32, StoreError>;
}
