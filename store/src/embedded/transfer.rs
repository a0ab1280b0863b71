//! The embedded store as the source or target of a copy.

use super::merge::first_key;
use super::view::Stored;
use super::{EmbeddedStore, head, keys, keyspaces::refused};
use crate::codec::part;
use crate::copy::{End, Fields, Group, SeriesSpan, fields};
use crate::period::DAY_US;
use crate::{Observation, Order, RangeQuery, SeriesId, Store, StoreError};
use nhip_database::{Guard, Keyspace, PersistMode};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::time::Duration;

/// Rows of a part that a copy writes.
const PART_ROWS_MAX: usize = 16_384;
/// Keys that are removed in one batch.
const REMOVED_MAX: usize = 10_000;
/// The shard whose numbers of checkpoints a copy uses.
const SHARD: u32 = 0;

type Spans = BTreeMap<SeriesId, (i64, i64)>;

impl EmbeddedStore {
    /// When the series of a range have rows. Heads, then parts, then chunks: rows move in this
    /// direction meanwhile.
    fn spans_of(&self, range: (SeriesId, SeriesId)) -> Result<Spans, StoreError> {
        let mut spans = Spans::new();
        let shards: Vec<_> = self.shards.read().values().cloned().collect();
        for stripe in shards.iter().flat_map(|shard| &shard.stripes) {
            let stripe = stripe.read();
            for series in stripe.filled().map(SeriesId) {
                let times = stripe.head(series).and_then(head::Head::times);
                if let Some(times) = times.filter(|_| series >= range.0 && series <= range.1) {
                    widen(&mut spans, series, times);
                }
            }
        }
        for packed in [false, true] {
            add_spans(&mut spans, self.keyspace(packed), range)?;
        }
        Ok(spans)
    }

    /// At least as many rows as a series has in a stretch of time.
    fn rows_about(&self, series: SeriesId, time_us: &Range<i64>) -> Result<u64, StoreError> {
        let view = self.view(series, time_us.start, time_us.end)?;
        let mut rows = view.open.len();
        for packed in [false, true] {
            for pair in self.iter(&view.snapshot, packed, series, time_us.start, time_us.end) {
                let (key, value) = pair.into_inner().map_err(refused)?;
                let span = Stored::new(packed, key, value)?.span;
                if span.first_us < time_us.end && span.last_us >= time_us.start {
                    rows += span.rows;
                }
            }
        }
        Ok(rows as u64)
    }

    /// Writes rows, in order of (series, time, boot, seq), as parts in one synced batch.
    fn write_parts(&self, rows: &[Observation]) -> Result<(), StoreError> {
        let shard = self.shard(SHARD)?;
        let mut writer = shard.writer.lock();
        let mut number = writer.checkpoint;
        let mut batch = self.database.batch();
        let mut parts = Vec::new();
        let day = |row: &Observation| self.calendar.day_start(row.time_us);
        let of_days = rows.chunk_by(|a, b| a.series == b.series && day(a) == day(b));
        for some in of_days.flat_map(|rows| rows.chunks(PART_ROWS_MAX)) {
            let (Some(first), Some((span, value))) = (some.first(), part::encode(some)) else {
                continue;
            };
            // A number each: two parts of one instant have keys of their own.
            number += 1;
            let key = keys::part(first.series, span.first_us, number, SHARD);
            batch.insert(&self.keyspaces.parts, key, value);
            parts.push((first.series, day(first)));
        }
        let sequence = keys::sequence(SHARD);
        batch.insert(&self.keyspaces.meta, sequence, number.to_le_bytes());
        batch.commit(Some(PersistMode::SyncData)).map_err(refused)?;
        writer.checkpoint = number;
        self.due.lock().add(parts);
        Ok(())
    }

    fn remove_all(&self, keyspace: &Keyspace) -> Result<(), StoreError> {
        loop {
            let mut batch = self.database.batch();
            for pair in keyspace.iter().take(REMOVED_MAX) {
                batch.remove(keyspace, pair.key().map_err(refused)?);
            }
            if batch.is_empty() {
                return Ok(());
            }
            batch.commit(None).map_err(refused)?;
        }
    }
}

impl End for EmbeddedStore {
    fn extent_us(&self) -> Result<Option<(i64, i64)>, StoreError> {
        let spans = self.spans_of((SeriesId(0), SeriesId(u32::MAX)))?;
        let together = |a: (i64, i64), b: (i64, i64)| (a.0.min(b.0), a.1.max(b.1));
        Ok(spans.into_values().reduce(together))
    }

