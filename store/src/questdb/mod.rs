//! The store in QuestDB: readings on the server, the fold's state in the embedded database.
//!
//! `docs/questdb.md` has its tables, what its acknowledgement means, and what a crash leaves.

mod anew;
mod catalogue;
mod changed;
mod charts;
mod columns;
mod config;
mod copies;
mod durable;
mod hours;
mod link;
mod look;
mod metrics;
mod names;
mod ours;
mod range;
mod retention;
mod row;
mod schema;
mod state;
mod stretches;
mod structure;
mod suspended;
mod transfer;
mod unseen;
mod writer;

pub use config::QuestDbConfig;
pub use metrics::QuestDbMetrics;
pub use names::SeriesNames;
pub(crate) use state::forget_tables;

use crate::period::Calendar;
use crate::{
    Block, Bucket, Observation, RangeQuery, SeriesId, ShardState, StateBatch, Store, StoreError,
    StoreFigures, StoreKind,
};
use changed::ChangedHours;
use copies::Copies;
use link::Link;
use look::Health;
use nhip_database::Database;
use parking_lot::{Mutex, RwLock};
use row::Kept;
use state::{Sent, State};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;
use structure::Structure;
use unseen::Unseen;
use writer::Writer;

/// Observations in a QuestDB server.
pub struct QuestDbStore {
    config: QuestDbConfig,
    metrics: QuestDbMetrics,
    link: Link,
    state: State,
    shards: RwLock<BTreeMap<u32, Arc<Mutex<Shard>>>>,
    unseen: Mutex<Unseen>,
    structure: Structure,
    health: Mutex<Health>,
    /// One look at the server at a time.
    looking: Mutex<()>,
    /// Hours that wait to be counted.
    changed: Mutex<ChangedHours>,
    /// The local day of the last pass of retention.
    passed: Mutex<Option<i64>>,
    /// When suspended tables were last set going again, µs since 1970 UTC.
    resumed_us: Mutex<i64>,
    /// When the server began a checkpoint of ours, if it did: it was not answered.
    unreleased: Mutex<Option<RangeInclusive<i64>>>,
    /// The largest series whose registration is known to be durable.
    registered: Mutex<Option<u32>>,
}

/// What a shard has between its batches.
struct Shard {
    writer: Option<Writer>,
    copies: Copies,
    /// Whether anything was sent since the last checkpoint.
    has_sent: bool,
}

impl QuestDbStore {
    /// Opens the store with its state in `database`. The server may be away: then appends and
    /// queries are `Unavailable` until it is there.
    pub fn open(
        database: &Database,
        config: QuestDbConfig,
        metrics: QuestDbMetrics,
    ) -> Result<Self, StoreError> {
        StoreKind::QuestDb.require(database)?;
        Self::open_target(database, config, metrics)
    }

    /// Opens it whoever keeps the readings now, for a copy.
    pub(crate) fn open_target(
        database: &Database,
        config: QuestDbConfig,
        metrics: QuestDbMetrics,
    ) -> Result<Self, StoreError> {
        // What is wrong with the addresses is told at once.
        Writer::new(&config)?;
        let state = State::open(database)?;
        let changed = state.changed()?;
        Ok(Self {
            link: Link::new(&config)?,
            state,
            changed: Mutex::new(changed),
            config,
            metrics,
            shards: RwLock::default(),
            unseen: Mutex::default(),
            structure: Structure::default(),
            health: Mutex::default(),
            looking: Mutex::default(),
            passed: Mutex::default(),
            resumed_us: Mutex::new(i64::MIN),
            unreleased: Mutex::default(),
            registered: Mutex::default(),
        })
    }

    fn shard(&self, id: u32) -> Result<Arc<Mutex<Shard>>, StoreError> {
        if let Some(shard) = self.shards.read().get(&id) {
            return Ok(Arc::clone(shard));
        }
        let copies = self.state.copies(id)?;
        let mut shards = self.shards.write();
        let shard = shards.entry(id).or_insert_with(|| {
            Arc::new(Mutex::new(Shard {
                writer: None,
                copies,
                has_sent: false,
            }))
        });
        Ok(Arc::clone(shard))
    }

    fn calendar(&self) -> Result<Calendar, StoreError> {
        Ok(Calendar::new(self.ready()?.utc_offset_min))
    }

