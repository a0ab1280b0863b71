//! Hours, counted on the server when they are over, so that a year is drawn from them.
//!
//! They are counted by us and not by a materialized view: dropping the days of `readings` that
//! are past their age makes a view invalid, and counting it anew would lose what is gone.

use super::QuestDbStore;
use super::changed::Changed;
use super::writer::READINGS;
use crate::StoreError;
use crate::period::HOUR_US;
use std::time::{Duration, Instant};

/// The table of hours.
pub(crate) const HOURS: &str = "hours";
/// Hours that are counted before it is looked whether the server shows them.
const BATCH_MAX: usize = 64;

impl QuestDbStore {
    /// Counts hours that are due for about `budget`; returns whether more are.
    pub(super) fn count_hours(&self, now_us: i64, budget: Duration) -> Result<bool, StoreError> {
        let after = |s: u32| i64::from(s) * 1_000_000;
        let over_us = HOUR_US + after(self.config.merge_after_s);
        let late_us = after(self.config.late_merge_after_s);
        self.count_some(budget, |hour_us, changed| {
            let is_over = hour_us.saturating_add(over_us) <= now_us;
            is_over && changed.since_us.saturating_add(late_us) <= now_us
        })
    }

    /// Counts all hours before an instant.
    pub(super) fn count_before(&self, time_us: i64) -> Result<(), StoreError> {
        while self.count_some(Duration::ZERO, |hour_us, _| hour_us < time_us)? {}
        Ok(())
    }

    fn count_some(
        &self,
        budget: Duration,
        is_due: impl Fn(i64, &Changed) -> bool,
    ) -> Result<bool, StoreError> {
        let started = Instant::now();
        let due = self.changed.lock().due(BATCH_MAX, is_due);
        if due.is_empty() {
            return Ok(false);
        }
        // What was sent before is in `readings` then; what is sent since marks its hour again.
        self.look()?;
        self.wait_applied()?;
        let mut counted = 0;
        for (hour_us, changed) in &due {
            self.link.execute(&sql(*hour_us, changed))?;
            counted += 1;
            if started.elapsed() > budget && !budget.is_zero() {
                break;
            }
        }
        self.wait_hours()?;
        let mut waiting = self.changed.lock();
        for (hour_us, changed) in &due[..counted] {
            waiting.done(*hour_us, changed);
        }
        Ok(true)
    }

    /// Waits until the server shows the hours that it was told to count.
    fn wait_hours(&self) -> Result<(), StoreError> {
        let sql = format!(
            "SELECT writerTxn >= sequencerTxn, suspended FROM wal_tables() WHERE name = '{HOURS}'"
        );
        self.until("with applying hours", || {
            let rows = self.link.query(&sql)?;
            let is = |column: usize| {
                let row = rows.first();
                row.and_then(|row| row.try_get(column).ok())
                    .unwrap_or(false)
            };
            match (is(0), is(1)) {
                (_, true) => Err(StoreError::Unavailable {
                    reason: format!(
                        "QuestDB has suspended the table {HOURS}; mend the cause, then run ALTER \
                         TABLE {HOURS} RESUME WAL"
                    ),
                }),
                (is_applied, _) => Ok(is_applied),
            }
        })
    }
}

fn sql(hour_us: i64, changed: &Changed) -> String {
    let only = changed.series.as_ref().map_or_else(String::new, |some| {
        let some: Vec<String> = some.iter().map(u32::to_string).collect();
        format!(" AND series IN ({})", some.join(", "))
    });
    format!(
        "INSERT INTO {HOURS} SELECT cast({hour_us} as timestamp), cast(series as symbol), \
         count(), min(value), max(value), last(value), sum(value) FROM {READINGS} \
         WHERE timestamp >= {hour_us} AND timestamp < {} \
         AND quality NOT IN ('fault', 'missing'){only} GROUP BY series",
        hour_us.saturating_add(HOUR_US)
    )
}
