//! A log in memory whose commits the test controls.

use nhip_log::{
    AppendError, Batch, Committed, Figures, Log, Offset, Pin, ReadError, Reader, Records, State,
};
use parking_lot::{Condvar, Mutex};
use std::{
    future::Future,
    pin::Pin as FuturePin,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{Notify, watch};

#[derive(Default)]
struct Inner {
    records: Vec<Vec<u8>>,
    durable: usize,
    start: usize,
    listeners: Vec<(Arc<dyn Committed>, u64)>,
    /// Records that may be queued before it says that it is full.
    queue_max: usize,
    manual: bool,
    failed: bool,
}

pub struct MemoryLog {
    inner: Arc<Mutex<Inner>>,
    durable: Arc<Condvar>,
    room: Notify,
    /// Whether who wants a reader waits, and how many do.
    readers: Mutex<(bool, usize)>,
    let_read: Condvar,
    state: watch::Sender<State>,
}

impl MemoryLog {
    pub fn new() -> Arc<Self> {
        let inner = Inner {
            queue_max: usize::MAX,
            ..Inner::default()
        };
        Arc::new(Self {
            inner: Arc::new(Mutex::new(inner)),
            durable: Arc::default(),
            room: Notify::new(),
            readers: Mutex::default(),
            let_read: Condvar::new(),
            state: watch::Sender::new(State::default()),
        })
    }

    /// From now on nothing is durable until [`Self::commit`].
    pub fn hold(&self) {
        self.inner.lock().manual = true;
    }

    /// Refuses records while `queue_max` wait.
    pub fn limit(&self, queue_max: usize) {
        self.inner.lock().queue_max = queue_max;
    }

    /// From now on nobody gets a reader until [`Self::let_read`].
    pub fn hold_readers(&self) {
        self.readers.lock().0 = true;
    }

    /// How many wait for a reader.
    pub fn readers_waiting(&self) -> usize {
        self.readers.lock().1
    }

    pub fn let_read(&self) {
        self.readers.lock().0 = false;
        self.let_read.notify_all();
    }

    pub fn queued(&self) -> usize {
        let inner = self.inner.lock();
        inner.records.len() - inner.durable
    }

    pub fn records(&self) -> Vec<Vec<u8>> {
        self.inner.lock().records.clone()
    }

    /// The records that are messages, not what happened to sessions.
    pub fn messages(&self) -> Vec<Vec<u8>> {
        let mut records = self.records();
        records.retain(|record| record[0] == 1);
        records
    }

    /// Lets go of everything that is durable.
    pub fn trim(&self) {
        let mut inner = self.inner.lock();
        inner.start = inner.durable;
    }

    /// Makes everything queued durable.
    pub fn commit(&self) {
        let listeners = {
            let mut inner = self.inner.lock();
            inner.durable = inner.records.len();
            self.durable.notify_all();
            std::mem::take(&mut inner.listeners)
        };
        for (listener, last) in listeners {
            listener.committed(Offset(last));
        }
        self.room.notify_waiters();
        self.state.send_replace(self.state());
    }

    /// Fails for good, without a further commit.
    pub fn fail(&self) {
        let listeners = {
            let mut inner = self.inner.lock();
            inner.failed = true;
            std::mem::take(&mut inner.listeners)
        };
        for (listener, _) in listeners {
            listener.failed();
        }
    }
}

impl Log for MemoryLog {
    fn append(
        &self,
        batch: &mut Batch,
        listener: Option<&Arc<dyn Committed>>,
    ) -> Result<Offset, AppendError> {
        let (last, manual) = {
            let mut inner = self.inner.lock();
            if inner.failed {
                return Err(AppendError::Closed {
                    reason: "the test said so".into(),
                });
            }
            if inner.records.len() - inner.durable >= inner.queue_max {
                return Err(AppendError::Full { queued_bytes: 0 });
            }
            let mut framed = batch.framed();
            while let Some((length, rest)) = framed.split_first_chunk() {
                let (record, rest) = rest.split_at(u32::from_le_bytes(*length) as usize);
                inner.records.push(record.to_vec());
                framed = rest;
            }
            batch.clear();
            let last = inner.records.len() as u64 - 1;
            if let Some(listener) = listener {
                inner.listeners.push((Arc::clone(listener), last));
            }
            (last, inner.manual)
        };
        if !manual {
            self.commit();
        }
        Ok(Offset(last))
    }

    fn room(&self) -> FuturePin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            let room = self.room.notified();
            let full = {
                let inner = self.inner.lock();
                inner.records.len() - inner.durable >= inner.queue_max
            };
            if full {
                room.await;
            }
        })
    }

    fn state(&self) -> State {
        let inner = self.inner.lock();
        State {
            start: Offset(inner.start as u64),
            durable_end: Offset(inner.durable as u64),
            stalled: None,
            failed: inner.failed,
        }
    }

    fn watch(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    fn wait(&self, offset: Offset, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut inner = self.inner.lock();
        while inner.durable as u64 <= offset.0 {
            if self.durable.wait_until(&mut inner, deadline).timed_out() {
                return false;
            }
        }
        true
    }

    fn reader(&self, from: Offset) -> Result<Box<dyn Reader>, ReadError> {
        {
            let mut readers = self.readers.lock();
            readers.1 += 1;
            self.let_read.wait_while(&mut readers, |(held, _)| *held);
            readers.1 -= 1;
        }
        let start = Offset(self.inner.lock().start as u64);
        if from < start {
            return Err(ReadError::Trimmed { asked: from, start });
        }
        Ok(Box::new(MemoryReader {
            inner: Arc::clone(&self.inner),
            next: from.0,
        }))
    }

    fn pin(&self, _: &str, _: Offset) -> Box<dyn Pin> {
        Box::new(NoPin)
    }

    fn figures(&self) -> Figures {
        Figures::default()
    }
}

struct MemoryReader {
    inner: Arc<Mutex<Inner>>,
    next: u64,
}

impl Reader for MemoryReader {
    fn read(&mut self, records: &mut Records, _: usize) -> Result<(), ReadError> {
        records.clear();
        let inner = self.inner.lock();
        while self.next < inner.durable as u64 {
            records.push(Offset(self.next), &inner.records[self.next as usize]);
            self.next += 1;
        }
        Ok(())
    }

    fn position(&self) -> Offset {
        Offset(self.next)
    }
}

struct NoPin;

impl Pin for NoPin {
    fn advance(&self, _: Offset) {}
}
