//! What one read of the log leads to, before the store has it.

use super::recall::Recall;
use crate::{state::Missing, view::Cursor};
use nhip_store::Observation;
use std::collections::HashMap;

/// The rows of a batch and what goes with them; its memory is used again.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) rows: Vec<Observation>,
    /// Where in the log each row comes from.
    pub(crate) places: Vec<Cursor>,
    /// The slot of each row's device.
    pub(crate) slots: Vec<u32>,
    /// Readings of this shard's that were not stored, by record, in order.
    pub(crate) missing: Vec<(u64, Missing)>,
    /// Devices that changed.
    pub(crate) touched: Vec<u32>,
    pub(super) recall: Recall,
    index: HashMap<(u32, i64), Vec<u32>>,
    /// How many rows are in the index.
    indexed: usize,
}

impl Batch {
    pub(crate) fn clear(&mut self) {
        self.rows.clear();
        self.places.clear();
        self.slots.clear();
        self.missing.clear();
        self.touched.clear();
        self.recall.clear();
        if self.indexed > 0 {
            self.index.clear();
            self.indexed = 0;
        }
    }

    /// Notes that a reading is not stored.
    pub(crate) fn miss(&mut self, offset: u64, index: u32) {
        match self.missing.last_mut() {
            Some((last, missing)) if *last == offset => missing.add(index),
            _ => {
                let mut missing = Missing::default();
                missing.add(index);
                self.missing.push((offset, missing));
            }
        }
    }

    /// Notes that nothing of a record is stored.
    pub(crate) fn miss_all(&mut self, offset: u64) {
        self.missing.push((offset, Missing::default()));
    }

    /// The rows of a series at an instant. The index is built when it is first asked for.
    pub(crate) fn at(&mut self, series: u32, time_us: i64) -> impl Iterator<Item = &Observation> {
        for (at, row) in self.rows.iter().enumerate().skip(self.indexed) {
            let at = u32::try_from(at).unwrap_or(u32::MAX);
            self.index
                .entry((row.series.0, row.time_us))
                .or_default()
                .push(at);
        }
        self.indexed = self.rows.len();
        let found = self.index.get(&(series, time_us));
        found
            .into_iter()
            .flatten()
            .map(|&at| &self.rows[at as usize])
    }
}
