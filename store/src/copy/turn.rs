//! What a turn of a copy came to, and what lasts from one to the next.

use super::end::{End, Group, SeriesSpan};
use super::marks::Pair;
use super::record::Record;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Background work of the target in one turn.
pub(super) const TIDY: Duration = Duration::from_millis(200);

/// What a turn came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// There is more to do at once, as far as the rate allows.
    Copied {
        /// Readings that were copied or compared.
        readings: u64,
        /// How many a second there may be.
        rate_max: u64,
    },
    /// Nothing to do for some seconds.
    Waiting,
    /// Nothing to do until a copy is begun.
    Idle,
}

/// What lasts as long as the process.
#[derive(Default)]
pub(super) struct Work {
    pub(super) target: Option<Arc<dyn End>>,
    pub(super) spans: Option<Option<Vec<SeriesSpan>>>,
    /// What is left of the day that the record names.
    pub(super) groups: VecDeque<Group>,
    pub(super) day: Option<i64>,
    /// Where the round over the marks is.
    pub(super) after: Option<Pair>,
    pub(super) tries: u32,
    /// Turns in a row that found a store unusable.
    pub(super) unusable: u32,
    /// Whether somebody has ordered the copy since the target was found to have lost tables.
    pub(super) may_begin_anew: bool,
}

pub(super) fn copied(readings: u64, record: &Record) -> Turn {
    Turn::Copied {
        readings,
        rate_max: record.rate_max,
    }
}
