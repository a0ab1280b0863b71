//! What the store side of the fold answers.

use super::fold::Fold;
use nhip_store::{
    Bucket, Observation, Order, RangeQuery, SeriesId, ShardState, StateBatch, Store, StoreError,
    StoreFigures,
};
use std::{sync::atomic::Ordering, time::Duration};

impl Store for Fold {
    fn refusal(&self, _: &Observation) -> Option<String> {
        None
    }

    fn append(&self, _: u32, observations: &[Observation]) -> Result<(), StoreError> {
        self.store(observations);
        Ok(())
    }

    fn checkpoint(&self, _: u32, _: StateBatch) -> Result<(), StoreError> {
        Ok(())
    }

    fn load_state(&self, _: u32) -> Result<ShardState<'_>, StoreError> {
        Ok(Box::new(std::iter::empty()))
    }

    fn state(&self, _: u32, _: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(None)
    }

    fn contains(&self, _: SeriesId, _: i64, _: f64) -> Result<bool, StoreError> {
        Ok(false)
    }

    fn range(
        &self,
        query: RangeQuery,
    ) -> Result<
        Box<dyn Iterator<Item = Result<Vec<Observation>, StoreError>> + Send + '_>,
        StoreError,
    > {
        let mut rows = self
            .rows
            .lock()
            .get(&query.series)
            .cloned()
            .unwrap_or_default();
        rows.retain(|row| (query.from_us..query.to_us).contains(&row.time_us));
        rows.sort_by_key(|row| (row.time_us, row.boot, row.seq));
        if query.order == Order::Descending {
            rows.reverse();
        }
        let blocks: Vec<Vec<Observation>> = rows.chunks(3).map(<[Observation]>::to_vec).collect();
        Ok(Box::new(blocks.into_iter().map(|block| {
            match self.blocks_until_failure.load(Ordering::Relaxed) {
                0 => Ok(block),
                1 => Err(StoreError::Unavailable {
                    reason: "the disk is away".into(),
                }),
                left => {
                    self.blocks_until_failure.store(left - 1, Ordering::Relaxed);
                    Ok(block)
                }
            }
        })))
    }

    fn buckets(
        &self,
        _: SeriesId,
        from_us: i64,
        _: i64,
        _: u32,
    ) -> Result<Vec<Bucket>, StoreError> {
        let bucket = Bucket {
            start_us: from_us,
            width_us: 15_000_000,
            count: 2,
            min: 1.0,
            mean: 1.5,
            max: 2.0,
            last: 2.0,
        };
        Ok(vec![bucket])
    }

    fn maintain(&self, _: i64, _: Duration) -> Result<bool, StoreError> {
        Ok(false)
    }

    fn figures(&self) -> StoreFigures {
        StoreFigures {
            bytes: 4_096,
            journal_bytes: 1_000,
            ..StoreFigures::default()
        }
    }
}
