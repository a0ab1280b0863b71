//! Follows the log behind the committer: folds retained messages and sessions, feeds the
//! fan-out.

mod progress;

pub(crate) use progress::Progress;

use crate::catch_up::CatchUp;
use crate::fanout::{Fanout, Parcel};
use crate::identity::Clock;
use crate::metrics::{Drop, Metrics};
use crate::retained::{Retained, is_published, is_retained};
use crate::retaining::Retaining;
use crate::session::durable::Kept;
use crate::session::{Sessions, Subscriptions};
use nhip_log::{Log, Offset, Pin, ReadError, Reader, Records};
use nhip_wire::envelope::Envelope;
use parking_lot::RwLock;
use std::{
    sync::Arc,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

const READ_BYTES_MAX: usize = 1 << 20;
/// A parcel is handed over at this size.
const PARCEL_BYTES: usize = 128 << 10;
/// How often it looks while nobody waits for it.
const IDLE: Duration = Duration::from_millis(20);
const ACTIVE: Duration = Duration::from_millis(100);
/// How often it gives up retained messages that have expired, and how many at a time at most.
const EXPIRE_EVERY: Duration = Duration::from_secs(1);
const EXPIRED_MAX: usize = 10_000;

/// The thread behind [`Progress`].
pub(crate) struct Follower {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) retained: Arc<Retained>,
    pub(crate) kept: Arc<Kept>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) retaining: Arc<Retaining>,
    pub(crate) subscriptions: Arc<RwLock<Subscriptions>>,
    pub(crate) fanout: Arc<dyn Fanout>,
    pub(crate) catch_up: Arc<CatchUp>,
    pub(crate) metrics: Metrics,
    pub(crate) clock: Clock,
    pub(crate) lag_records_max: u64,
    pub(crate) checkpoint_every: Duration,
    pub(crate) pin: Box<dyn Pin>,
}

impl Follower {
    /// Runs until stopped, then makes the fold durable once more.
    pub(crate) fn run(self, mut reader: Box<dyn Reader>) {
        let mut records = Records::default();
        let mut checkpoint = (Instant::now(), reader.position().0);
        let mut expire_at = Instant::now();
        while !self.progress.stopped.load(Ordering::Acquire) {
            if expire_at <= Instant::now() {
                expire_at = Instant::now() + self.expire();
            }
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
                    let selected = parcels.len() as u64;
                    self.progress.selected.fetch_add(selected, Ordering::AcqRel);
                    self.progress.position.send_replace(end);
                    break;
                }
                Err(error) if !told => {
                    tracing::error!(%error, "retained messages and sessions can't be kept and wait");
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
        if retained().next().is_some() {
            let each = retained().map(|(_, record)| record);
            self.retained.fold(each, end)?;
        }
        let events = || records.iter().filter(|(_, record)| Kept::concerns(record));
        if events().next().is_some() {
            let each = events().map(|(offset, record)| (offset.0, record));
            self.kept.fold(each, &[], &[], end)?;
        }
        Ok(())
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
                self.fall_behind();
                return;
            }
            parcel = back;
            self.fanout.wait_room(ACTIVE);
        }
    }

    /// A parcel is dropped: whoever has QoS 1 or 2 reads the log instead.
    fn fall_behind(&self) {
        let delivered_end = self.progress.delivered_end.load(Ordering::Acquire);
        for session in self.sessions.all() {
            let mut state = session.state.lock();
            let live = !state.outbox.is_behind() && !state.filters.is_empty();
            if state.link.is_some() && live {
                let dropped = state.outbox.fall_behind(delivered_end);
                self.metrics.drop(Drop::QueueFull, dropped);
                self.metrics.sessions_behind.inc();
            }
            drop(state);
            self.catch_up.look_at(&session);
        }
        for group in self.sessions.groups.all() {
            if group.fall_behind(delivered_end) {
                self.metrics.sessions_behind.inc();
            }
        }
        self.progress.settled.fetch_add(1, Ordering::AcqRel);
    }

    fn checkpoint(&self, position: u64) {
        let passed = self.progress.passed();
        let snapshots = self.sessions.snapshots(position, passed);
        let groups = self.sessions.groups.snapshots(passed);
        let records = std::iter::empty();
        let kept = self.kept.fold(records, &snapshots, &groups, position);
        match kept.and_then(|()| self.retained.checkpoint(position)) {
            Ok(()) => {
                self.pin.advance(Offset(position));
                self.sessions.groups.let_go(&groups);
            }
            Err(error) => {
                tracing::error!(%error, "retained messages and sessions could not be made durable")
            }
        }
    }

    /// Gives up retained messages that have expired; says when to look again.
    fn expire(&self) -> Duration {
        let now_us = u64::try_from((self.clock)()).unwrap_or(0);
        match self.retained.expire(now_us, EXPIRED_MAX) {
            Ok(EXPIRED_MAX) => Duration::ZERO,
            Ok(_) => EXPIRE_EVERY,
            Err(error) => {
                tracing::error!(%error, "expired retained messages can't be given up and wait");
                self.checkpoint_every.max(EXPIRE_EVERY)
            }
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

/// A reader from the kept cursor, or from the nearest record that there is.
pub(crate) fn reader(log: &dyn Log, cursor: u64) -> Result<Box<dyn Reader>, ReadError> {
    match log.reader(Offset(cursor)) {
        Err(ReadError::Trimmed { start, asked }) => {
            tracing::warn!(
                ?asked,
                ?start,
                "the log begins behind the retained messages"
            );
            log.reader(start)
        }
        // The log was restored from an older copy than the database.
        Err(ReadError::Beyond { end, .. }) => log.reader(end),
        reader => reader,
    }
}
