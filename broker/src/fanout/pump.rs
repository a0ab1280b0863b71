//! Moves parcels through the router and replaces the router when it fails.

use super::opening::open;
use super::{Carrier, CarrierError, Deliver, Engine, Fanout, Parcel};
use crate::metrics::Metrics;
use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use std::{
    collections::VecDeque,
    sync::Arc,
    sync::atomic::Ordering,
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// Bytes and parcels that are in the router at one time at most: less than it keeps, so that
/// nothing falls out of it.
const UNDER_WAY_BYTES_MAX: usize = 4 << 20;
const UNDER_WAY_MAX: usize = 64;
/// Time without work after which an empty parcel is sent through as a canary.
const CANARY: Duration = Duration::from_secs(1);
/// From one rebuilding to the next at least: what a dead router leaves behind is bounded by it.
const REBUILD_PAUSE: Duration = Duration::from_millis(250);
const SEQUENCE_BYTES: usize = 8;

#[derive(Debug, Default)]
struct Queue {
    parcels: VecDeque<Parcel>,
    bytes: usize,
    stopped: bool,
}

impl Queue {
    fn has_room(&self, parcel: &Parcel, bytes_max: usize) -> bool {
        let left = bytes_max.saturating_sub(self.bytes);
        // Who has the most waiting finds no room first, and leaves as much as it has.
        let own = parcel.source.as_ref();
        let own = own.map_or(0, |source| source.waiting.load(Ordering::Relaxed));
        own + parcel.bytes.len() <= left || self.parcels.is_empty()
    }

    fn push(&mut self, parcel: Parcel) {
        let bytes = parcel.bytes.len();
        self.bytes += bytes;
        if let Some(source) = &parcel.source {
            source.waiting.fetch_add(bytes, Ordering::Relaxed);
        }
        self.parcels.push_back(parcel);
    }

    fn pop(&mut self) -> Option<Parcel> {
        let parcel = self.parcels.pop_front()?;
        let bytes = parcel.bytes.len();
        self.bytes -= bytes;
        if let Some(source) = &parcel.source {
            source.waiting.fetch_sub(bytes, Ordering::Relaxed);
        }
        Some(parcel)
    }
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    work: Condvar,
    room: Condvar,
    bytes_max: usize,
}

/// Fan-out through a router of its own, on one thread of its own.
///
/// What is under way is kept until it has come out, so a router that dies loses nothing: the
/// next one carries it again.
#[derive(Debug)]
pub struct RouterFanout {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl RouterFanout {
    /// Starts it. At most `bytes_max` wait; a router that is silent for `stall` is replaced.
    pub fn start(
        engine: impl Engine,
        far_end: Arc<dyn Deliver>,
        metrics: Metrics,
        bytes_max: usize,
        stall: Duration,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            work: Condvar::new(),
            room: Condvar::new(),
            bytes_max,
        });
        let mut pump = Pump {
            shared: Arc::clone(&shared),
            engine: Arc::new(engine),
            carrier: None,
            rebuilt: None,
            far_end,
            metrics,
            stall,
            under_way: VecDeque::new(),
            sequence: 0,
        };
        let thread = std::thread::Builder::new()
            .name("nhip-fanout".into())
            .spawn(move || pump.run())?;
        Ok(Self {
            shared,
            thread: Mutex::new(Some(thread)),
        })
    }
}

impl Fanout for RouterFanout {
    fn submit(&self, parcel: Parcel) -> Result<(), Parcel> {
        let mut queue = self.shared.queue.lock();
        if !queue.has_room(&parcel, self.shared.bytes_max) {
            return Err(parcel);
        }
        queue.push(parcel);
        drop(queue);
        self.shared.work.notify_one();
        Ok(())
    }

    fn wait_room(&self, timeout: Duration) {
        let mut queue = self.shared.queue.lock();
        if queue.bytes > self.shared.bytes_max / 2 && !queue.stopped {
            self.shared.room.wait_for(&mut queue, timeout);
        }
    }

