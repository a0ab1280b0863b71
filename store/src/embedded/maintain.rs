//! Background work: merges that are due, then retention.

use super::due::Waiting;
use super::merge::Extent;
use super::{EmbeddedStore, keys, keyspaces::refused};
use crate::period::DAY_US;
use crate::{SeriesId, StoreError};
use std::time::{Duration, Instant};

/// Days that are looked for at once.
const MERGES_MAX: usize = 64;
const LOOK_MAX: usize = 8192;
/// Keys of parts that are read at once when the days that wait are found again after a start.
const FOUND_MAX: usize = 4096;

/// Where the background work is.
#[derive(Default)]
pub(crate) struct Maintenance {
    /// The last part that was found after the start, or none before the first.
    found: Option<Vec<u8>>,
    found_all: bool,
    /// The last day that was merged in this round.
    merged: Option<(u32, i64)>,
    pub(super) retention: super::retention::Progress,
}

impl EmbeddedStore {
    pub(super) fn maintain_for(&self, now_us: i64, budget: Duration) -> Result<bool, StoreError> {
        let Some(mut work) = self.maintenance.try_lock() else {
            return Ok(false);
        };
        let started = Instant::now();
        let in_time = || started.elapsed() < budget;
        self.newest_us
            .fetch_max(now_us, std::sync::atomic::Ordering::Relaxed);
        self.due.lock().tell_time(now_us);
        while !work.found_all {
            self.find_parts(&mut work)?;
            if !in_time() {
                return Ok(true);
            }
        }
        loop {
            let (days, end) =
                self.due
                    .lock()
                    .next(work.merged, MERGES_MAX, LOOK_MAX, |day_us, waiting| {
                        self.is_due(now_us, day_us, waiting)
                    });
            for (series, day_us) in days {
                self.merge_due(now_us, SeriesId(series), day_us)?;
                work.merged = Some((series, day_us));
                if !in_time() {
                    return Ok(true);
                }
            }
            work.merged = end;
            if end.is_none() {
                break;
            }
        }
        self.drop_old(now_us, &mut work.retention, in_time)
    }

    /// Takes note of parts that were there before this start.
    fn find_parts(&self, work: &mut Maintenance) -> Result<(), StoreError> {
        let after = work.found.take();
        let from = after.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        let range = self
            .keyspaces
            .parts
            .range::<Vec<u8>, _>((from, std::ops::Bound::Unbounded));
        let mut found = Vec::new();
        let mut last = None;
        for pair in range.take(FOUND_MAX) {
            let key = pair.key().map_err(refused)?;
            let (series, first_us) = keys::series_and_time("store.parts", &key)?;
            found.push((series, self.calendar.day_start(first_us)));
            last = Some(key.to_vec());
        }
        work.found_all = found.len() < FOUND_MAX;
        work.found = last;
        self.due.lock().add(found);
        Ok(())
    }

    fn merge_due(&self, now_us: i64, series: SeriesId, day_us: i64) -> Result<(), StoreError> {
        let Some(waiting) = self.due.lock().remove(series, day_us) else {
            return Ok(());
        };
        let extent = if self.is_over(now_us, day_us) {
            Extent::Day
        } else {
            Extent::Parts
        };
        let timer = self.metrics.merge_seconds.start_timer();
        let merged = self.merge(series, day_us, extent);
        timer.observe_duration();
        match merged {
            Ok(rows) => {
                self.metrics.merged_observations.inc_by(rows);
                Ok(())
            }
            Err(error) => {
                self.due.lock().put_back(series, day_us, waiting);
                Err(error)
            }
        }
    }

    fn is_over(&self, now_us: i64, day_us: i64) -> bool {
        let after_us = i64::from(self.config.merge_after_s) * 1_000_000;
        day_us.saturating_add(DAY_US).saturating_add(after_us) <= now_us
    }

    fn is_due(&self, now_us: i64, day_us: i64, waiting: Waiting) -> bool {
        let late_us = i64::from(self.config.late_merge_after_s) * 1_000_000;
        let waited = waiting.since_us.saturating_add(late_us) <= now_us;
        waiting.parts > self.config.parts_max || (self.is_over(now_us, day_us) && waited)
    }

    pub(super) fn parts_due(&self) -> u64 {
        let now_us = self.newest_us.load(std::sync::atomic::Ordering::Relaxed);
        self.due
            .lock()
            .parts(|day_us, waiting| self.is_due(now_us, day_us, waiting))
    }
}
