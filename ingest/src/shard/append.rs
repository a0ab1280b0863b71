//! Handing a batch to the store.

use super::{Batch, Fold, Halt, Stored, halt::Held};

impl Fold {
    /// Hands the rows to the store, however long it takes; `held_up` is called before the first
    /// wait.
    pub(super) fn append(
        &self,
        batch: &Batch,
        stored: &Stored,
        held_up: impl FnOnce(&Self, &Batch),
    ) -> Result<(), Halt> {
        if batch.rows.is_empty() {
            return Ok(());
        }
        let mut held_up = Some(held_up);
        stored.until("the store", || {
            stored
                .store
                .append(self.shard, &batch.rows)
                .map_err(|error| {
                    if let Some(held_up) = held_up.take() {
                        held_up(self, batch);
                    }
                    Held::from(error)
                })
        })
    }
}
