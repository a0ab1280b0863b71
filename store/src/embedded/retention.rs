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
    /// Which keyspace, and the next series in it.
    stage: usize,
    series: u32,
}

impl Progress {
    fn next_stage(&mut self) {
        self.stage += 1;
        self.series = 0;
    }
}

const STAGES: usize = 3;
/// Keys of one series that one batch removes.
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

    /// Drops what is past its age of the next series.
    fn drop_some(&self, today: i64, progress: &mut Progress) -> Result<(), StoreError> {
        let (keyspace, days) = match progress.stage {
            0 => (&self.keyspaces.parts, self.config.retention_age_days),
            1 => (&self.keyspaces.chunks, self.config.retention_age_days),
            _ => (
                &self.keyspaces.rollups,
                self.config.rollup_retention_age_days,
            ),
        };
        if days == 0 {
            progress.next_stage();
            return Ok(());
        }
        let cutoff = today.saturating_sub(i64::from(days).saturating_mul(DAY_US));
        let from = keys::bound(SeriesId(progress.series), i64::MIN);
        let Some(first) = first_key(&mut keyspace.range(from.to_vec()..))? else {
            progress.next_stage();
            return Ok(());
        };
        let (series, _) = keys::series_and_time("a key", &first)?;
        let old = keyspace
            .range(keys::bound(series, i64::MIN).to_vec()..keys::bound(series, cutoff).to_vec());
        let mut batch = self.database.batch();
        for pair in old.take(KEYS_MAX) {
            batch.remove(keyspace, pair.key().map_err(refused)?);
        }
        let dropped = batch.len();
        batch.commit().map_err(refused)?;
        self.metrics.dropped_days.inc_by(dropped as u64);
        if dropped < KEYS_MAX {
            match series.0.checked_add(1) {
                Some(after) => progress.series = after,
                None => progress.next_stage(),
            }
        } else {
            progress.series = series.0;
        }
        Ok(())
    }
}