    fn spans(&self) -> Result<Option<Vec<SeriesSpan>>, StoreError> {
        let spans = self.spans_of((SeriesId(0), SeriesId(u32::MAX)))?;
        let span = |(series, (first_us, last_us))| SeriesSpan {
            series,
            first_us,
            last_us,
        };
        Ok(Some(spans.into_iter().map(span).collect()))
    }

    fn counts(
        &self,
        time_us: Range<i64>,
        within: Option<&[SeriesId]>,
    ) -> Result<Vec<(SeriesId, u64)>, StoreError> {
        let all: Vec<SeriesId>;
        let series = match within {
            Some(series) => series,
            None => {
                let spans = self.spans_of((SeriesId(0), SeriesId(u32::MAX)))?;
                all = spans.into_keys().collect();
                &all
            }
        };
        let mut counts = Vec::new();
        for series in series {
            let rows = self.rows_about(*series, &time_us)?;
            if rows > 0 {
                counts.push((*series, rows));
            }
        }
        Ok(counts)
    }

    fn read(&self, time_us: Range<i64>, group: &Group) -> Result<Vec<Observation>, StoreError> {
        let all: Vec<SeriesId>;
        let series = match group.range {
            Some(range) => {
                all = self.spans_of(range)?.into_keys().collect();
                &all
            }
            None => &group.series,
        };
        let mut rows = Vec::new();
        for series in series {
            let query = RangeQuery {
                series: *series,
                from_us: time_us.start,
                to_us: time_us.end,
                order: Order::Ascending,
            };
            for block in self.blocks(query)? {
                rows.extend(block?);
            }
        }
        Ok(rows)
    }

    fn put(
        &self,
        time_us: Range<i64>,
        group: &Group,
        rows: &[Observation],
    ) -> Result<(), StoreError> {
        let mut present: HashMap<Fields, u32> = HashMap::new();
        for row in self.read(time_us, group)? {
            *present.entry(fields(&row)).or_default() += 1;
        }
        let is_missing = |row: &&Observation| match present.get_mut(&fields(row)) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        };
        let missing: Vec<Observation> = rows.iter().filter(is_missing).copied().collect();
        match missing.is_empty() {
            true => Ok(()),
            false => self.write_parts(&missing),
        }
    }

    fn empty(&self) -> Result<(), StoreError> {
        let keyspaces = &self.keyspaces;
        for keyspace in [
            &keyspaces.pages,
            &keyspaces.parts,
            &keyspaces.chunks,
            &keyspaces.rollups,
        ] {
            self.remove_all(keyspace)?;
        }
        let mut batch = self.database.batch();
        batch.remove(&keyspaces.meta, keys::FORMAT);
        for pair in keyspaces.meta.prefix("seq") {
            batch.remove(&keyspaces.meta, pair.key().map_err(refused)?);
        }
        batch.commit(None).map_err(refused)?;
        self.database.sync().map_err(refused)
    }

    fn tidy(&self, now_us: i64, budget: Duration) -> Result<bool, StoreError> {
        self.maintain(now_us, budget)
    }

    fn utc_offset_min(&self) -> Result<i32, StoreError> {
        Ok(self.calendar.offset_min())
    }
}

fn widen(spans: &mut Spans, series: SeriesId, (first_us, last_us): (i64, i64)) {
    let span = spans.entry(series).or_insert((first_us, last_us));
    *span = (span.0.min(first_us), span.1.max(last_us));
}

/// Adds the series of a keyspace by looking at the first and last key of each.
fn add_spans(
    spans: &mut Spans,
    keyspace: &Keyspace,
    (first, last): (SeriesId, SeriesId),
) -> Result<(), StoreError> {
    let time = |key: &[u8]| keys::series_and_time("store.parts or store.chunks", key);
    let mut next = Some(first.0);
    while let Some(from) = next {
        let Some(key) = first_key(&mut keyspace.range(from.to_be_bytes()..))? else {
            break;
        };
        let (series, first_us) = time(&key)?;
        if series > last {
            break;
        }
        let newest = keyspace.prefix(series.0.to_be_bytes()).next_back();
        let newest = newest.map(Guard::key).transpose().map_err(refused)?;
        if let Some(key) = newest {
            // What begins on a day ends on it.
            let last_us = time(&key)?.1.saturating_add(DAY_US);
            widen(spans, series, (first_us, last_us));
        }
        next = series.0.checked_add(1);
    }
    Ok(())
}
