//! Reading a range, block by block.

use super::EmbeddedStore;
use super::groups::Groups;
use crate::{Block, Observation, Order, RangeQuery, StoreError};
use std::collections::VecDeque;

/// Rows of a block.
const BLOCK_ROWS_MAX: usize = 4096;

/// The blocks of a range, made as they are asked for.
pub(crate) struct Blocks {
    query: RangeQuery,
    groups: Groups,
    rows: VecDeque<Observation>,
    failed: bool,
}

impl EmbeddedStore {
    pub(super) fn blocks(&self, query: RangeQuery) -> Result<Blocks, StoreError> {
        let RangeQuery {
            series,
            from_us,
            to_us,
            order,
        } = query;
        let view = self.view(series, from_us, to_us)?;
        let range = (from_us, to_us);
        Ok(Blocks {
            query,
            groups: self.groups(&view.snapshot, series, range, order, view.open)?,
            rows: VecDeque::new(),
            failed: false,
        })
    }
}

impl Blocks {
    fn block(&mut self) -> Result<Option<Block>, StoreError> {
        let RangeQuery {
            series,
            from_us,
            to_us,
            order,
        } = self.query;
        while self.rows.is_empty() {
            let Some(group) = self.groups.next()? else {
                return Ok(None);
            };
            let mut rows = group.decode(series)?;
            rows.retain(|row| row.time_us >= from_us && row.time_us < to_us);
            if order == Order::Descending {
                rows.reverse();
            }
            self.rows = rows.into();
        }
        let count = self.rows.len().min(BLOCK_ROWS_MAX);
        Ok(Some(self.rows.drain(..count).collect()))
    }
}

impl Iterator for Blocks {
    type Item = Result<Block, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let block = self.block().transpose();
        self.failed = matches!(block, Some(Err(_)));
        block
    }
}
