//! What the sampling side and the link side of a node both see.

use crate::{
    LEAVE_WAIT_US, RESTART_WAIT_US, STALL_US,
    config::Config,
    flash::Store,
    platform::{Clock, Platform},
    reading::{CHANNELS_MAX, Channel},
    schedule::Schedule,
    threshold::Thresholds,
    time::Timekeeper,
};
use core::{
    cell::{Cell, RefCell},
    pin::Pin,
};
use embassy_futures::select::{Either, select};
use embassy_sync::{blocking_mutex::raw::NoopRawMutex, signal::Signal};
use heapless::Vec;

/// A device's channels: its instruments' first, then those on which it reports on itself.
pub(crate) type Channels = Vec<Channel, CHANNELS_MAX>;

pub(crate) struct Shared<'a, P: Platform> {
    pub(crate) config: &'a Config<'a>,
    pub(crate) channels: &'a Channels,
    pub(crate) clock: &'a P::Clock,
    pub(crate) store: &'a RefCell<Store<P::Flash>>,
    pub(crate) time: &'a RefCell<Timekeeper>,
    pub(crate) journal: &'a RefCell<P::Journal>,
    pub(crate) system: &'a RefCell<P::System>,
    pub(crate) schedule: &'a RefCell<Schedule>,
    pub(crate) thresholds: &'a RefCell<Thresholds>,
    /// Something is to be sent, or to be sent sooner.
    pub(crate) wake_link: Signal<NoopRawMutex, ()>,
    /// The clock was set, or what commands have set is to be put into force.
    pub(crate) wake_sampler: Signal<NoopRawMutex, ()>,
    /// When the oldest unsent reading was queued, uptime µs.
    pub(crate) unsent_since: Cell<Option<u64>>,
    /// A threshold was crossed: send at once.
    pub(crate) urgent: Cell<bool>,
    /// A command has changed periods or thresholds.
    pub(crate) resettle: Cell<bool>,
    /// What is in flight must not be sent again as it is: its ages or its size would be wrong.
    pub(crate) anew: Cell<bool>,
    /// From then on readings are sent without a time if the clock isn't set, uptime µs.
    pub(crate) undated_at_us: Cell<u64>,
    /// But not before that, after an outage.
    pub(crate) settled_at_us: Cell<Option<u64>>,
    /// When a command asked for a restart, uptime µs.
    pub(crate) restart_asked_us: Cell<Option<u64>>,
    /// How much later, or earlier, than other devices this one sends, µs.
    pub(crate) spread_us: u64,
    /// Until when the device makes itself found, uptime µs.
    pub(crate) identify_until: Cell<Option<u64>>,
    /// By when each loop has taken its next step, uptime µs; else it hangs.
    pub(crate) sampler_by: Cell<u64>,
    pub(crate) link_by: Cell<u64>,
}

impl<P: Platform> Shared<'_, P> {
    pub(crate) fn now(&self) -> u64 {
        self.clock.uptime_us()
    }

    /// The sampling side is all right and takes its next step by then.
    pub(crate) fn sampler_waits(&self, until_us: u64) {
        self.sampler_by.set(until_us.saturating_add(STALL_US));
    }

    /// The link side is all right and takes its next step by then.
    pub(crate) fn link_waits(&self, until_us: u64) {
        self.link_by.set(until_us.saturating_add(STALL_US));
    }

    /// Whether a loop hangs.
    pub(crate) fn hangs(&self) -> bool {
        self.now() > self.sampler_by.get().min(self.link_by.get())
    }

    /// By when a restart that was asked for doesn't wait for what is in flight any more.
    pub(crate) fn leave_by_us(&self) -> Option<u64> {
        let asked_us = self.restart_asked_us.get()?;
        Some(asked_us + LEAVE_WAIT_US)
    }

    /// By when it has come, whatever the link does.
    pub(crate) fn restart_by_us(&self) -> u64 {
        let asked_us = self.restart_asked_us.get();
        asked_us.map_or(u64::MAX, |asked_us| asked_us + RESTART_WAIT_US)
    }

    /// What a future gives, unless it takes longer than that.
    ///
    /// By reference: the future has one place in memory, its caller's, and there is one such
    /// function for each kind of value instead of one for each future.
    pub(crate) async fn within<T>(
        &self,
        limit_us: u64,
        future: Pin<&mut dyn Future<Output = T>>,
    ) -> Option<T> {
        let deadline = self.now().saturating_add(limit_us);
        match select(future, self.clock.sleep_until(deadline)).await {
            Either::First(value) => Some(value),
            Either::Second(()) => None,
        }
    }
}
