//! Stopping, and waiting for what is not available.

use super::Shared;
use nhip_store::{Observation, Store, StoreError};
use parking_lot::{Condvar, Mutex};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// Why a shard ends in the middle of its work. Nothing of that work is in a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    /// It was told to.
    Stopped,
    /// It can't go on, and a new try won't help.
    Failed(String),
}

/// Why a try did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// A later one may.
    Outage(String),
    /// No other will.
    Fatal(String),
}

impl From<StoreError> for Held {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { .. } | StoreError::Unusable { .. } => {
                Self::Outage(error.to_string())
            }
            StoreError::Damaged { .. } | StoreError::Refused { .. } => {
                Self::Fatal(error.to_string())
            }
        }
    }
}

/// Tells threads to stop, and wakes those that wait to try again.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    pub(crate) fn stop(&self) {
        *self.stopped.lock() = true;
        self.changed.notify_all();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        *self.stopped.lock()
    }

    /// Waits, at most until it is stopped.
    pub(crate) fn pause(&self, pause: Duration) {
        let mut stopped = self.stopped.lock();
        if !*stopped {
            self.changed.wait_for(&mut stopped, pause);
        }
    }
}

/// The store, asked until it answers.
pub(crate) struct Stored {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) stop: Arc<Stop>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) retry_ms_max: u32,
    /// Whether a reading that is folded now may have been folded and sent before a crash, so
    /// that the store has it already.
    pub(crate) may_have_itself: AtomicBool,
}

/// The first pause between two tries, milliseconds; it doubles.
const PAUSE_MS_MIN: u32 = 10;

impl Stored {
    /// Whether what the store has may be the reading itself, from before a crash: it is of the
    /// same arrival. A repetition that came in the same ms is taken for it, once.
    pub(crate) fn is_itself(&self, found: &Observation, row: &Observation) -> bool {
        found.received_us == row.received_us && self.may_have_itself.load(Ordering::Relaxed)
    }

    /// Asks the store.
    pub(crate) fn ask<T>(
        &self,
        mut question: impl FnMut(&dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, Halt> {
        self.until("the store", || question(&*self.store).map_err(Held::from))
    }

    /// Tries until it succeeds, it can't any more, or it is stopped. An outage is logged at
    /// its beginning and its end.
    pub(crate) fn until<T>(
        &self,
        what: &'static str,
        mut attempt: impl FnMut() -> Result<T, Held>,
    ) -> Result<T, Halt> {
        let mut pause_ms = PAUSE_MS_MIN.min(self.retry_ms_max);
        let mut waited = false;
        loop {
            match attempt() {
                Ok(outcome) => {
                    if waited {
                        self.shared.board().held_up = false;
                        tracing::info!("the fold goes on: {what} is available again");
                    }
                    return Ok(outcome);
                }
                Err(Held::Fatal(reason)) => return Err(Halt::Failed(reason)),
                Err(Held::Outage(reason)) => {
                    if !waited {
                        self.shared.board().held_up = true;
                        tracing::warn!(%reason, "the fold waits for {what}");
                    }
                    waited = true;
                }
            }
            if self.stop.is_stopped() {
                return Err(Halt::Stopped);
            }
            self.stop.pause(Duration::from_millis(pause_ms.into()));
            pause_ms = pause_ms.saturating_mul(2).min(self.retry_ms_max);
        }
    }
}
