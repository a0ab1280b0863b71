//! The store of a platform, watched for a copy of it.

use super::marks::Marks;
use super::records::Records;
use super::store_copy::StoreCopy;
use crate::{
    Block, Bucket, Observation, RangeQuery, SeriesId, ShardState, StateBatch, Store, StoreError,
    StoreFigures,
};
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Does what its store does, and marks what changes while it is copied.
pub struct WatchedStore {
    store: Arc<dyn Store>,
    marks: Arc<Marks>,
    records: Records,
    /// Shards that appended since their last checkpoint.
    unsaved: Mutex<BTreeSet<u32>>,
    /// Whether the store had nothing beyond the checkpoint when this began.
    was_settled: bool,
}

impl WatchedStore {
    /// Watches the source of a copy. From now on it, or the target, may have more than the
    /// checkpoint.
    pub fn new(store: Arc<dyn Store>, copy: &StoreCopy) -> Result<Self, StoreError> {
        let (marks, records) = copy.watch();
        let was_settled = records.is_settled()?;
        records.set_settled(false)?;
        Ok(Self {
            store,
            marks,
            records,
            unsaved: Mutex::default(),
            was_settled,
        })
    }

    /// Takes note of a clean end: nothing was appended since the last checkpoint, and if
    /// something may have been before this process, what was in the log then was folded again.
    pub fn settle(&self, has_folded_again: bool) -> Result<(), StoreError> {
        let is_saved = self.unsaved.lock().is_empty();
        match is_saved && (self.was_settled || has_folded_again) {
            true => self.records.set_settled(true),
            false => Ok(()),
        }
    }

    /// Makes the marks durable with whatever is written durably next.
    fn write_marks(&self) -> Result<(), StoreError> {
        if !self.marks.is_active() {
            return Ok(());
        }
        let unsaved = self.marks.unsaved();
        self.records.write_marks(&unsaved).inspect_err(|_| {
            self.marks.not_saved(unsaved.iter().map(|(pair, _)| *pair));
        })
    }
}

impl Store for WatchedStore {
    fn refusal(&self, observation: &Observation) -> Option<String> {
        self.store.refusal(observation)
    }

    fn append(&self, shard: u32, observations: &[Observation]) -> Result<(), StoreError> {
        self.unsaved.lock().insert(shard);
        self.store.append(shard, observations)?;
        // Behind it: a step that takes the mark must find the readings.
        if self.marks.is_active() {
            self.marks.mark(observations);
        }
        Ok(())
    }

    fn checkpoint(&self, shard: u32, state: StateBatch) -> Result<(), StoreError> {
        // Before it: whoever finds the checkpoint must find the marks.
        self.write_marks()?;
        self.store.checkpoint(shard, state)?;
        self.unsaved.lock().remove(&shard);
        Ok(())
    }

    fn load_state(&self, shard: u32) -> Result<ShardState<'_>, StoreError> {
        self.store.load_state(shard)
    }

    fn state(&self, shard: u32, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.state(shard, key)
    }

    fn contains(&self, series: SeriesId, time_us: i64, value: f64) -> Result<bool, StoreError> {
        self.store.contains(series, time_us, value)
    }

    fn keeps_unsaved(&self) -> bool {
        self.store.keeps_unsaved()
    }

    fn range(
        &self,
        query: RangeQuery,
    ) -> Result<Box<dyn Iterator<Item = Result<Block, StoreError>> + Send + '_>, StoreError> {
        self.store.range(query)
    }

    fn buckets(
        &self,
        series: SeriesId,
        from_us: i64,
        to_us: i64,
        points: u32,
    ) -> Result<Vec<Bucket>, StoreError> {
        self.store.buckets(series, from_us, to_us, points)
    }

    fn maintain(&self, now_us: i64, budget: Duration) -> Result<bool, StoreError> {
        self.store.maintain(now_us, budget)
    }

    fn figures(&self) -> StoreFigures {
        self.store.figures()
    }

    fn problem(&self) -> Option<String> {
        self.store.problem()
    }

    fn takes_readings(&self) -> bool {
        self.store.takes_readings()
    }
}
