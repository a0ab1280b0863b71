//! Follows the log behind the committer: folds retained messages, feeds the fan-out.

use crate::fanout::{Fanout, Parcel};
use crate::metrics::{Drop, Metrics};
use crate::retained::Retained;
use crate::retaining::Retaining;
use crate::session::Subscriptions;
use nhip_log::{Log, Offset, Pin, ReadError, Reader, Records};
use nhip_wire::envelope::Envelope;
use parking_lot::{Condvar, Mutex, MutexGuard, RwLock};
use std::{
    sync::Arc,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};
use tokio::sync::watch;

const READ_BYTES_MAX: usize = 1 << 20;
/// A parcel is handed over at this size.
const PARCEL_BYTES: usize = 128 << 10;
/// How often it looks while nobody waits for it.
const IDLE: Duration = Duration::from_millis(20);
const ACTIVE: Duration = Duration::from_millis(100);
const BARRIER: Duration = Duration::from_secs(2);

/// How far the fold has come, and who waits for it.
pub(crate) struct Progress {
    position: watch::Sender<u64>,
    /// Held while records are folded and matched, so that a new subscription is either before
    /// all of them or behind all of them.
    folding: Mutex<()>,
    waiting: AtomicUsize,
    idle: Mutex<()>,
    nudge: Condvar,
    stopped: AtomicBool,
}

impl Progress {
    pub(crate) fn new(position: u64) -> Self {
        Self {
            position: watch::Sender::new(position),
            folding: Mutex::new(()),
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

    /// Holds the fold where it is; gives back the offset of the next record.
    pub(crate) fn hold(&self) -> (MutexGuard<'_, ()>, u64) {
        let guard = self.folding.lock();
        let position = *self.position.borrow();
        (guard, position)
    }

    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.nudge.notify_all();
    }
}

/// The thread behind [`Progress`].
pub(crate) struct Follower {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) retained: Arc<Retained>,
    pub(crate) retaining: Arc<Retaining>,
    pub(crate) subscriptions: Arc<RwLock<Subscriptions>>,
    pub(crate) fanout: Arc<dyn Fanout>,
    pub(crate) metrics: Metrics,
    pub(crate) lag_records_max: u64,
    pub(crate) checkpoint_every: Duration,
    pub(crate) pin: Box<dyn Pin>,
}

impl Follower {
    /// Runs until stopped, then makes the fold durable once more.
    pub(crate) fn run(self, mut reader: Box<dyn Reader>) {
        let mut records = Records::default();
        let mut checkpoint = (Instant::now(), reader.position().0);
        while !self.progress.stopped.load(Ordering::Acquire) {
            if let Some(beyond) = self.pass_over(reader.position()) {
                reader = beyond;
                records.clear();
            } else if let Err(error) = reader.read(&mut records, READ_BYTES_MAX) {
                self.recover(error, &mut reader);
                continue;
            }
            match records.is_empty() {
                true => self.rest(reader.position()),
                false if self.follow(&records, reader.position().0) => {}
                // Stopped before it was kept: the next start goes on where the kept state stands.
                false => return,
            }
            let position = reader.position().0;
            if checkpoint.0.elapsed() >= self.checkpoint_every {
                if position != checkpoint.1 {
                    self.checkpoint(position);
                }
                checkpoint = (Instant::now(), position);
            }
        }
        self.checkpoint(reader.position().0);
    }

    /// A reader behind everything durable, if nothing of it is retained or subscribed to.
    fn pass_over(&self, position: Offset) -> Option<Box<dyn Reader>> {
        // The end first: what is appended from here on is behind it.
        let end = self.log.state().durable_end;
        if end <= position || !self.retaining.none_from(position.0) {
            return None;
        }
        let beyond = self.log.reader(end).ok()?;
        let _folding = self.progress.folding.lock();
        if !self.subscriptions.read().is_empty() {
            return None;
        }
        self.progress.position.send_replace(end.0);
        Some(beyond)
    }

