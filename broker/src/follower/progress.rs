//! How far the follower has come, and who waits for it.

use parking_lot::{Condvar, Mutex, MutexGuard};
use std::{
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};
use tokio::sync::watch;

const BARRIER: Duration = Duration::from_secs(2);

/// See the module.
pub(crate) struct Progress {
    pub(super) position: watch::Sender<u64>,
    /// Held while records are folded and matched, so that a new subscription is either before
    /// all of them or behind all of them.
    pub(super) folding: Mutex<()>,
    /// Parcels handed to the fan-out, and those that came out of it or were dropped.
    pub(super) selected: AtomicU64,
    pub(super) settled: AtomicU64,
    /// One past the newest record of those that came out.
    pub(super) delivered_end: AtomicU64,
    pub(super) waiting: AtomicUsize,
    pub(super) idle: Mutex<()>,
    pub(super) nudge: Condvar,
    pub(super) stopped: AtomicBool,
}

impl Progress {
    pub(crate) fn new(position: u64) -> Self {
        Self {
            position: watch::Sender::new(position),
            folding: Mutex::new(()),
            selected: AtomicU64::new(0),
            settled: AtomicU64::new(0),
            delivered_end: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            idle: Mutex::new(()),
            nudge: Condvar::new(),
            stopped: AtomicBool::new(false),
        }
    }

    /// Waits until the record before `offset` is folded, or for two seconds.
    pub(crate) async fn reach(&self, offset: u64) {
        let mut position = self.position.subscribe();
        self.waiting.fetch_add(1, Ordering::AcqRel);
        self.nudge.notify_all();
        let reached = position.wait_for(|position| *position >= offset);
        if tokio::time::timeout(BARRIER, reached).await.is_err() {
            tracing::warn!(offset, "a subscription did not wait for the log any longer");
        }
        self.waiting.fetch_sub(1, Ordering::AcqRel);
    }

    /// Waits until the record before `offset` is folded, however long that takes.
    pub(crate) async fn reach_in_time(&self, offset: u64) {
        let mut position = self.position.subscribe();
        self.waiting.fetch_add(1, Ordering::AcqRel);
        self.nudge.notify_all();
        // It fails only when the sender is gone, which is part of this.
        let _ = position.wait_for(|position| *position >= offset).await;
        self.waiting.fetch_sub(1, Ordering::AcqRel);
    }

    /// Holds the fold where it is; gives back the offset of the next record.
    pub(crate) fn hold(&self) -> (MutexGuard<'_, ()>, u64) {
        let guard = self.folding.lock();
        let position = *self.position.borrow();
        (guard, position)
    }

    /// Where the fold stands.
    pub(crate) fn position(&self) -> u64 {
        *self.position.borrow()
    }

    /// Everything before it has come out of the fan-out, or was for nobody.
    pub(crate) fn passed(&self) -> u64 {
        let (_fold, position) = self.hold();
        let delivered_end = self.delivered_end.load(Ordering::Acquire);
        let all = self.settled.load(Ordering::Acquire) == self.selected.load(Ordering::Acquire);
        if all { position } else { delivered_end }
    }

    /// A parcel of records before `end` has come out of the fan-out.
    pub(crate) fn delivered(&self, end: u64) {
        self.delivered_end.fetch_max(end, Ordering::AcqRel);
        self.settled.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.nudge.notify_all();
    }
}
