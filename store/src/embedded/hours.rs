//! Days whose rows are dropped: their hours stay, and rows that come late are added to them.
//!
//! A day is dropped whole, in the batch that writes its hours. So a rollup without a chunk of
//! its day says durably that the rows are gone, and that it must never be made anew from rows.

use super::groups::group;
use super::keyspaces::{damaged, refused};
use super::merge::first_key;
use super::view::Stored;
use super::{EmbeddedStore, keys};
use crate::codec::rollup::Rollup;
use crate::period::DAY_US;
use crate::{SeriesId, StoreError};
use nhip_database::{Batch, Readable, Snapshot};

/// Decodes the value of a rollup.
pub(crate) fn decode(key: &[u8], value: &[u8]) -> Result<Rollup, StoreError> {
    Rollup::decode(value).map_err(|error| damaged("store.rollups", key, error))
}

impl EmbeddedStore {
    /// Whether any rows of the day are merged and kept.
    pub(super) fn has_chunks(
        &self,
        snapshot: &Snapshot,
        series: SeriesId,
        day_us: i64,
    ) -> Result<bool, StoreError> {
        let end = day_us.saturating_add(DAY_US);
        let mut chunks = self.iter(snapshot, true, series, day_us, end);
        Ok(first_key(&mut chunks)?.is_some())
    }

    /// The rollup of a day, if it has one.
    pub(super) fn hours_of(
        &self,
        snapshot: &Snapshot,
        series: SeriesId,
        day_us: i64,
    ) -> Result<Option<Rollup>, StoreError> {
        let key = keys::bound(series, day_us);
        let value = snapshot
            .get(&self.keyspaces.rollups, key)
            .map_err(refused)?;
        value.map(|value| decode(&key, &value)).transpose()
    }

    /// Merges late parts into the hours of a day whose rows are gone; gives their rows.
    pub(super) fn add_to_hours(
        &self,
        series: SeriesId,
        day_us: i64,
        mut hours: Rollup,
        parts: Vec<Stored>,
    ) -> Result<u64, StoreError> {
        let mut batch = self.database.batch();
        let rows = self.leave_hours(&mut batch, series, day_us, &mut hours, parts)?;
        batch.commit(None).map_err(refused)?;
        Ok(rows)
    }

    /// Drops a day with its hours, whatever they hold; gives the number of parts and chunks
    /// that went.
    pub(super) fn drop_day(&self, series: SeriesId, day_us: i64) -> Result<u64, StoreError> {
        let snapshot = self.database.snapshot();
        let mut batch = self.database.batch();
        for packed in [false, true] {
            let end = day_us.saturating_add(DAY_US);
            for pair in self.iter(&snapshot, packed, series, day_us, end) {
                batch.remove(self.keyspace(packed), pair.key().map_err(refused)?);
            }
        }
        let dropped = batch.len() as u64;
        batch.remove(&self.keyspaces.rollups, keys::bound(series, day_us));
        batch.commit(None).map_err(refused)?;
        Ok(dropped)
    }

    /// Drops the rows of a day and keeps its hours; gives the number of parts and chunks that
    /// went.
    pub(super) fn drop_rows(&self, series: SeriesId, day_us: i64) -> Result<u64, StoreError> {
        let snapshot = self.database.snapshot();
        let mut stored = self.day(&snapshot, true, series, day_us)?;
        let mut hours = Rollup::default();
        if stored.is_empty() {
            hours = self.hours_of(&snapshot, series, day_us)?.unwrap_or(hours);
        }
        stored.extend(self.day(&snapshot, false, series, day_us)?);
        let dropped = stored.len() as u64;
        let mut batch = self.database.batch();
        self.leave_hours(&mut batch, series, day_us, &mut hours, stored)?;
        batch.commit(None).map_err(refused)?;
        Ok(dropped)
    }

    /// Adds the rows to the hours and puts these in the rows' place; gives their number.
    fn leave_hours(
        &self,
        batch: &mut Batch,
        series: SeriesId,
        day_us: i64,
        hours: &mut Rollup,
        stored: Vec<Stored>,
    ) -> Result<u64, StoreError> {
        for old in &stored {
            batch.remove(self.keyspace(old.packed), old.key.clone());
        }
        let mut count = 0;
        for group in group(stored, Vec::new()) {
            let rows = group.decode(series)?;
            count += rows.len() as u64;
            for row in &rows {
                hours.add_row(self.calendar, row);
            }
        }
        let key = keys::bound(series, day_us);
        batch.insert(&self.keyspaces.rollups, key, hours.encode_alone());
        Ok(count)
    }
}
