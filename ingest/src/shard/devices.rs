//! The devices of a shard.

use super::validate::Stream;
use crate::{
    directory::Directory,
    state::{self, Account, Series},
};
use nhip_registry::Datastream;
use std::{collections::HashMap, sync::Arc};

/// A device of this shard: its state, and what is remembered of the registry.
#[derive(Debug)]
pub(crate) struct Tracked {
    pub(crate) name: Arc<str>,
    pub(crate) state: state::Device,
    /// Accepted in this batch and not yet in the store.
    pub(crate) pending: u64,
    pub(crate) registered: Option<Arc<nhip_registry::Device>>,
    pub(crate) streams: Vec<Stream>,
    /// Where the next datastream of a message is looked for first.
    next: usize,
    /// The registry's version that `registered` is of.
    version: Option<u64>,
    /// Whether it is in the list of this batch, and of those to write.
    pub(crate) touched: bool,
    pub(crate) dirty: bool,
}

impl Tracked {
    fn new(name: Arc<str>, state: state::Device) -> Self {
        Self {
            name,
            state,
            pending: 0,
            registered: None,
            streams: Vec::new(),
            next: 0,
            version: None,
            touched: false,
            dirty: false,
        }
    }

    /// Looks at the registry again if it has changed.
    fn refresh(&mut self, directory: &dyn Directory, version: u64) {
        if self.version == Some(version) {
            return;
        }
        self.version = Some(version);
        let found = directory.device(&self.name);
        let same = match (&found, &self.registered) {
            (Some(found), Some(known)) => Arc::ptr_eq(found, known),
            (None, None) => true,
            _ => false,
        };
        if !same {
            self.registered = found;
            self.streams.clear();
            self.next = 0;
        }
    }

    /// The remembered datastream of this name.
    pub(crate) fn stream(&mut self, name: &str) -> Option<usize> {
        let is_it = |stream: &Stream| &*stream.datastream.name == name;
        if !self.streams.get(self.next).is_some_and(is_it) {
            self.next = self.streams.iter().position(is_it)?;
        }
        let at = self.next;
        self.next = if at + 1 < self.streams.len() {
            at + 1
        } else {
            0
        };
        Some(at)
    }

    /// Remembers a datastream.
    pub(crate) fn remember(&mut self, datastream: Arc<Datastream>) -> usize {
        let series = datastream.series;
        let known = self
            .state
            .series
            .iter()
            .position(|known| known.series == series);
        let at = known.unwrap_or_else(|| {
            self.state.series.push(Series::new(series));
            self.state.series.len() - 1
        });
        self.streams.push(Stream::new(datastream, at));
        self.next = 0;
        self.streams.len() - 1
    }
}

/// All of them, by name and by slot.
#[derive(Debug, Default)]
pub(crate) struct Devices {
    slots: HashMap<Arc<str>, u32>,
    tracked: Vec<Tracked>,
    /// The slot that was asked for last: most often it is asked for again.
    last: u32,
    unregistered: u32,
    unregistered_max: u32,
}

impl Devices {
    pub(crate) fn new(unregistered_max: u32) -> Self {
        Self {
            unregistered_max,
            ..Self::default()
        }
    }

    pub(crate) fn get(&mut self, slot: u32) -> &mut Tracked {
        &mut self.tracked[slot as usize]
    }

    pub(crate) fn peek(&self, slot: u32) -> Option<&Tracked> {
        self.tracked.get(slot as usize)
    }

    /// Takes a device over from a checkpoint, or makes one of the collecting accounts.
    pub(crate) fn insert(&mut self, name: Arc<str>, state: state::Device) -> u32 {
        let slot = u32::try_from(self.tracked.len()).unwrap_or(u32::MAX);
        if !state.registered && !name.starts_with('_') {
            self.unregistered += 1;
        }
        self.slots.insert(Arc::clone(&name), slot);
        self.tracked.push(Tracked::new(name, state));
        slot
    }

    /// The slot that readings of a device are counted in, with the registry's present view
    /// of it.
    pub(crate) fn slot(
        &mut self,
        name: &str,
        directory: &dyn Directory,
        version: u64,
    ) -> (u32, Account) {
        if let Some(slot) = self.find(name) {
            self.last = slot;
            self.tracked[slot as usize].refresh(directory, version);
            self.note_registered(slot);
            return (slot, Account::Own);
        }
        let full = self.unregistered >= self.unregistered_max;
        if full && directory.device(name).is_none() {
            return (self.account(Account::Other), Account::Other);
        }
        let slot = self.insert(name.into(), state::Device::default());
        self.tracked[slot as usize].refresh(directory, version);
        self.note_registered(slot);
        (slot, Account::Own)
    }

    /// The slot of this name, if it has one.
    pub(crate) fn find(&self, name: &str) -> Option<u32> {
        match self.tracked.get(self.last as usize) {
            Some(last) if *last.name == *name => Some(self.last),
            _ => self.slots.get(name).copied(),
        }
    }

    /// The slot of a collecting account.
    pub(crate) fn account(&mut self, account: Account) -> u32 {
        let name = match account {
            Account::Other => super::OTHER,
            Account::Own | Account::Unknown => super::UNKNOWN,
        };
        match self.slots.get(name) {
            Some(&slot) => slot,
            None => self.insert(name.into(), state::Device::default()),
        }
    }

    /// Takes over a registration.
    pub(crate) fn register(&mut self, slot: u32, device: Arc<nhip_registry::Device>) {
        self.tracked[slot as usize].registered = Some(device);
        self.note_registered(slot);
    }

    fn note_registered(&mut self, slot: u32) {
        let tracked = &mut self.tracked[slot as usize];
        if tracked.registered.is_some() && !tracked.state.registered {
            tracked.state.registered = true;
            self.unregistered = self.unregistered.saturating_sub(1);
        }
    }
}
