//! The embedded store: heads in memory, pages, parts, chunks and rollups in the database.
//!
//! `docs/chunk-format.md` has its keys, bytes, order of writes, and what a crash leaves.

mod buckets;
mod checkpoint;
mod due;
mod groups;
mod head;
mod hours;
mod keys;
mod keyspaces;
mod maintain;
mod merge;
mod range;
mod recover;
mod retention;
mod shard;
mod transfer;
mod view;

pub(crate) use keyspaces::{keyspace, refused};

use crate::period::Calendar;
use crate::{
    Block, Bucket, Config, Metrics, Observation, RangeQuery, SeriesId, ShardState, StateBatch,
    Store, StoreError, StoreFigures, StoreKind,
};
use due::Due;
use keyspaces::Keyspaces;
use maintain::Maintenance;
use nhip_database::{Database, Readable};
use parking_lot::{Mutex, RwLock};
use shard::Shard;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// Observations in the platform's own database.
pub struct EmbeddedStore {
    database: Database,
    keyspaces: Keyspaces,
    config: Config,
    calendar: Calendar,
    metrics: Metrics,
    shards: RwLock<BTreeMap<u32, Arc<Shard>>>,
    open_rows: AtomicU64,
    newest_us: AtomicI64,
    due: Mutex<Due>,
    maintenance: Mutex<Maintenance>,
}

impl EmbeddedStore {
    /// Opens the store in a database, and makes it if the database has none. Reads the pages
    /// of rows that are not in parts yet, which takes about a second for ten million.
    pub fn open(database: &Database, config: Config, metrics: Metrics) -> Result<Self, StoreError> {
        StoreKind::Embedded.require(database)?;
        Self::open_target(database, config, metrics)
    }

    /// Opens it whoever keeps the readings now, for a copy.
    pub(crate) fn open_target(
        database: &Database,
        config: Config,
        metrics: Metrics,
    ) -> Result<Self, StoreError> {
        let keyspaces = Keyspaces::open(database, &config)?;
        let calendar = recover::calendar(database, &keyspaces, config.utc_offset_min)?;
        let store = Self {
            database: database.clone(),
            keyspaces,
            config,
            calendar,
            metrics,
            shards: RwLock::default(),
            open_rows: AtomicU64::new(0),
            newest_us: AtomicI64::new(i64::MIN),
            due: Mutex::default(),
            maintenance: Mutex::default(),
        };
        store.recover()?;
        Ok(store)
    }

    fn shard(&self, id: u32) -> Result<Arc<Shard>, StoreError> {
        if let Some(shard) = self.shards.read().get(&id) {
            return Ok(Arc::clone(shard));
        }
        if id >= self.config.shards_max {
            return Err(StoreError::Refused {
                what: format!("shard {id}"),
                reason: format!("there are at most {} (shards_max)", self.config.shards_max),
            });
        }
        let mut shards = self.shards.write();
        Ok(Arc::clone(
            shards.entry(id).or_insert_with(|| Arc::new(Shard::new(id))),
        ))
    }
}

impl Store for EmbeddedStore {
    fn refusal(&self, _: &Observation) -> Option<String> {
        None
    }

    fn append(&self, shard: u32, observations: &[Observation]) -> Result<(), StoreError> {
        let shard = self.shard(shard)?;
        let open = self.open_rows.load(Ordering::Relaxed);
        if open >= self.config.open_observations_max {
            return Err(StoreError::Unavailable {
                reason: format!(
                    "{open} observations wait for a checkpoint (open_observations_max)"
                ),
            });
        }
        self.open_rows
            .fetch_add(observations.len() as u64, Ordering::Relaxed);
        if let Some(newest) = observations.iter().map(|row| row.received_us).max() {
            self.newest_us.fetch_max(newest, Ordering::Relaxed);
        }
        shard.append(observations);
        Ok(())
    }

    fn checkpoint(&self, shard: u32, state: StateBatch) -> Result<(), StoreError> {
        let shard = self.shard(shard)?;
        self.write_checkpoint(&shard, state)
    }

    fn load_state(&self, shard: u32) -> Result<ShardState<'_>, StoreError> {
        let pairs = self
            .database
            .snapshot()
            .prefix(&self.keyspaces.state, shard.to_be_bytes());
        Ok(Box::new(pairs.map(|pair| {
            let (key, value) = pair.into_inner().map_err(refused)?;
            let key = key.get(4..).unwrap_or_default().to_vec();
            Ok((key, value.to_vec()))
        })))
    }

    fn state(&self, shard: u32, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self.keyspaces.state.get(keys::state(shard, key));
        Ok(value.map_err(refused)?.map(|value| value.to_vec()))
    }

    fn contains(&self, series: SeriesId, time_us: i64, value: f64) -> Result<bool, StoreError> {
        self.holds(series, time_us, value)
    }

    fn range(
        &self,
        query: RangeQuery,
    ) -> Result<Box<dyn Iterator<Item = Result<Block, StoreError>> + Send + '_>, StoreError> {
        Ok(Box::new(self.blocks(query)?))
    }

    fn buckets(
        &self,
        series: SeriesId,
        from_us: i64,
        to_us: i64,
        points: u32,
    ) -> Result<Vec<Bucket>, StoreError> {
        self.series_buckets(series, from_us, to_us, points)
    }

    fn maintain(&self, now_us: i64, budget: Duration) -> Result<bool, StoreError> {
        self.maintain_for(now_us, budget)
    }

    fn figures(&self) -> StoreFigures {
        StoreFigures {
            bytes: self.keyspaces.bytes(),
            journal_bytes: self.database.journal_bytes(),
            open_observations: self.open_rows.load(Ordering::Relaxed),
            parts_due: self.parts_due(),
        }
    }
}
