//! What has changed in the source since a copy has begun.

use crate::Observation;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

/// In place of a series: all of them.
pub(crate) const ALL: u32 = u32::MAX;
/// Pairs of series and day that are marked one by one.
const PAIRS_MAX: usize = 1_000_000;

const HOUR_US: i64 = 3_600_000_000;
const DAY_US: i64 = 24 * HOUR_US;

/// A series on a UTC day, in order of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pair {
    /// The number of the day since 1970.
    pub(crate) day: i32,
    pub(crate) series: u32,
}

/// Hours of a UTC day, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hours {
    pub(crate) first: u8,
    pub(crate) last: u8,
}

impl Hours {
    /// The whole day.
    pub(crate) const DAY: Self = Self { first: 0, last: 23 };

    /// Both, and what is between.
    pub(crate) fn with(self, other: Self) -> Self {
        Self {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
        }
    }

    /// The time that they are on a day.
    pub(crate) fn on(self, day: i32) -> Range<i64> {
        let day_us = i64::from(day) * DAY_US;
        day_us + i64::from(self.first) * HOUR_US..day_us + (i64::from(self.last) + 1) * HOUR_US
    }
}

/// The UTC day of an instant.
pub(crate) fn day_of(time_us: i64) -> i32 {
    // 64 bits of µs are less than 2^28 days.
    time_us.div_euclid(DAY_US) as i32
}

/// The marks; nothing is marked before they are made active.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    is_active: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    waiting: BTreeMap<Pair, Hours>,
    /// Those that a step is dealing with.
    taken: BTreeMap<Pair, Hours>,
    /// Those that the database has otherwise.
    unsaved: BTreeSet<Pair>,
}

impl Marks {
    /// Marks from now on, beginning with those of before.
    pub(crate) fn start(&self, saved: Vec<(Pair, Hours)>) {
        self.inner.lock().waiting = saved.into_iter().collect();
        self.is_active.store(true, Ordering::SeqCst);
    }

    /// Forgets everything and marks no more.
    pub(crate) fn stop(&self) {
        self.is_active.store(false, Ordering::SeqCst);
        *self.inner.lock() = Inner::default();
    }

    pub(crate) fn is_active(&self) -> bool {
        self.is_active.load(Ordering::SeqCst)
    }

    /// Marks the hours of rows that the source has taken.
    pub(crate) fn mark(&self, rows: &[Observation]) {
        let place = |row: &Observation| {
            let day = day_of(row.time_us);
            let hour = (row.time_us.rem_euclid(DAY_US) / HOUR_US) as u8;
            let series = row.series.0;
            (Pair { day, series }, hour)
        };
        let mut inner = self.inner.lock();
        let mut before = None;
        for row in rows {
            let (pair, hour) = place(row);
            if before.replace((pair, hour)) != Some((pair, hour)) {
                inner.add(
                    pair,
                    Hours {
                        first: hour,
                        last: hour,
                    },
                );
            }
        }
    }

    /// Takes some pairs of one day that come after `after`; they stay until they are done.
    pub(crate) fn take(&self, after: Option<Pair>, pairs_max: usize) -> Vec<(Pair, Hours)> {
        use std::ops::Bound::{Excluded, Unbounded};
        let mut inner = self.inner.lock();
        let from = after.map_or(Unbounded, Excluded);
        let mut taken: Vec<_> = Vec::new();
        for (pair, hours) in inner.waiting.range((from, Unbounded)) {
            let is_of_day = taken
                .first()
                .is_none_or(|(first, _): &(Pair, Hours)| first.day == pair.day);
            let is_alone = pair.series == ALL && !taken.is_empty();
            if !is_of_day || is_alone || taken.len() >= pairs_max {
                break;
            }
            taken.push((*pair, *hours));
        }
        for (pair, hours) in &taken {
            inner.waiting.remove(pair);
            inner.taken.insert(*pair, *hours);
        }
        taken
    }

    /// What was taken is in the target.
    pub(crate) fn done(&self) {
        let mut inner = self.inner.lock();
        let taken = std::mem::take(&mut inner.taken);
        inner.unsaved.extend(taken.into_keys());
    }

    /// What was taken waits again.
    pub(crate) fn give_back(&self) {
        let mut inner = self.inner.lock();
        // They are taken until they wait: the database has them as they are.
        for (pair, hours) in inner.taken.clone() {
            inner.add(pair, hours);
        }
        inner.taken.clear();
    }

