//! The work of a shard, batch by batch.

use super::{Batch, Fold, Halt, Stored, checkpoint::Written, stride::Stride};
use crate::{
    config::Clock,
    feed::Feed,
    latest::Latest,
    metrics::{Meter, Metrics},
    rules::Rules,
};
use nhip_log::{Log, Offset, Pin, ReadError, Reader, Records};
use parking_lot::RwLock;
use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

/// A shard and its place in the log.
pub(crate) struct Shard {
    pub(crate) fold: Fold,
    pub(crate) stored: Stored,
    pub(crate) log: Arc<dyn Log>,
    pub(crate) reader: Box<dyn Reader>,
    pub(crate) pin: Box<dyn Pin>,
    pub(crate) latest: Arc<Latest>,
    pub(crate) feed: Arc<Feed>,
    pub(crate) rules: Arc<RwLock<Arc<Rules>>>,
    pub(crate) metrics: Metrics,
    pub(crate) clock: Clock,
    pub(crate) meter: Meter,
    pub(crate) written: Written,
    pub(crate) position: u64,
    /// Records before this offset may have been folded before a crash that the store kept
    /// their rows in; 0 if it keeps none.
    pub(crate) folded_before: u64,
    pub(crate) work: Work,
}

/// Memory that is used again, and what is due.
#[derive(Default)]
pub(crate) struct Work {
    batch: Batch,
    records: Records,
    stride: Stride,
    rows: u64,
    /// The position of the last checkpoint.
    durable: u64,
    since: Option<Instant>,
    behind: Option<Progress>,
}

/// Since when a shard is behind.
struct Progress {
    told: Instant,
}

/// What one step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It folded a batch.
    Folded,
    /// There was nothing to fold.
    Idle,
}

/// How long an idle shard waits for the log before it looks whether it shall stop.
const IDLE: Duration = Duration::from_millis(100);
/// Work that takes longer tells how far it is.
const PROGRESS: Duration = Duration::from_secs(2);

impl Work {
    /// Nothing is due: the checkpoint is at `position`.
    pub(crate) fn at(position: u64) -> Self {
        Self {
            durable: position,
            ..Self::default()
        }
    }
}

impl Shard {
    /// Folds until it is stopped, then makes a last checkpoint.
    pub(crate) fn run(mut self) {
        let outcome = self.until_stopped();
        match outcome {
            Ok(()) | Err(Halt::Stopped) => {}
            Err(Halt::Failed(reason)) => {
                tracing::error!(shard = self.fold.shard, %reason, "the fold has ended");
                self.fold.shared.board().failed = Some(reason);
            }
        }
    }

    fn until_stopped(&mut self) -> Result<(), Halt> {
        while !self.stored.stop.is_stopped() {
            if self.step()? == Step::Idle {
                self.log.wait(Offset(self.position), IDLE);
            }
            if self.is_checkpoint_due() {
                self.checkpoint()?;
            }
        }
        self.checkpoint()
    }

    /// Folds the next batch, if there is one.
    pub(crate) fn step(&mut self) -> Result<Step, Halt> {
        self.read()?;
        if self.work.records.is_empty() {
            self.work.behind = None;
            let mut board = self.fold.shared.board();
            board.fresh_us = (self.clock)();
            return Ok(Step::Idle);
        }
        self.fold.follow(&self.rules.read());
        let again = self.position < self.folded_before;
        self.stored.may_have_itself.store(again, Ordering::Relaxed);
        let work = &mut self.work;
        work.since.get_or_insert_with(Instant::now);
        work.batch.clear();
        let mut received_us = 0;
        for (offset, record) in work.records.iter() {
            let received = self
                .fold
                .fold(offset.0, record, &mut work.batch, &self.stored)?;
            received_us = received.unwrap_or(received_us);
        }
        let end = self.reader.position().0;
        let timer = self.metrics.append_seconds.start_timer();
        let held_up = |fold: &Fold, batch: &Batch| fold.show_pending(batch, end);
        self.fold.append(&work.batch, &self.stored, held_up)?;
        timer.observe_duration();
        let (bytes, rows) = (work.records.bytes(), work.batch.rows.len());
        work.stride.learn(bytes, rows, &self.fold.config);
        self.publish(end, received_us);
        self.tell_progress();
        Ok(Step::Folded)
    }

