//! Dropping whole days that are past their age.

use super::QuestDbStore;
use super::hours::HOURS;
use super::link::Link;
use super::ours::require;
use super::writer::READINGS;
use crate::StoreError;
use crate::period::{Calendar, DAY_US};

impl QuestDbStore {
    /// Drops the server's days (UTC) that ended before the oldest local day that is kept, once
    /// each local day: their rows, once all their hours are counted, and later their hours.
    pub(super) fn drop_old(&self, now_us: i64) -> Result<(), StoreError> {
        let today_us = self.calendar()?.day_start(now_us);
        let mut passed = self.passed.lock();
        if *passed == Some(today_us) {
            return Ok(());
        }
        let cutoff_us = |days: u32| {
            let kept_us = i64::from(days).saturating_mul(DAY_US);
            let oldest_us = today_us.saturating_sub(kept_us);
            (days > 0).then(|| Calendar::new(0).day_start(oldest_us))
        };
        if let Some(day_us) = cutoff_us(self.config.retention_age_days) {
            let before_us = self.state.dropped_before()?;
            if day_us > before_us {
                self.count_before(day_us)?;
                self.state.set_dropped_before(day_us)?;
            }
            drop_before(&self.link, READINGS, day_us)?;
        }
        if let Some(day_us) = cutoff_us(self.config.rollup_retention_age_days) {
            require(&self.link, &self.state, &[HOURS])?;
            drop_before(&self.link, HOURS, day_us)?;
        }
        *passed = Some(today_us);
        Ok(())
    }
}

fn drop_before(link: &Link, table: &str, day_us: i64) -> Result<(), StoreError> {
    let sql = format!("SELECT timestamp FROM {table} WHERE timestamp < {day_us} LIMIT 1");
    if link.query(&sql)?.is_empty() {
        return Ok(());
    }
    link.execute(&format!(
        "ALTER TABLE {table} DROP PARTITION WHERE timestamp < {day_us}"
    ))
}
