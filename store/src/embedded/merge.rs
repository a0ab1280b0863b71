//! Merging a day of a series: parts and chunks in, packed chunks and a rollup out. Of a day
//! whose rows are dropped: parts into the hours that are left.

use super::groups::group;
use super::keyspaces::refused;
use super::view::Stored;
use super::{EmbeddedStore, keys};
use crate::codec::chunk;
use crate::codec::rollup::Rollup;
use crate::{Observation, SeriesId, StoreError};
use nhip_database::{Batch, Guard, Iter, Slice};

/// How much of a day is merged.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Its parts among themselves: the day goes on.
    Parts,
    /// Everything, with its rollup: the day is over.
    Day,
}

/// Packs rows into the chunks of one merge.
struct Packing<'a> {
    store: &'a EmbeddedStore,
    series: SeriesId,
    generation: u32,
    index: u32,
    batch: Batch,
    rows: Vec<Observation>,
    rollup: Rollup,
    count: u64,
}

impl EmbeddedStore {
    /// Merges a day; gives the number of rows it packed.
    pub(super) fn merge(
        &self,
        series: SeriesId,
        day_us: i64,
        extent: Extent,
    ) -> Result<u64, StoreError> {
        let snapshot = self.database.snapshot();
        let mut stored = self.day(&snapshot, false, series, day_us)?;
        if stored.is_empty() {
            return Ok(0);
        }
        let chunks = self.day(&snapshot, true, series, day_us)?;
        if chunks.is_empty()
            && let Some(hours) = self.hours_of(&snapshot, series, day_us)?
        {
            return self.add_to_hours(series, day_us, hours, stored);
        }
        let mut generation = 0;
        for chunk in &chunks {
            generation = generation.max(keys::chunk_generation(&chunk.key)? + 1);
        }
        if extent == Extent::Day {
            stored.extend(chunks);
        }
        let mut packing = Packing {
            store: self,
            series,
            generation,
            index: 0,
            batch: self.database.batch(),
            rows: Vec::new(),
            rollup: Rollup::default(),
            count: 0,
        };
        for old in &stored {
            packing.remove(old);
        }
        for group in group(stored, Vec::new()) {
            packing.add(group.decode(series)?)?;
        }
        packing.finish(day_us, extent)
    }
}

impl Packing<'_> {
    fn remove(&mut self, old: &Stored) {
        let keyspace = self.store.keyspace(old.packed);
        self.batch.remove(keyspace, old.key.clone());
    }

    fn add(&mut self, rows: Vec<Observation>) -> Result<(), StoreError> {
        for row in &rows {
            self.rollup.add_row(self.store.calendar, row);
        }
        self.count += rows.len() as u64;
        if self.rows.is_empty() {
            self.rows = rows;
        } else {
            self.rows.extend(rows);
        }
        let full = self.store.config.chunk_rows_max.max(1) as usize;
        while self.rows.len() >= full {
            let rest = self.rows.split_off(full);
            self.pack()?;
            self.rows = rest;
        }
        Ok(())
    }

    fn pack(&mut self) -> Result<(), StoreError> {
        let Some(first) = self.rows.first() else {
            return Ok(());
        };
        let key = keys::chunk(self.series, first.time_us, self.generation, self.index);
        let value = chunk::encode(&self.rows).map_err(|error| StoreError::Refused {
            what: format!("{} rows of series {}", self.rows.len(), self.series.0),
            reason: error.to_string(),
        })?;
        self.index += 1;
        self.batch.insert(&self.store.keyspaces.chunks, key, value);
        self.rows.clear();
        Ok(())
    }

    fn finish(mut self, day_us: i64, extent: Extent) -> Result<u64, StoreError> {
        self.pack()?;
        let keyspaces = &self.store.keyspaces;
        let key = keys::bound(self.series, day_us);
        match extent {
            Extent::Day => self
                .batch
                .insert(&keyspaces.rollups, key, self.rollup.encode()),
            Extent::Parts => self.batch.remove(&keyspaces.rollups, key),
        }
        self.batch.commit(None).map_err(refused)?;
        Ok(self.count)
    }
}

/// Whether a cursor has anything more.
pub(crate) fn first_key(iter: &mut Iter) -> Result<Option<Slice>, StoreError> {
    iter.next().map(Guard::key).transpose().map_err(refused)
}
