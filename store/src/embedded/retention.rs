//! Dropping whole days that are past their age.

use super::merge::first_key;
use super::{EmbeddedStore, keys, keyspaces::refused};
use crate::period::DAY_US;
use crate::{SeriesId, StoreError};

/// How far the pass of a day has come.
#[derive(Default)]
pub(crate) struct Progress {
    /// The local day that the pass belongs to.
    day_us: Option<i64>,
    /// Which keyspace, and where in it.
    stage: usize,
    series: u32,
    /// The next day of the series, or none before its first.
    from_us: Option<i64>,
}

impl Progress {
    fn next_stage(&mut self) {
        self.stage += 1;
        self.go_to(0, None);
    }

    fn next_series(&mut self, series: SeriesId) {
        match series.0.checked_add(1) {
            Some(after) => self.go_to(after, None),
            None => self.next_stage(),
        }
    }

    fn go_to(&mut self, series: u32, from_us: Option<i64>) {
        self.series = series;
        self.from_us = from_us;
    }
}

const STAGES: usize = 3;
/// Rollups of one series that one batch removes.
const KEYS_MAX: usize = 1024;

impl EmbeddedStore {
    /// Goes on with the pass of today; gives whether more is to do.
    pub(super) fn drop_old(
        &self,
        now_us: i64,
        progress: &mut Progress,
        in_time: impl Fn() -> bool,
    ) -> Result<bool, StoreError> {
        let today = self.calendar.day_start(now_us);
        if progress.day_us != Some(today) {
            *progress = Progress {
                day_us: Some(today),
                ..Progress::default()
            };
        }
        while progress.stage < STAGES {
            self.drop_some(today, progress)?;
            if !in_time() {
                return Ok(progress.stage < STAGES);
            }
        }
        Ok(false)
    }

    /// Drops what is past its age of the next series: a day of rows, or some rollups.
    fn drop_some(&self, today: i64, progress: &mut Progress) -> Result<(), StoreError> {
        let cutoff = |days: u32| {
            (days > 0).then(|| today.saturating_sub(i64::from(days).saturating_mul(DAY_US)))
        };
        let hours_cutoff = cutoff(self.config.rollup_retention_age_days);
        if progress.stage == STAGES - 1 {
            return self.drop_rollups(hours_cutoff, progress);
        }
        let keyspace = self.keyspace(progress.stage == 1);
        let from_us = progress.from_us.unwrap_or(i64::MIN);
        let from = keys::bound(SeriesId(progress.series), from_us);
        let Some(rows_cutoff) = cutoff(self.config.retention_age_days) else {
            progress.next_stage();
            return Ok(());
        };
        let Some(first) = first_key(&mut keyspace.range(from.to_vec()..))? else {
            progress.next_stage();
            return Ok(());
        };
        let (series, first_us) = keys::series_and_time("a key", &first)?;
        if first_us >= rows_cutoff {
            progress.next_series(series);
            return Ok(());
        }
        let day_us = self.calendar.day_start(first_us);
        let keep_hours = hours_cutoff.is_none_or(|cutoff| day_us >= cutoff);
        let dropped = if keep_hours {
            self.drop_rows(series, day_us)
        } else {
            self.drop_day(series, day_us)
        };
        match dropped {
            Ok(dropped) => self.metrics.dropped_days.inc_by(dropped),
            Err(error @ StoreError::Damaged { .. }) => {
                tracing::error!(series = series.0, day_us, %error, "an old day can't be dropped");
            }
            Err(error) => return Err(error),
        }
        progress.go_to(series.0, Some(day_us.saturating_add(DAY_US)));
        Ok(())
    }

    fn drop_rollups(&self, cutoff: Option<i64>, progress: &mut Progress) -> Result<(), StoreError> {
        let keyspace = &self.keyspaces.rollups;
        let from = keys::bound(SeriesId(progress.series), i64::MIN);
        let first = first_key(&mut keyspace.range(from.to_vec()..))?;
        let (Some(cutoff), Some(first)) = (cutoff, first) else {
            progress.next_stage();
            return Ok(());
        };
        let (series, _) = keys::series_and_time("store.rollups", &first)?;
        let old = keyspace
            .range(keys::bound(series, i64::MIN).to_vec()..keys::bound(series, cutoff).to_vec());
        let mut batch = self.database.batch();
        for pair in old.take(KEYS_MAX) {
            batch.remove(keyspace, pair.key().map_err(refused)?);
        }
        let dropped = batch.len();
        batch.commit(None).map_err(refused)?;
        self.metrics.dropped_days.inc_by(dropped as u64);
        if dropped < KEYS_MAX {
            progress.next_series(series);
        } else {
            progress.go_to(series.0, None);
        }
        Ok(())
    }
}
