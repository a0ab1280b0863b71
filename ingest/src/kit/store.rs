//! A store in memory with a live and a durable image.

use nhip_store::{
    Block, Bucket, Observation, Order, RangeQuery, SeriesId, ShardState, StateBatch, Store,
    StoreError, StoreFigures,
};
use parking_lot::Mutex;
use std::{collections::BTreeMap, time::Duration};

/// A reading of this value is refused for good.
pub(crate) const REFUSED: f64 = 66.6;

#[derive(Debug, Default)]
struct Image {
    durable: Vec<Observation>,
    open: BTreeMap<u32, Vec<Observation>>,
    state: BTreeMap<(u32, Vec<u8>), Vec<u8>>,
    /// How many writes succeed before there is an outage.
    writes_left: Option<u64>,
    writes: u64,
    look_ups: u64,
    /// Whether it is like a server, which keeps what was sent before a crash.
    keeps_unsaved: bool,
    /// What was sent before a crash and not sent again yet.
    left: Vec<Observation>,
}

#[derive(Debug, Default)]
pub(crate) struct MemoryStore {
    image: Mutex<Image>,
}

impl Image {
    fn write(&mut self) -> Result<(), StoreError> {
        if let Some(left) = &mut self.writes_left {
            *left = left.checked_sub(1).ok_or(StoreError::Unavailable {
                reason: "an outage of the test".to_owned(),
            })?;
        }
        self.writes += 1;
        Ok(())
    }

    fn rows(&self) -> impl Iterator<Item = &Observation> {
        let rows = self.durable.iter().chain(self.open.values().flatten());
        rows.chain(&self.left)
    }

    /// Takes rows; those that were sent before a crash replace themselves.
    fn take(&mut self, shard: u32, rows: &[Observation]) {
        for row in rows {
            if let Some(same) = self.left.iter().position(|left| left == row) {
                self.left.remove(same);
            }
        }
        self.open.entry(shard).or_default().extend(rows);
    }
}

impl MemoryStore {
    /// Lets `writes` more appends and checkpoints succeed, then none.
    pub(crate) fn fail_after(&self, writes: Option<u64>) {
        self.image.lock().writes_left = writes;
    }

    pub(crate) fn writes(&self) -> u64 {
        self.image.lock().writes
    }

    /// How often it was asked for readings.
    pub(crate) fn look_ups(&self) -> u64 {
        self.image.lock().look_ups
    }

    /// Makes it keep what was sent, answered or not.
    pub(crate) fn keep_unsaved(&self) {
        self.image.lock().keeps_unsaved = true;
    }

    /// Loses what is not in a checkpoint, unless it keeps that; the outage is over.
    pub(crate) fn crash(&self) {
        let mut image = self.image.lock();
        let open = std::mem::take(&mut image.open);
        if image.keeps_unsaved {
            image.left.extend(open.into_values().flatten());
        }
        image.writes_left = None;
    }

    /// Loses every row and nothing else, as when a server's table is dropped.
    pub(crate) fn lose_rows(&self) {
        let mut image = self.image.lock();
        image.durable.clear();
        image.open.clear();
        image.left.clear();
    }

    /// Every row, in an order that does not depend on that of writing.
    pub(crate) fn rows(&self) -> Vec<Observation> {
        let mut rows: Vec<Observation> = self.image.lock().rows().copied().collect();
        rows.sort_by_key(|row| {
            let Observation {
                series,
                time_us,
                boot,
                seq,
                received_us,
                ..
            } = *row;
            (series, time_us, boot, seq, received_us, row.value.to_bits())
        });
        rows
    }

    pub(crate) fn set_state(&self, shard: u32, key: &[u8], value: &[u8]) {
        let mut image = self.image.lock();
        image.state.insert((shard, key.to_vec()), value.to_vec());
    }
}

impl Store for MemoryStore {
    fn refusal(&self, observation: &Observation) -> Option<String> {
        let is_refused = observation.value == REFUSED;
        is_refused.then(|| format!("{REFUSED}: the test says so"))
    }

    fn append(&self, shard: u32, observations: &[Observation]) -> Result<(), StoreError> {
        assert!(observations.iter().all(|row| self.refusal(row).is_none()));
        let mut image = self.image.lock();
        if let Err(error) = image.write() {
            // The request came through, its answer did not.
            if image.keeps_unsaved {
                image.take(shard, observations);
            }
            return Err(error);
        }
        image.take(shard, observations);
        Ok(())
    }

    fn checkpoint(&self, shard: u32, state: StateBatch) -> Result<(), StoreError> {
        let mut image = self.image.lock();
        image.write()?;
        let rows = image.open.remove(&shard).unwrap_or_default();
        image.durable.extend(rows);
        for (key, value) in state.changes {
            match value {
                Some(value) => image.state.insert((shard, key), value),
                None => image.state.remove(&(shard, key)),
            };
        }
        Ok(())
    }

    fn keeps_unsaved(&self) -> bool {
        self.image.lock().keeps_unsaved
    }

    fn load_state(&self, shard: u32) -> Result<ShardState<'_>, StoreError> {
        let image = self.image.lock();
        let of_shard = image.state.iter().filter(|((of, _), _)| *of == shard);
        let pairs: Vec<_> = of_shard
            .map(|((_, key), value)| Ok((key.clone(), value.clone())))
            .collect();
        Ok(Box::new(pairs.into_iter()))
    }

    fn state(&self, shard: u32, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.image.lock().state.get(&(shard, key.to_vec())).cloned())
    }

    fn contains(&self, series: SeriesId, time_us: i64, value: f64) -> Result<bool, StoreError> {
        let same = |row: &Observation| {
            row.series == series && row.time_us == time_us && row.value.to_bits() == value.to_bits()
        };
        let mut image = self.image.lock();
        image.look_ups += 1;
        Ok(image.rows().any(same))
    }

    fn range(
        &self,
        query: RangeQuery,
    ) -> Result<Box<dyn Iterator<Item = Result<Block, StoreError>> + Send + '_>, StoreError> {
        self.image.lock().look_ups += 1;
        let mut rows = self.rows();
        rows.retain(|row| {
            row.series == query.series && (query.from_us..query.to_us).contains(&row.time_us)
        });
        if query.order == Order::Descending {
            rows.reverse();
        }
        Ok(Box::new(std::iter::once(Ok(rows))))
    }

    fn buckets(
        &self,
        _series: SeriesId,
        _from_us: i64,
        _to_us: i64,
        _points: u32,
    ) -> Result<Vec<Bucket>, StoreError> {
        Ok(Vec::new())
    }

    fn maintain(&self, _now_us: i64, _budget: Duration) -> Result<bool, StoreError> {
        Ok(false)
    }

    fn figures(&self) -> StoreFigures {
        StoreFigures::default()
    }
}
