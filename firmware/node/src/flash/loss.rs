//! Readings that went otherwise than by eviction: they never got into the queue, or out of it.

use super::{
    settings::Evicted,
    store::{Store, StoreError},
};
use embedded_storage_async::nor_flash::NorFlash;

impl<F: NorFlash> Store<F> {
    /// Counts readings that are given up. The count is in flash before anything says that they left
    /// the queue, and after [`Self::keep_lost`].
    pub(crate) fn lose(&mut self, readings: u32) {
        self.lost += u64::from(readings);
    }

    /// Makes that count durable, if it has grown, and what was acknowledged with it: readings that
    /// came again would be counted again.
    pub(crate) fn keep_lost(&mut self) -> Result<(), StoreError<F::Error>> {
        if self.lost > 0 {
            self.count_lost()?;
            self.mark()?;
        }
        Ok(())
    }

    pub(super) fn count_lost(&mut self) -> Result<(), StoreError<F::Error>> {
        if self.lost == 0 {
            return Ok(());
        }
        let evicted = Evicted {
            total: self.evicted(),
            ..self.evicted
        };
        self.settings
            .set_evicted(&mut self.flash, &mut self.block, evicted)
            .map_err(|_| StoreError::Settings)?;
        (self.evicted, self.lost) = (evicted, 0);
        Ok(())
    }
}
