//! What other threads may tell a connection: committed, close, look at your session.

use crate::codec::Reason;
use crate::connection::Lent;
use futures_util::task::AtomicWaker;
use nhip_log::{Committed, Offset};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};

/// The side of a connection that the committer, the fan-out, the sweeper and a later
/// connection of the same client see. Each call notes and wakes, or writes what a socket takes
/// at once; none blocks.
#[derive(Debug)]
pub(crate) struct Link {
    waker: AtomicWaker,
    /// One past the newest of its records that is durable.
    durable_end: AtomicU64,
    /// What the committer writes with while the connection rests.
    lent: Mutex<Option<Box<Lent>>>,
    log_failed: AtomicBool,
    /// The reason code to close with; 0 while there is none.
    closing: AtomicU8,
    /// The second, plus one, in which it was put off; 0 for never.
    throttled_tick: AtomicU32,
    /// Whether a later connection goes on with the same session.
    resumed: AtomicBool,
    /// The sweeper's second at which something was read last.
    seen_tick: AtomicU32,
    /// Whether it isn't read, so that its silence is ours.
    held_back: AtomicBool,
    /// Seconds without a packet after which it is cut; 0 for never.
    pub(crate) silence_s_max: AtomicU32,
}

impl Link {
    pub(crate) fn new(tick: u32) -> Self {
        Self {
            waker: AtomicWaker::new(),
            durable_end: AtomicU64::new(0),
            lent: Mutex::new(None),
            log_failed: AtomicBool::new(false),
            closing: AtomicU8::new(0),
            throttled_tick: AtomicU32::new(0),
            resumed: AtomicBool::new(false),
            seen_tick: AtomicU32::new(tick),
            held_back: AtomicBool::new(false),
            silence_s_max: AtomicU32::new(0),
        }
    }

    pub(crate) fn register(&self, waker: &std::task::Waker) {
        self.waker.register(waker);
    }

    pub(crate) fn wake(&self) {
        self.waker.wake();
    }

    /// Lets the committer acknowledge until [`Self::take_back`].
    pub(crate) fn lend(&self, lent: Box<Lent>) {
        *self.lent.lock() = Some(lent);
    }

    pub(crate) fn take_back(&self) -> Option<Box<Lent>> {
        self.lent.lock().take()
    }

    /// Whether everything that is due is written, so that the task needn't wake for it.
    fn acknowledge(&self) -> bool {
        // If the lock is taken the task is awake, and is told in any case.
        let Some(mut lent) = self.lent.try_lock() else {
            return false;
        };
        let Some(lent) = lent.as_mut() else {
            return false;
        };
        lent.acknowledge(self.durable_end())
    }

    /// Asks the connection to end; the first reason stays.
    pub(crate) fn close(&self, reason: Reason) {
        let first = self
            .closing
            .compare_exchange(0, reason.0, Ordering::AcqRel, Ordering::Acquire);
        if first.is_ok() {
            self.waker.wake();
        }
    }

    /// Ends it since the client came again; `resumed` says whether its session goes on.
    pub(crate) fn take_over(&self, resumed: bool) {
        self.resumed.store(resumed, Ordering::Release);
        self.close(Reason::SESSION_TAKEN_OVER);
    }

    pub(crate) fn closing(&self) -> Option<Reason> {
        match self.closing.load(Ordering::Acquire) {
            0 => None,
            reason => Some(Reason(reason)),
        }
    }

    pub(crate) fn resumed(&self) -> bool {
        self.resumed.load(Ordering::Acquire)
    }

    pub(crate) fn durable_end(&self) -> u64 {
        self.durable_end.load(Ordering::Acquire)
    }

    pub(crate) fn log_failed(&self) -> bool {
        self.log_failed.load(Ordering::Acquire)
    }

    pub(crate) fn see(&self, tick: u32) {
        self.seen_tick.store(tick, Ordering::Relaxed);
    }

    /// What it sends isn't read for now: the log is full, or it sent too much.
    pub(crate) fn hold_back(&self) {
        self.held_back.store(true, Ordering::Relaxed);
    }

    /// It is read again, and has been heard of until now.
    pub(crate) fn listen(&self, tick: u32) {
        if self.held_back.load(Ordering::Relaxed) {
            self.see(tick);
            self.held_back.store(false, Ordering::Release);
        }
    }

    /// Puts it off until after the second `tick`; says whether it wasn't already.
    pub(crate) fn throttle(&self, tick: u32) -> bool {
        let noted = tick.wrapping_add(1);
        self.throttled_tick.swap(noted, Ordering::AcqRel) != noted
    }

    /// Whether the client has been silent for longer than its keep-alive allows.
    pub(crate) fn is_silent(&self, tick: u32) -> bool {
        let allowed = self.silence_s_max.load(Ordering::Relaxed);
        let seen = self.seen_tick.load(Ordering::Relaxed);
        // Ticks are whole seconds, so one more is needed to be sure of the time.
        let is_late = allowed > 0 && tick.saturating_sub(seen) > allowed;
        is_late && !self.held_back.load(Ordering::Acquire)
    }
}

impl Committed for Link {
    fn committed(&self, last: Offset) {
        self.durable_end.fetch_max(last.next().0, Ordering::AcqRel);
        if !self.acknowledge() {
            self.waker.wake();
        }
    }

    fn failed(&self) {
        self.log_failed.store(true, Ordering::Release);
        self.waker.wake();
    }
}
