//! The store in QuestDB as the source or target of a copy.

use super::QuestDbStore;
use super::hours::HOURS;
use super::ours::require;
use super::row::{self, COLUMNS, Kept, OURS};
use super::state::Sent;
use super::writer::READINGS;
use crate::copy::{End, Group, Remains, SeriesSpan};
use crate::period::Calendar;
use crate::{Observation, SeriesId, Source, StateBatch, Store, StoreError};
use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;
use tokio_postgres::Row;

/// Behind the columns of a reading.
const SERIES_COLUMN: usize = 7;
/// The shard whose connection a copy uses.
const SHARD: u32 = 0;

impl QuestDbStore {
    /// Returns when queries see everything that the server has taken, from whomever.
    fn show_all(&self) -> Result<(), StoreError> {
        self.look()?;
        let taken = self.transactions()?.0.taken;
        self.until("with applying what it has taken", || {
            Ok(self.transactions()?.0.applied >= taken)
        })
    }
}

impl End for QuestDbStore {
    fn look(&self) -> Result<(), StoreError> {
        self.look()?;
        self.writable().map(drop)
    }

    fn remains(&self) -> Result<Remains, StoreError> {
        self.tables()
    }

    fn extent_us(&self) -> Result<Option<(i64, i64)>, StoreError> {
        self.show_all()?;
        let sql = format!(
            "SELECT cast(min(timestamp) as long), cast(max(timestamp) as long) FROM {READINGS}"
        );
        let rows = self.link.query(&sql)?;
        Ok(rows
            .first()
            .and_then(|row| Some((row.try_get(0).ok()?, row.try_get(1).ok()?))))
    }

    fn next_us(&self, from_us: i64) -> Result<i64, StoreError> {
        let sql = format!(
            "SELECT cast(min(timestamp) as long) FROM {READINGS} WHERE timestamp >= {}",
            from_us.max(0)
        );
        let rows = self.link.query(&sql)?;
        let next = rows.first().and_then(|row| row.try_get(0).ok());
        Ok(next.unwrap_or(i64::MAX))
    }

    fn spans(&self) -> Result<Option<Vec<SeriesSpan>>, StoreError> {
        Ok(None)
    }

    fn counts(
        &self,
        time_us: Range<i64>,
        within: Option<&[SeriesId]>,
    ) -> Result<Vec<(SeriesId, u64)>, StoreError> {
        self.show_all()?;
        let mut only = String::new();
        if let Some(series) = within {
            only = among(series);
        }
        let sql = format!(
            "SELECT series, count() FROM {READINGS} WHERE {} AND series IS NOT NULL AND \
             {OURS}{only} GROUP BY series ORDER BY series",
            during(&time_us)
        );
        let count = |row: &Row| {
            let count: i64 = row.try_get(1).map_err(|_| damaged("count"))?;
            Ok((series_of(row, 0)?, count.unsigned_abs()))
        };
        self.link.collect(&sql, count)
    }

    fn read(&self, time_us: Range<i64>, group: &Group) -> Result<Vec<Observation>, StoreError> {
        self.show_all()?;
        let among = match group.range {
            Some((first, last)) => format!(" AND series >= {} AND series <= {}", first.0, last.0),
            None => among(&group.series),
        };
        let sql = format!(
            "SELECT {COLUMNS}, series FROM {READINGS} WHERE {} AND series IS NOT NULL{among}",
            during(&time_us)
        );
        let rows = self.link.collect(&sql, |row| {
            let series = series_of(row, SERIES_COLUMN)?;
            Ok(Kept::read(series, row)?.map(|kept| kept.row))
        })?;
        let mut rows: Vec<Observation> = rows.into_iter().flatten().collect();
        rows.sort_by_key(|row| (row.series, row.time_us, row.boot, row.seq));
        Ok(rows)
    }

    fn put(
        &self,
        _time_us: Range<i64>,
        _group: &Group,
        rows: &[Observation],
    ) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        rows.iter().try_for_each(row::check)?;
        let calendar = Calendar::new(self.writable()?.utc_offset_min);
        self.sync_registrations(rows)?;
        let mut rows = rows.to_vec();
        rows.sort_by_key(|row| row.time_us);
        let kept = numbered(&rows);
        let shard = self.shard(SHARD)?;
        let mut shard = shard.lock();
        self.changed.lock().mark(&rows, calendar);
        self.send(&mut shard, &kept)?;
        self.unseen.lock().show(kept);
        self.changed.lock().mark(&rows, calendar);
        self.show_all()?;
        let taken = self.make_durable()?;
        let sent = Sent {
            copies: &shard.copies,
            changed: self.changed.lock().encode(),
            taken,
        };
        self.state.write(SHARD, StateBatch::default(), Some(sent))
    }

    fn empty(&self) -> Result<(), StoreError> {
        self.make_missing()?;
        self.ready()?;
        require(&self.link, &self.state, &[HOURS])?;
        for table in [READINGS, HOURS] {
            let sql = format!("SELECT timestamp FROM {table} LIMIT 1");
            if !self.link.query(&sql)?.is_empty() {
                self.link.execute(&format!("TRUNCATE TABLE {table}"))?;
            }
        }
        Ok(())
    }

    fn tidy(&self, now_us: i64, budget: Duration) -> Result<bool, StoreError> {
        self.maintain(now_us, budget)
    }

    fn utc_offset_min(&self) -> Result<i32, StoreError> {
        Ok(self.ready()?.utc_offset_min)
    }
}

/// Numbers readings that are the same in every upsert key. All of one instant are among the
/// rows, so that they get the same numbers whenever they are sent.
fn numbered(rows: &[Observation]) -> Vec<Kept> {
    let mut counts: HashMap<(u32, i64, u64), u32> = HashMap::new();
    let number = |row: &Observation| {
        let copy = match (row.seq, row.source) {
            (None, Source::Arrival) => {
                let key = (row.series.0, row.time_us, row.value.to_bits());
                let next = counts.entry(key).or_default();
                let copy = *next;
                *next += 1;
                copy
            }
            _ => 0,
        };
        Kept { row: *row, copy }
    };
    rows.iter().map(number).collect()
}

fn during(time_us: &Range<i64>) -> String {
    format!(
        "timestamp >= {} AND timestamp < {}",
        time_us.start.max(0),
        time_us.end.max(0)
    )
}

fn among(series: &[SeriesId]) -> String {
    let (Some(first), Some(last)) = (series.first(), series.last()) else {
        return " AND false".to_owned();
    };
    let numbers: Vec<String> = series.iter().map(|series| series.0.to_string()).collect();
    format!(
        " AND series >= {} AND series <= {} AND series IN ({})",
        first.0,
        last.0,
        numbers.join(", ")
    )
}

fn series_of(row: &Row, column: usize) -> Result<SeriesId, StoreError> {
    let series: i64 = row.try_get(column).map_err(|_| damaged("series"))?;
    let series = u32::try_from(series).map_err(|_| damaged("series"))?;
    Ok(SeriesId(series))
}

fn damaged(what: &str) -> StoreError {
    StoreError::Damaged {
        place: format!("a row of `{READINGS}`"),
        reason: format!("no {what} of ours"),
    }
}
