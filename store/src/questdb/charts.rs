//! Charts: from the hours that are counted, from what the server counts of its rows, and from
//! what it does not show yet.

use super::QuestDbStore;
use super::catalogue::unusable;
use super::hours::HOURS;
use super::range::bounds;
use super::row::{Kept, OURS};
use super::stretches::stretches;
use super::unseen::of_series;
use super::writer::READINGS;
use crate::codec::rollup::Hour;
use crate::grid::Grid;
use crate::period::HOUR_US;
use crate::{Bucket, Order, RangeQuery, SeriesId, StoreError};
use std::ops::Range;
use tokio_postgres::Row;

/// Unseen rows that are no further apart than this are read with what lies between them.
const CLUSTER_US: i64 = HOUR_US;

impl QuestDbStore {
    pub(super) fn series_buckets(
        &self,
        series: SeriesId,
        from_us: i64,
        to_us: i64,
        points: u32,
    ) -> Result<Vec<Bucket>, StoreError> {
        if from_us >= to_us || points == 0 {
            return Ok(Vec::new());
        }
        let calendar = self.calendar()?;
        let grid = Grid::new(calendar, from_us, to_us, points)?;
        let (from_us, to_us) = bounds(from_us, to_us);
        let mut filling = Filling {
            grid,
            buckets: Vec::new(),
        };
        // Of days without rows the hours are all there is, whatever the width.
        let rows_us = self
            .state
            .dropped_before()?
            .clamp(from_us, to_us.max(from_us));
        self.fill_hours(series, from_us..rows_us, &mut filling)?;
        let first_us = calendar.hour_end(rows_us);
        let last_us = calendar.hour_start(to_us);
        if grid.width_us < HOUR_US || first_us >= last_us {
            self.fill_shown(series, rows_us..to_us, &mut filling)?;
            return Ok(filling.finish());
        }
        self.fill_shown(series, rows_us..first_us, &mut filling)?;
        let changed = self.changed.lock().of_series(series, first_us, last_us);
        for stretch in stretches(&changed, first_us, last_us) {
            let range = stretch.from_us..stretch.to_us;
            if stretch.has_changed {
                self.fill_shown(series, range, &mut filling)?;
            } else {
                self.fill_hours(series, range, &mut filling)?;
            }
        }
        self.fill_shown(series, last_us..to_us, &mut filling)?;
        Ok(filling.finish())
    }

    /// Fills from what the server shows and what it does not show yet.
    fn fill_shown(
        &self,
        series: SeriesId,
        range: Range<i64>,
        filling: &mut Filling,
    ) -> Result<(), StoreError> {
        if range.is_empty() {
            return Ok(());
        }
        let batches = self.unseen.lock().batches();
        let unseen = of_series(&batches, series, range.start, range.end);
        let mut read_us = range.start;
        for cluster in clusters(&unseen) {
            self.fill_counted(series, read_us..cluster.start, filling)?;
            self.fill_rows(series, cluster.clone(), filling)?;
            read_us = cluster.end;
        }
        self.fill_counted(series, read_us..range.end, filling)
    }

    /// Fills from what the server counts of its rows.
    fn fill_counted(
        &self,
        series: SeriesId,
        range: Range<i64>,
        filling: &mut Filling,
    ) -> Result<(), StoreError> {
        if range.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "SELECT {} AS bucket, count(), min(value), max(value), last(value), sum(value) \
             FROM {READINGS} WHERE series = {} AND timestamp >= {} AND timestamp < {} \
             AND {OURS} AND quality NOT IN ('fault', 'missing') GROUP BY bucket ORDER BY bucket",
            filling.index(),
            series.0,
            range.start,
            range.end
        );
        filling.add_all(series, &self.link.query(&sql)?)
    }

    /// Fills from counted hours that begin in the range.
    fn fill_hours(
        &self,
        series: SeriesId,
        range: Range<i64>,
        filling: &mut Filling,
    ) -> Result<(), StoreError> {
        if range.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "SELECT {} AS bucket, sum(count), min(min), max(max), last(last), \
             CASE WHEN count() = count(sum) THEN sum(sum) END \
             FROM {HOURS} WHERE series = '{}' AND timestamp >= {} AND timestamp < {} \
             GROUP BY bucket ORDER BY bucket",
            filling.index(),
            series.0,
            range.start,
            range.end
        );
        filling.add_all(series, &self.link.query(&sql)?)
    }

    /// Fills from rows.
    fn fill_rows(
        &self,
        series: SeriesId,
        range: Range<i64>,
        filling: &mut Filling,
    ) -> Result<(), StoreError> {
        let blocks = self.blocks(RangeQuery {
            series,
            from_us: range.start,
            to_us: range.end,
            order: Order::Ascending,
        })?;
        for block in blocks {
            for row in block?.iter().filter(|row| row.quality.is_measured()) {
                filling.add(filling.grid.index(row.time_us), Hour::of(row.value));
            }
        }
        Ok(())
    }
}

/// The stretches that unseen rows, in order of time, are in.
fn clusters(unseen: &[Kept]) -> Vec<Range<i64>> {
    let near = |a: &Kept, b: &Kept| b.row.time_us - a.row.time_us <= CLUSTER_US;
    let stretch = |rows: &[Kept]| {
        let (first, last) = (rows.first()?, rows.last()?);
        Some(first.row.time_us..last.row.time_us + 1)
    };
    unseen.chunk_by(near).filter_map(stretch).collect()
}

/// The buckets that have values so far; values come in order of time.
struct Filling {
    grid: Grid,
    buckets: Vec<(i64, Hour)>,
}

impl Filling {
    /// The number of a row's bucket, in SQL.
    fn index(&self) -> String {
        let Grid {
            start_us, width_us, ..
        } = self.grid;
        format!("(cast(timestamp as long) - ({start_us})) / {width_us}")
    }

    fn add(&mut self, index: i64, what: Hour) {
        match self.buckets.last_mut() {
            Some((last, bucket)) if *last == index => bucket.add(what),
            _ => self.buckets.push((index, what)),
        }
    }

    /// Adds rows of bucket, count, min, max, last, sum.
    fn add_all(&mut self, series: SeriesId, rows: &[Row]) -> Result<(), StoreError> {
        for row in rows {
            let read = || -> Result<(i64, Hour), tokio_postgres::Error> {
                let count: i64 = row.try_get(1)?;
                let hour = Hour {
                    count: count.unsigned_abs(),
                    min: row.try_get(2)?,
                    max: row.try_get(3)?,
                    last: row.try_get(4)?,
                    // The server has no number for a sum that is too large.
                    sum: row.try_get::<_, Option<f64>>(5)?.unwrap_or(f64::NAN),
                };
                Ok((row.try_get(0)?, hour))
            };
            let (index, hour) = read().map_err(|error| {
                unusable(format!(
                    "an hour of series {} is not ours: {error}",
                    series.0
                ))
            })?;
            self.add(index, hour);
        }
        Ok(())
    }

    fn finish(self) -> Vec<Bucket> {
        let grid = self.grid;
        let bucket = |(index, hour): (i64, Hour)| Bucket {
            start_us: grid.begin_us(index),
            width_us: grid.width_us,
            count: hour.count,
            min: hour.min,
            mean: hour.sum / hour.count as f64,
            max: hour.max,
            last: hour.last,
        };
        self.buckets.into_iter().map(bucket).collect()
    }
}