    fn has_failed(&self) -> bool {
        let stopped = self.shared.queue.lock().stopped;
        let thread = self.thread.lock();
        !stopped && thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    fn stop(&self) {
        self.shared.queue.lock().stopped = true;
        self.shared.work.notify_all();
        self.shared.room.notify_all();
        let thread = self.thread.lock().take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the fan-out thread ended in a panic");
        }
    }
}

struct Pump<E> {
    shared: Arc<Shared>,
    engine: Arc<E>,
    carrier: Option<Box<dyn Carrier>>,
    /// When the last router was replaced.
    rebuilt: Option<Instant>,
    far_end: Arc<dyn Deliver>,
    metrics: Metrics,
    stall: Duration,
    under_way: VecDeque<(u64, Bytes)>,
    sequence: u64,
}

impl<E: Engine> Pump<E> {
    fn run(&mut self) {
        while let Some(parcels) = self.next() {
            let from = self.under_way.len();
            for parcel in parcels {
                self.sequence += 1;
                let mut bytes = Vec::with_capacity(SEQUENCE_BYTES + parcel.bytes.len());
                bytes.extend_from_slice(&self.sequence.to_le_bytes());
                bytes.extend_from_slice(&parcel.bytes);
                self.under_way.push_back((self.sequence, bytes.into()));
            }
            let mut outcome = self.carry(from);
            while let Err(error) = outcome {
                if self.is_stopped_in_a_pause() {
                    return;
                }
                let under_way = self.under_way.len();
                tracing::error!(%error, under_way, "rebuilding the fan-out router");
                self.metrics.router_rebuilds.inc();
                self.rebuilt = Some(Instant::now());
                self.carrier = None;
                outcome = self.carry(0);
            }
        }
    }

    /// Waits until a router may be rebuilt again; whether it was stopped before.
    fn is_stopped_in_a_pause(&self) -> bool {
        let until = self.rebuilt.map(|rebuilt| rebuilt + REBUILD_PAUSE);
        let mut queue = self.shared.queue.lock();
        while let Some(until) = until.filter(|until| Instant::now() < *until)
            && !queue.stopped
        {
            self.shared.work.wait_until(&mut queue, until);
        }
        queue.stopped
    }

    /// The next parcels, one empty one if none come for a while; `None` when stopped.
    fn next(&self) -> Option<Vec<Parcel>> {
        let mut queue = self.shared.queue.lock();
        let deadline = Instant::now() + CANARY;
        while queue.parcels.is_empty() && !queue.stopped {
            if self
                .shared
                .work
                .wait_until(&mut queue, deadline)
                .timed_out()
            {
                return Some(vec![Parcel::default()]);
            }
        }
        if queue.stopped {
            return None;
        }
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while let Some(parcel) = queue.parcels.front()
            && taken.len() < UNDER_WAY_MAX
            && (taken.is_empty() || bytes + parcel.bytes.len() <= UNDER_WAY_BYTES_MAX)
        {
            bytes += parcel.bytes.len();
            taken.extend(queue.pop());
        }
        drop(queue);
        self.shared.room.notify_all();
        Some(taken)
    }

    /// Sends what is under way from index `from` on, and receives until all has come out.
    fn carry(&mut self, from: usize) -> Result<(), CarrierError> {
        let carrier = match &mut self.carrier {
            Some(carrier) => carrier,
            none => none.insert(open(&self.engine, self.stall)?),
        };
        let parcels: Vec<Bytes> = self
            .under_way
            .range(from..)
            .map(|(_, p)| p.clone())
            .collect();
        carrier.send(&parcels)?;
        while !self.under_way.is_empty() {
            let deadline = Instant::now() + self.stall;
            let Some(parcel) = carrier.receive(deadline)? else {
                return Err(CarrierError("it answers nothing".into()));
            };
            let Some((sequence, _)) = parcel.split_first_chunk() else {
                continue;
            };
            let sequence = u64::from_le_bytes(*sequence);
            // What the router skipped is delivered from our own copy.
            while let Some((next, parcel)) = self.under_way.front()
                && *next <= sequence
            {
                self.far_end.deliver(&parcel[SEQUENCE_BYTES..]);
                self.under_way.pop_front();
            }
        }
        Ok(())
    }
}
