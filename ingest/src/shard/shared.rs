//! What a shard shows: written by its thread once a batch, read by anybody.

use super::devices::Tracked;
use crate::{
    state::{Entry, Figures, Missing, PAGE_OFFSETS, Totals, append_exception},
    view::Reconciliation,
};
use parking_lot::{Mutex, MutexGuard};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// What names no device is counted under this.
pub(crate) const UNKNOWN: &str = "_unknown";
/// Devices beyond the bound on unregistered ones are counted under this.
pub(crate) const OTHER: &str = "_other";

/// A device as it is shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    pub(crate) figures: Figures,
    pub(crate) pending: u64,
    pub(crate) last_seen_us: i64,
    pub(crate) status: Option<Arc<str>>,
}

/// All that is shown, under one lock.
#[derive(Debug, Default)]
pub(crate) struct Board {
    pub(crate) names: BTreeMap<Arc<str>, u32>,
    pub(crate) devices: Vec<Shown>,
    pub(crate) totals: Figures,
    pub(crate) pending: u64,
    /// The first record that is not folded.
    pub(crate) position: u64,
    /// The first record that it has not looked at: ahead of `position` while the store holds
    /// it up.
    pub(crate) reached: u64,
    /// When the newest folded record was received, or the fold was last at the end of the log.
    pub(crate) fresh_us: i64,
    /// Whether the store or the registry holds it up.
    pub(crate) held_up: bool,
    /// What ended it.
    pub(crate) failed: Option<String>,
    pub(crate) letters: BTreeMap<u64, Arc<Entry>>,
    pub(crate) letters_bytes: u64,
    /// Payloads that are in no checkpoint yet.
    pub(crate) payloads: HashMap<u64, Arc<[u8]>>,
    /// Pages of exceptions that are in no checkpoint yet, and the newest one.
    pub(crate) exceptions: BTreeMap<u64, Page>,
}

/// A page of exceptions that is still written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    pub(crate) bytes: Vec<u8>,
    pub(crate) last: Option<u64>,
}

/// The board of one shard.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    board: Mutex<Board>,
}

impl Shared {
    pub(crate) fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock()
    }
}

impl Board {
    pub(crate) fn show(&mut self, slot: u32, tracked: &Tracked) {
        let slot = slot as usize;
        while self.devices.len() <= slot {
            self.devices.push(Shown::default());
        }
        let shown = &mut self.devices[slot];
        if shown.last_seen_us == 0 && !self.names.contains_key(&tracked.name) {
            let number = u32::try_from(slot).unwrap_or(u32::MAX);
            self.names.insert(Arc::clone(&tracked.name), number);
        }
        shown.figures = tracked.state.figures;
        shown.pending = tracked.pending;
        shown.last_seen_us = tracked.state.last_seen_us;
        if shown.status != tracked.state.status {
            shown.status.clone_from(&tracked.state.status);
        }
    }

    pub(crate) fn show_totals(&mut self, totals: &Totals, pending: u64) {
        self.totals = totals.figures;
        self.pending = pending;
    }

    pub(crate) fn device(&self, name: &str) -> Option<&Shown> {
        self.names
            .get(name)
            .and_then(|&slot| self.devices.get(slot as usize))
    }

    pub(crate) fn miss(&mut self, offset: u64, missing: &Missing) {
        let page = self.exceptions.entry(offset / PAGE_OFFSETS).or_default();
        append_exception(&mut page.bytes, page.last, offset, missing);
        page.last = Some(offset);
    }
}

impl Shown {
    pub(crate) fn reconciliation(&self) -> Reconciliation {
        reconciliation(self.figures, self.pending)
    }
}

/// The figures as they are shown; `unread` is the platform's.
pub(crate) fn reconciliation(figures: Figures, pending: u64) -> Reconciliation {
    Reconciliation {
        received: figures.received,
        stored: figures.stored,
        duplicate: figures.duplicate,
        rejected: figures.rejected,
        pending,
        unread: 0,
    }
}