    /// Sees to it that no number of a series reaches the server before it is durable whose it
    /// is. Numbers are given in order, so whoever has the largest has them all.
    fn sync_registrations(&self, rows: &[Observation]) -> Result<(), StoreError> {
        let Some(largest) = rows.iter().map(|row| row.series.0).max() else {
            return Ok(());
        };
        let mut registered = self.registered.lock();
        if registered.is_none_or(|known| known < largest) {
            self.state.sync()?;
            *registered = Some(largest);
        }
        Ok(())
    }

    /// Sends rows, request by request.
    fn send(&self, shard: &mut Shard, rows: &[Kept]) -> Result<(), StoreError> {
        for some in rows.chunks(self.config.request_rows_max.max(1) as usize) {
            let writer = match &mut shard.writer {
                Some(writer) => writer,
                none => none.insert(Writer::new(&self.config)?),
            };
            self.unseen.lock().begin();
            let timer = self.metrics.request_seconds.start_timer();
            let sent = self.structure.request(|| writer.send(some));
            timer.observe_duration();
            self.unseen.lock().end(sent.is_ok());
            if let Err(error) = sent {
                shard.writer = None;
                self.failed(&error);
                return Err(error);
            }
        }
        Ok(())
    }
}

impl Store for QuestDbStore {
    fn refusal(&self, observation: &Observation) -> Option<String> {
        row::refusal(observation)
    }

    fn append(&self, shard: u32, observations: &[Observation]) -> Result<(), StoreError> {
        observations.iter().try_for_each(row::check)?;
        let calendar = Calendar::new(self.writable()?.utc_offset_min);
        self.make_room()?;
        self.sync_registrations(observations)?;
        let shard = self.shard(shard)?;
        let mut shard = shard.lock();
        let mut copies = shard.copies.clone();
        let rows = copies.number(observations);
        // Also if a part of it fails: what was sent can be there.
        shard.has_sent = true;
        self.changed.lock().mark(observations, calendar);
        self.send(&mut shard, &rows)?;
        shard.copies = copies;
        self.unseen.lock().show(rows);
        self.changed.lock().mark(observations, calendar);
        Ok(())
    }

    fn checkpoint(&self, shard: u32, state: StateBatch) -> Result<(), StoreError> {
        let timer = self.metrics.checkpoint_seconds.start_timer();
        let of_shard = self.shard(shard)?;
        let mut of_shard = of_shard.lock();
        if of_shard.has_sent {
            // As of before the look: what is counted meanwhile may not be durable.
            let changed = self.changed.lock().encode();
            let taken = self.make_durable()?;
            let sent = Sent {
                copies: &of_shard.copies,
                changed,
                taken,
            };
            self.state.write(shard, state, Some(sent))?;
        } else {
            self.state.write(shard, state, None)?;
        }
        of_shard.has_sent = false;
        timer.observe_duration();
        Ok(())
    }

    fn load_state(&self, shard: u32) -> Result<ShardState<'_>, StoreError> {
        Ok(self.state.load(shard))
    }

    fn state(&self, shard: u32, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.state.get(shard, key)
    }

    fn contains(&self, series: SeriesId, time_us: i64, value: f64) -> Result<bool, StoreError> {
        let bits = value.to_bits();
        let query = RangeQuery {
            series,
            from_us: time_us,
            to_us: time_us.saturating_add(1),
            order: crate::Order::Ascending,
        };
        for block in self.blocks(query)? {
            if block?.iter().any(|row| row.value.to_bits() == bits) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn keeps_unsaved(&self) -> bool {
        true
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
        self.look()?;
        self.resume_failed(now_us)?;
        self.drop_old(now_us)?;
        self.count_hours(now_us, budget)
    }

    fn figures(&self) -> StoreFigures {
        let (bytes, journal_bytes) = self.state.bytes();
        StoreFigures {
            bytes,
            journal_bytes,
            open_observations: self.unseen.lock().rows(),
            parts_due: self.changed.lock().len() as u64,
        }
    }

    fn problem(&self) -> Option<String> {
        self.health.lock().problem()
    }

    fn takes_readings(&self) -> bool {
        self.health.lock().takes_readings()
    }
}