    /// Whether a pair, or all of its day, waits.
    pub(crate) fn has(&self, pair: Pair) -> bool {
        let inner = self.inner.lock();
        let whole_day = Pair {
            series: ALL,
            ..pair
        };
        [pair, whole_day]
            .into_iter()
            .any(|pair| inner.hours(pair).is_some())
    }

    /// What the database has otherwise, with what it should have.
    pub(crate) fn unsaved(&self) -> Vec<(Pair, Option<Hours>)> {
        let mut inner = self.inner.lock();
        let unsaved = std::mem::take(&mut inner.unsaved);
        unsaved
            .into_iter()
            .map(|pair| (pair, inner.hours(pair)))
            .collect()
    }

    /// The database could not take them.
    pub(crate) fn not_saved(&self, pairs: impl Iterator<Item = Pair>) {
        self.inner.lock().unsaved.extend(pairs);
    }

    /// How many pairs wait.
    pub(crate) fn len(&self) -> usize {
        let inner = self.inner.lock();
        inner.waiting.len() + inner.taken.len()
    }
}

impl Inner {
    fn add(&mut self, mut pair: Pair, mut hours: Hours) {
        if self.waiting.len() >= PAIRS_MAX && !self.waiting.contains_key(&pair) {
            pair.series = ALL;
            hours = Hours::DAY;
        }
        let before = self.hours(pair);
        let waiting = self.waiting.entry(pair).or_insert(hours);
        *waiting = waiting.with(hours);
        if self.hours(pair) != before {
            self.unsaved.insert(pair);
        }
    }

    fn hours(&self, pair: Pair) -> Option<Hours> {
        let (waiting, taken) = (self.waiting.get(&pair), self.taken.get(&pair));
        match (waiting, taken) {
            (Some(a), Some(b)) => Some(a.with(*b)),
            (one, other) => one.or(other).copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SeriesId, Source};
    use nhip_wire::Quality;

    fn row(series: u32, time_us: i64) -> Observation {
        Observation {
            series: SeriesId(series),
            boot: 1,
            time_us,
            received_us: time_us,
            value: 0.5,
            seq: None,
            quality: Quality::Good,
            source: Source::Device,
        }
    }

    fn pair(day: i32, series: u32) -> Pair {
        Pair { day, series }
    }

    #[test]
    fn what_comes_while_a_step_is_under_way_waits_for_the_next() {
        let marks = Marks::default();
        marks.mark(&[row(1, 5 * HOUR_US), row(1, DAY_US - 1), row(2, DAY_US)]);
        let taken = marks.take(None, 10);
        assert_eq!(taken, [(pair(0, 1), Hours { first: 5, last: 23 })]);
        marks.mark(&[row(1, 6 * HOUR_US)]);
        marks.done();
        let saved = marks.unsaved();
        let hours = |hour| Hours {
            first: hour,
            last: hour,
        };
        assert_eq!(
            saved,
            [(pair(0, 1), Some(hours(6))), (pair(1, 2), Some(hours(0)))]
        );
        assert_eq!(marks.take(None, 10), [(pair(0, 1), hours(6))]);
        marks.give_back();
        assert_eq!(marks.len(), 2);
        assert_eq!(marks.take(Some(pair(0, 1)), 10), [(pair(1, 2), hours(0))]);
        marks.done();
        assert_eq!(marks.unsaved(), [(pair(1, 2), None)]);
    }

    #[test]
    fn a_mark_that_the_database_has_already_is_not_written_again() {
        let marks = Marks::default();
        marks.mark(&[row(1, 0), row(1, 1), row(1, HOUR_US - 1)]);
        assert_eq!(marks.unsaved().len(), 1);
        assert!(marks.has(pair(0, 1)) && !marks.has(pair(0, 2)) && !marks.has(pair(1, 1)));
        marks.mark(&[row(1, 2)]);
        assert!(marks.unsaved().is_empty());
        // Taken and not done: it is as durable as it was.
        marks.take(None, 1);
        marks.mark(&[row(1, 3)]);
        assert!(marks.unsaved().is_empty());
    }

    #[test]
    fn beyond_the_bound_whole_days_are_marked() {
        let marks = Marks::default();
        let rows: Vec<_> = (0..PAIRS_MAX as u32 + 5).map(|at| row(at, 0)).collect();
        marks.mark(&rows);
        assert_eq!(marks.len(), PAIRS_MAX + 1);
        let last = marks.take(Some(pair(0, PAIRS_MAX as u32 - 1)), 5);
        assert_eq!(last, [(pair(0, ALL), Hours::DAY)]);
        assert!(marks.has(pair(0, u32::MAX - 1)));
    }
}