    fn rest(&self, position: Offset) {
        let active = self.progress.waiting.load(Ordering::Acquire) > 0
            || !self.subscriptions.read().is_empty();
        if active {
            self.log.wait(position, ACTIVE);
        } else {
            let mut idle = self.progress.idle.lock();
            self.progress.nudge.wait_for(&mut idle, IDLE);
        }
    }

    /// Whether all is kept that is to be; not if it is stopped before it could be.
    fn follow(&self, records: &Records, end: u64) -> bool {
        let mut parcels = Vec::new();
        let mut told = false;
        loop {
            let folding = self.progress.folding.lock();
            match self.keep(records, end) {
                Ok(()) => {
                    self.select(records, &mut parcels);
                    self.progress.position.send_replace(end);
                    break;
                }
                Err(error) if !told => {
                    tracing::error!(%error, "retained messages can't be kept and wait");
                    told = true;
                }
                Err(_) => {}
            }
            drop(folding);
            if self.progress.stopped.load(Ordering::Acquire) {
                return false;
            }
            self.pause();
        }
        for parcel in parcels {
            self.hand_over(parcel, end);
        }
        true
    }

    fn keep(&self, records: &Records, end: u64) -> Result<(), nhip_database::Error> {
        let retained = || records.iter().filter(|(_, record)| is_retained(record));
        match retained().next() {
            Some(_) => self
                .retained
                .fold(retained().map(|(_, record)| record), end),
            None => Ok(()),
        }
    }

    fn select(&self, records: &Records, parcels: &mut Vec<Parcel>) {
        let subscriptions = self.subscriptions.read();
        if subscriptions.is_empty() {
            return;
        }
        let mut parcel = Parcel::default();
        for (offset, record) in records.iter() {
            let taken = Envelope::read(record)
                .is_ok_and(|envelope| is_published(record) && subscriptions.any(envelope.topic));
            if !taken {
                continue;
            }
            parcel.push(offset.0, &[record]);
            if parcel.bytes.len() >= PARCEL_BYTES {
                parcels.push(std::mem::take(&mut parcel));
            }
        }
        if !parcel.is_empty() {
            parcels.push(parcel);
        }
    }

    /// The log is the queue of a fan-out that is behind, up to the bound.
    fn hand_over(&self, mut parcel: Parcel, end: u64) {
        while let Err(back) = self.fanout.submit(parcel) {
            let lag = self.log.state().durable_end.0.saturating_sub(end);
            if lag > self.lag_records_max || self.progress.stopped.load(Ordering::Acquire) {
                self.metrics.drop(Drop::FanoutBehind, back.messages());
                return;
            }
            parcel = back;
            self.fanout.wait_room(ACTIVE);
        }
    }

    fn checkpoint(&self, position: u64) {
        match self.retained.checkpoint(position) {
            Ok(()) => self.pin.advance(Offset(position)),
            Err(error) => tracing::error!(%error, "retained messages could not be made durable"),
        }
    }

    fn recover(&self, error: ReadError, reader: &mut Box<dyn Reader>) {
        tracing::error!(%error, "the broker can't read the log");
        if let ReadError::Trimmed { start, .. } = error
            && let Ok(next) = self.log.reader(start)
        {
            *reader = next;
            return;
        }
        self.pause();
    }

    /// Waits a second, or until it is to stop.
    fn pause(&self) {
        let mut idle = self.progress.idle.lock();
        self.progress
            .nudge
            .wait_for(&mut idle, Duration::from_secs(1));
    }
}

fn is_retained(record: &[u8]) -> bool {
    record.get(1).is_some_and(|flags| flags & 1 != 0) && is_published(record)
}

/// A replayed dead letter isn't a message to anybody a second time.
fn is_published(record: &[u8]) -> bool {
    record.first() == Some(&1)
}