    fn read(&mut self) -> Result<(), Halt> {
        let bytes_max = self.work.stride.bytes(&self.fold.config);
        let (reader, records) = (&mut self.reader, &mut self.work.records);
        self.stored.until("the log", || {
            reader
                .read(records, bytes_max)
                .map_err(|error| match error {
                    ReadError::Io { .. } => super::halt::Held::Outage(error.to_string()),
                    error => super::halt::Held::Fatal(error.to_string()),
                })
        })
    }

    /// Shows what the store has taken: the newest readings first, then the figures that say
    /// that they are there, then the feed.
    fn publish(&mut self, end: u64, received_us: i64) {
        let batch = &mut self.work.batch;
        self.latest.offer(&batch.rows);
        self.fold.settle(batch, &mut self.written);
        {
            let shared = Arc::clone(&self.fold.shared);
            let mut board = shared.board();
            for &slot in &batch.touched {
                board.show(slot, self.fold.devices.get(slot));
            }
            board.show_totals(&self.fold.totals, 0);
            for (offset, missing) in &batch.missing {
                board.miss(*offset, missing);
            }
            board.position = end;
            board.reached = end;
            board.fresh_us = board.fresh_us.max(received_us);
        }
        self.feed
            .publish(self.fold.shard, end, &batch.places, &batch.rows);
        self.meter.show(&self.metrics, &self.fold.totals);
        self.position = end;
        self.work.rows += batch.rows.len() as u64;
    }

    fn is_checkpoint_due(&self) -> bool {
        let config = &self.fold.config;
        let interval = Duration::from_secs(config.checkpoint_interval_s.into());
        self.work.rows >= config.checkpoint_rows / u64::from(config.shards)
            || self.fold.letters.pending_bytes > config.letters_pending_bytes_max
            || self
                .work
                .since
                .is_some_and(|since| since.elapsed() >= interval)
    }

    /// Makes everything folded durable and lets the log go behind it.
    pub(crate) fn checkpoint(&mut self) -> Result<(), Halt> {
        if self.position == self.work.durable && self.work.since.is_none() {
            return Ok(());
        }
        let log_start = self.log.state().start.0;
        self.fold
            .checkpoint(self.position, log_start, &mut self.written, &self.stored)?;
        self.pin.advance(Offset(self.position));
        self.work.durable = self.position;
        self.work.rows = 0;
        self.work.since = None;
        Ok(())
    }

    fn tell_progress(&mut self) {
        let end = self.log.state().durable_end.0;
        let told = self.work.behind.get_or_insert_with(|| Progress {
            told: Instant::now(),
        });
        if told.told.elapsed() < PROGRESS {
            return;
        }
        told.told = Instant::now();
        tracing::info!(
            shard = self.fold.shard,
            position = self.position,
            unread = end.saturating_sub(self.position),
            "catching up with the log"
        );
    }
}

impl Fold {
    /// Shows a batch that the store does not take now: what is accepted is pending.
    fn show_pending(&self, batch: &Batch, end: u64) {
        let mut board = self.shared.board();
        for &slot in &batch.touched {
            if let Some(tracked) = self.devices.peek(slot) {
                board.show(slot, tracked);
            }
        }
        board.show_totals(&self.totals, batch.rows.len() as u64);
        board.reached = end;
    }

    /// Counts what the store has taken.
    fn settle(&mut self, batch: &Batch, written: &mut Written) {
        let mut stored = 0;
        for &slot in &batch.touched {
            let tracked = self.devices.get(slot);
            tracked.touched = false;
            tracked.state.figures.stored += tracked.pending;
            stored += tracked.pending;
            tracked.pending = 0;
            if !tracked.dirty {
                tracked.dirty = true;
                written.devices.push(slot);
            }
        }
        self.totals.store(stored);
    }
}
