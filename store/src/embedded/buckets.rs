//! Charts: buckets of equal width, from rollups where those are exact, from rows where not,
//! and from rollups where rows are gone: each hour then counts where it begins.

use super::groups::group;
use super::hours;
use super::keyspaces::refused;
use super::view::{Stored, View};
use super::{EmbeddedStore, keys};
use crate::codec::rollup::{Hour, Rollup};
use crate::codec::{chunk, part, strip};
use crate::grid::Grid;
use crate::period::{DAY_US, HOUR_US};
use crate::{Bucket, Observation, Order, SeriesId, StoreError};
use nhip_database::Readable;
use std::collections::BTreeSet;
use std::ops::Range;

/// The buckets that have values so far; values come in order of time.
struct Filling {
    grid: Grid,
    buckets: Vec<(i64, Hour)>,
    /// What the last bucket holds: most values are in the bucket of the value before.
    last: Range<i64>,
}

impl Filling {
    fn new(grid: Grid) -> Self {
        Self {
            grid,
            buckets: Vec::new(),
            last: 0..0,
        }
    }

    #[inline]
    fn add(&mut self, time_us: i64, what: Hour) {
        match self.buckets.last_mut() {
            Some((_, bucket)) if self.last.contains(&time_us) => bucket.add(what),
            _ => self.begin(time_us, what),
        }
    }

    fn begin(&mut self, time_us: i64, what: Hour) {
        let Grid {
            width_us,
            from_us,
            to_us,
            ..
        } = self.grid;
        if time_us < from_us || time_us >= to_us {
            return;
        }
        let index = self.grid.index(time_us);
        let begin_us = self.grid.begin_us(index);
        self.last = begin_us.max(from_us)..begin_us.saturating_add(width_us).min(to_us);
        self.buckets.push((index, what));
    }

    fn add_row(&mut self, row: &Observation) {
        if row.quality.is_measured() {
            self.add(row.time_us, Hour::of(row.value));
        }
    }

    fn finish(self) -> Vec<Bucket> {
        let grid = self.grid;
        self.buckets
            .into_iter()
            .map(|(index, bucket)| Bucket {
                start_us: grid.begin_us(index),
                width_us: grid.width_us,
                count: bucket.count,
                min: bucket.min,
                mean: bucket.sum / bucket.count as f64,
                max: bucket.max,
                last: bucket.last,
            })
            .collect()
    }
}

impl EmbeddedStore {
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
        let grid = Grid::new(self.calendar, from_us, to_us, points)?;
        // Late rows of a day whose rows are gone count with their whole hour.
        let calendar = self.calendar;
        let view = self.view(
            series,
            calendar.hour_start(from_us),
            calendar.hour_end(to_us),
        )?;
        let mut filling = Filling::new(grid);
        let wide = grid.width_us >= HOUR_US;
        let raw = if wide {
            self.raw_days(&view, series, grid)?
        } else {
            BTreeSet::new()
        };
        let first = keys::bound(series, calendar.day_start(from_us));
        let rollups = view
            .snapshot
            .range(&self.keyspaces.rollups, first..keys::bound(series, to_us));
        let mut read_us = from_us;
        for pair in rollups {
            let (key, value) = pair.into_inner().map_err(refused)?;
            let (_, day_us) = keys::series_and_time("store.rollups", &key)?;
            let exact = wide && !raw.contains(&day_us);
            if !exact && self.has_chunks(&view.snapshot, series, day_us)? {
                continue;
            }
            let mut rollup = hours::decode(&key, &value)?;
            if !exact {
                self.add_late(&view, series, day_us, &mut rollup)?;
            }
            self.fill_raw(&view, series, read_us, day_us, &mut filling)?;
            for (hour, what) in rollup.hours() {
                filling.add(day_us + hour as i64 * HOUR_US, what);
            }
            read_us = (day_us + DAY_US).max(read_us);
        }
        self.fill_raw(&view, series, read_us, to_us, &mut filling)?;
        Ok(filling.finish())
    }

    /// Adds the rows of a day that came after its other rows were dropped.
    fn add_late(
        &self,
        view: &View,
        series: SeriesId,
        day_us: i64,
        rollup: &mut Rollup,
    ) -> Result<(), StoreError> {
        let parts = self.day(&view.snapshot, false, series, day_us)?;
        let of_day = |row: &&Observation| self.calendar.day_start(row.time_us) == day_us;
        let open = view.open.iter().filter(of_day).copied().collect();
        for group in group(parts, open) {
            for row in group.decode(series)? {
                rollup.add_row(self.calendar, &row);
            }
        }
        Ok(())
    }

    /// The days that rollups do not answer exactly: those with parts or open rows, and those
    /// that the range cuts within an hour.
    fn raw_days(
        &self,
        view: &View,
        series: SeriesId,
        grid: Grid,
    ) -> Result<BTreeSet<i64>, StoreError> {
        let mut days: BTreeSet<i64> = view
            .open
            .iter()
            .map(|row| self.calendar.day_start(row.time_us))
            .collect();
        for edge in [grid.from_us, grid.to_us] {
            if self.calendar.hour_start(edge) != edge {
                days.insert(self.calendar.day_start(edge));
            }
        }
        for pair in self.iter(&view.snapshot, false, series, grid.from_us, grid.to_us) {
            let key = pair.key().map_err(refused)?;
            let (_, first_us) = keys::series_and_time("store.parts", &key)?;
            days.insert(self.calendar.day_start(first_us));
        }
        Ok(days)
    }

    /// Fills from the rows of `from_us..to_us`.
    fn fill_raw(
        &self,
        view: &View,
        series: SeriesId,
        from_us: i64,
        to_us: i64,
        filling: &mut Filling,
    ) -> Result<(), StoreError> {
        if from_us >= to_us {
            return Ok(());
        }
        let within = |row: &&Observation| row.time_us >= from_us && row.time_us < to_us;
        let open: Vec<Observation> = view.open.iter().filter(within).copied().collect();
        let range = (from_us, to_us);
        let mut groups = self.groups(&view.snapshot, series, range, Order::Ascending, open)?;
        while let Some(group) = groups.next()? {
            if let ([only], true) = (group.stored.as_slice(), group.open.is_empty()) {
                fill_alone(only, from_us, to_us, filling)?;
                continue;
            }
            for row in group.decode(series)? {
                if row.time_us >= from_us && row.time_us < to_us {
                    filling.add_row(&row);
                }
            }
        }
        Ok(())
    }
}

/// Fills from a part or chunk that nothing overlaps: what is not charted is not decoded.
fn fill_alone(
    stored: &Stored,
    from_us: i64,
    to_us: i64,
    filling: &mut Filling,
) -> Result<(), StoreError> {
    let mut unknown = Ok(());
    let take = |time_us, value, tag| {
        if time_us < from_us || time_us >= to_us {
            return;
        }
        match strip::untag(tag) {
            Ok((quality, _)) if quality.is_measured() => filling.add(time_us, Hour::of(value)),
            Ok(_) => {}
            Err(error) => unknown = Err(error),
        }
    };
    let decoded = if stored.packed {
        chunk::decode_values(&stored.value, take)
    } else {
        part::decode_values(&stored.value, take)
    };
    decoded.and(unknown).map_err(|error| stored.damaged(error))
}
