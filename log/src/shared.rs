//! What appends, the committer, the keeper and readers share.

use crate::{
    AppendError, Batch, Committed, Figures, Metrics, Offset, State, config::Config, disk::Disk,
    pins::Pins, queue::Queue, table::Table,
};
use parking_lot::{Condvar, Mutex, RwLock};
use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::{Notify, watch};

/// The wall clock, in microseconds since 1970.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) metrics: Metrics,
    pub(crate) clock: Clock,
    pub(crate) queue: Mutex<Queue>,
    /// Wakes the committer.
    pub(crate) work: Condvar,
    /// Wakes appends that found the queue full.
    pub(crate) room: Notify,
    pub(crate) table: RwLock<Table>,
    pub(crate) pins: Pins,
    /// Names of spares that may be taken.
    pub(crate) spares: Mutex<Vec<String>>,
    pub(crate) state: watch::Sender<State>,
    durable_end: AtomicU64,
    /// Held while waiting for commits and while telling of one.
    commits: Mutex<()>,
    committed: Condvar,
    /// Whether old segments may be trimmed by themselves.
    pub(crate) trimming: AtomicBool,
    /// Whether the committer must look at the free space before the next commit.
    pub(crate) space_due: AtomicBool,
    pub(crate) keeper: Keep,
}

/// Wakes the keeper, or ends it.
#[derive(Default)]
pub(crate) struct Keep {
    pub(crate) wake: Mutex<bool>,
    pub(crate) woken: Condvar,
    pub(crate) ended: AtomicBool,
}

impl Keep {
    pub(crate) fn nudge(&self) {
        *self.wake.lock() = true;
        self.woken.notify_all();
    }
}

impl Shared {
    pub(crate) fn new(
        config: Config,
        disk: Arc<dyn Disk>,
        metrics: Metrics,
        clock: Clock,
        table: Table,
        spares: Vec<String>,
    ) -> Self {
        let end = table.end();
        let state = State {
            start: Offset(table.start()),
            durable_end: Offset(end),
            ..State::default()
        };
        let queue = Queue {
            next: end,
            ..Queue::default()
        };
        Self {
            config,
            disk,
            metrics,
            clock,
            queue: Mutex::new(queue),
            work: Condvar::new(),
            room: Notify::new(),
            table: RwLock::new(table),
            pins: Pins::default(),
            spares: Mutex::new(spares),
            state: watch::Sender::new(state),
            durable_end: AtomicU64::new(end),
            commits: Mutex::new(()),
            committed: Condvar::new(),
            trimming: AtomicBool::new(false),
            space_due: AtomicBool::new(true),
            keeper: Keep::default(),
        }
    }

    pub(crate) fn append(
        &self,
        batch: &mut Batch,
        listener: Option<&Arc<dyn Committed>>,
    ) -> Result<Offset, AppendError> {
        self.check_sizes(batch)?;
        let mut queue = self.queue.lock();
        if let Some(reason) = &queue.closed {
            let reason = reason.clone();
            return Err(AppendError::Closed { reason });
        }
        if batch.is_empty() {
            return Ok(Offset(queue.next.saturating_sub(1)));
        }
        if queue.is_full(batch.framed().len(), &self.config) {
            let queued_bytes = queue.weight() as u64;
            return Err(AppendError::Full { queued_bytes });
        }
        let last = queue.take(batch, listener, &self.config);
        if queue.sleeping {
            queue.sleeping = false;
            self.work.notify_one();
        }
        Ok(last)
    }

    fn check_sizes(&self, batch: &Batch) -> Result<(), AppendError> {
        let mut framed = batch.framed();
        if framed.len() <= self.config.record_bytes_max {
            return Ok(());
        }
        while let Some(record) = crate::block::take_record(&mut framed) {
            if record.len() > self.config.record_bytes_max {
                return Err(AppendError::TooLarge {
                    bytes: record.len() as u64,
                    bytes_max: self.config.record_bytes_max as u64,
                });
            }
        }
        Ok(())
    }

    pub(crate) async fn room(&self) {
        loop {
            let mut notified = pin!(self.room.notified());
            // From here on no wake is missed.
            notified.as_mut().enable();
            if self.has_room() {
                return;
            }
            notified.await;
        }
    }

    fn has_room(&self) -> bool {
        let queue = self.queue.lock();
        queue.closed.is_some() || queue.weight() <= self.config.queue_bytes_max / 2
    }

    pub(crate) fn durable_end(&self) -> u64 {
        self.durable_end.load(Ordering::Acquire)
    }

    /// Shows a commit to readers and waiters; the table shows it already.
    pub(crate) fn publish_end(&self, end: u64) {
        let telling = self.commits.lock();
        // Before the state: who is woken by it must find the records.
        self.durable_end.store(end, Ordering::Release);
        self.state.send_modify(|state| {
            state.durable_end = Offset(end);
            state.stalled = None;
        });
        drop(telling);
        self.committed.notify_all();
    }

    /// Wakes everyone who waits, to see that it is over.
    pub(crate) fn wake_all(&self) {
        drop(self.commits.lock());
        self.committed.notify_all();
        self.room.notify_waiters();
    }

    pub(crate) fn wait(&self, offset: Offset, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut telling = self.commits.lock();
        loop {
            if self.durable_end() > offset.0 {
                return true;
            }
            if self.state.borrow().failed
                || self
                    .committed
                    .wait_until(&mut telling, deadline)
                    .timed_out()
            {
                return self.durable_end() > offset.0;
            }
        }
    }

    pub(crate) fn figures(&self) -> Figures {
        let table = self.table.read();
        let spares = self.spares.lock().len() as u64;
        Figures {
            bytes: table.bytes() + spares * self.config.segment_bytes,
            segments: table.segments.len() as u64,
            queued_bytes: self.queue.lock().weight() as u64,
        }
    }
}
