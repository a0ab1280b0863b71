//! Which days have parts that wait to be merged.

use crate::SeriesId;
use std::collections::BTreeMap;

/// Days with parts, by series and the beginning of the day.
#[derive(Debug, Default)]
pub(crate) struct Due {
    days: BTreeMap<(u32, i64), Waiting>,
    /// The time of the last call of `maintain`, µs since 1970 UTC.
    now_us: i64,
}

/// The parts of a day.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    pub(crate) parts: u32,
    /// When the first of them was noticed.
    pub(crate) since_us: i64,
}

impl Due {
    pub(crate) fn add(&mut self, parts: impl IntoIterator<Item = (SeriesId, i64)>) {
        let since_us = self.now_us;
        for (series, day_us) in parts {
            self.days
                .entry((series.0, day_us))
                .or_insert(Waiting { parts: 0, since_us })
                .parts += 1;
        }
    }

    pub(crate) fn tell_time(&mut self, now_us: i64) {
        self.now_us = self.now_us.max(now_us);
    }

    pub(crate) fn remove(&mut self, series: SeriesId, day_us: i64) -> Option<Waiting> {
        self.days.remove(&(series.0, day_us))
    }

    pub(crate) fn put_back(&mut self, series: SeriesId, day_us: i64, waiting: Waiting) {
        let entry = self.days.entry((series.0, day_us)).or_insert(Waiting {
            parts: 0,
            since_us: waiting.since_us,
        });
        entry.parts += waiting.parts;
        entry.since_us = entry.since_us.min(waiting.since_us);
    }

    /// The next days after `after` for which `is_due` says so, at most `max`, out of the next
    /// `look_max`; and where the look ended, or none if it came to the end.
    #[expect(clippy::type_complexity, reason = "a list and where to go on")]
    pub(crate) fn next(
        &self,
        after: Option<(u32, i64)>,
        max: usize,
        look_max: usize,
        is_due: impl Fn(i64, Waiting) -> bool,
    ) -> (Vec<(u32, i64)>, Option<(u32, i64)>) {
        use std::ops::Bound;
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut found = Vec::new();
        for (looked, (&day, &waiting)) in self.days.range((from, Bound::Unbounded)).enumerate() {
            if is_due(day.1, waiting) {
                found.push(day);
            }
            if found.len() == max || looked + 1 == look_max {
                return (found, Some(day));
            }
        }
        (found, None)
    }

    /// Parts of the days for which `is_due` says so.
    pub(crate) fn parts(&self, is_due: impl Fn(i64, Waiting) -> bool) -> u64 {
        self.days
            .iter()
            .filter(|((_, day_us), waiting)| is_due(*day_us, **waiting))
            .map(|(_, waiting)| u64::from(waiting.parts))
            .sum()
    }
}
