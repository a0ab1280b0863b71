//! Hours, counted on the server when they are over, so that a year is drawn from them.
//!
//! They are counted by us and not by a materialized view: dropping the days of `readings` that
//! are past their age makes a view invalid, and counting it anew would lose what is gone.

use super::QuestDbStore;
use super::catalogue::unusable;
use super::changed::Changed;
use super::ours::require;
use super::row::OURS;
use super::suspended::Suspended;
use super::writer::READINGS;
use crate::StoreError;
use crate::period::{DAY_US, HOUR_US};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// The table of hours.
pub(crate) const HOURS: &str = "hours";
/// Its columns and their types.
pub(super) const COLUMNS: [(&str, &str); 7] = [
    ("timestamp", "TIMESTAMP"),
    ("series", "SYMBOL"),
    ("count", "LONG"),
    ("min", "DOUBLE"),
    ("max", "DOUBLE"),
    ("last", "DOUBLE"),
    ("sum", "DOUBLE"),
];
/// Hours that are counted before it is looked whether the server shows them.
const BATCH_MAX: usize = 24 * 16;

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
        // Hours without their rows are no longer what their rows say.
        let kept_us = self.state.dropped_before()?;
        self.changed.lock().forget_before(kept_us);
        let due = self.changed.lock().due(BATCH_MAX, is_due);
        if due.is_empty() {
            return Ok(false);
        }
        // What was sent before is in `readings` then; what is sent since marks its hour again.
        self.look()?;
        require(&self.link, &self.state, &[HOURS])?;
        self.wait_applied()?;
        let mut counted = 0;
        for of_day in due.chunk_by(|(a, _), (b, _)| day(*a) == day(*b)) {
            self.link.execute(&sql(of_day))?;
            counted += of_day.len();
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
            "SELECT name, suspended, errorTag, errorMessage, writerTxn >= sequencerTxn \
             FROM wal_tables() WHERE name = '{HOURS}'"
        );
        let unavailable = |reason: String| StoreError::Unavailable { reason };
        let wrong = |error: tokio_postgres::Error| unavailable(error.to_string());
        self.until("with applying hours", || {
            let rows = self.link.query(&sql)?;
            let Some(row) = rows.first() else {
                return Err(unusable(format!(
                    "the table {HOURS} is gone; restore the server's backup"
                )));
            };
            match Suspended::read(row).map_err(wrong)? {
                Some(suspended) => Err(unavailable(suspended.said())),
                None => row.try_get(4).map_err(wrong),
            }
        })
    }
}

fn day(hour_us: i64) -> i64 {
    hour_us.div_euclid(DAY_US)
}

/// Counts some hours of a day, and those between them: one statement costs the server about as
/// much for one as for all.
fn sql(hours: &[(i64, Changed)]) -> String {
    let first_us = hours.first().map_or(0, |(hour, _)| *hour);
    let end_us = hours.last().map_or(0, |(hour, _)| hour + HOUR_US);
    let mut some = BTreeSet::new();
    let mut is_all = false;
    for (_, changed) in hours {
        match &changed.series {
            Some(series) => some.extend(series),
            None => is_all = true,
        }
    }
    let some: Vec<String> = some
        .iter()
        .map(|series: &&u32| series.to_string())
        .collect();
    let only = if is_all {
        String::new()
    } else {
        format!(" AND series IN ({})", some.join(", "))
    };
    format!(
        "INSERT INTO {HOURS} SELECT cast({first_us} + hour * {HOUR_US} as timestamp), \
         cast(series as symbol), count, min, max, last, sum FROM (\
         SELECT (cast(timestamp as long) - {first_us}) / {HOUR_US} AS hour, series, \
         count() AS count, min(value) AS min, max(value) AS max, last(value) AS last, \
         sum(value) AS sum FROM {READINGS} \
         WHERE timestamp >= {first_us} AND timestamp < {end_us} \
         AND series IS NOT NULL AND {OURS} AND quality NOT IN ('fault', 'missing'){only} \
         GROUP BY hour, series)"
    )
}
