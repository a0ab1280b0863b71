//! What consumers still need.

use crate::{Offset, Pin};
use parking_lot::Mutex;
use std::sync::{
    Arc, Weak,
    atomic::{AtomicU64, Ordering},
};

/// The pins that are held.
#[derive(Debug, Default)]
pub(crate) struct Pins {
    held: Mutex<Vec<Weak<Held>>>,
}

#[derive(Debug)]
struct Held {
    name: String,
    offset: AtomicU64,
}

impl Pins {
    pub(crate) fn hold(&self, name: &str, from: Offset) -> Box<dyn Pin> {
        let held = Arc::new(Held {
            name: name.to_owned(),
            offset: AtomicU64::new(from.0),
        });
        let mut all = self.held.lock();
        all.retain(|pin| pin.strong_count() > 0);
        all.push(Arc::downgrade(&held));
        Box::new(HeldPin(held))
    }

    /// The smallest pinned offset and whose it is.
    pub(crate) fn smallest(&self) -> Option<(u64, String)> {
        let held = self.held.lock();
        let pins = held.iter().filter_map(Weak::upgrade);
        pins.map(|pin| (pin.offset.load(Ordering::Acquire), pin.name.clone()))
            .min()
    }
}

struct HeldPin(Arc<Held>);

impl Pin for HeldPin {
    fn advance(&self, offset: Offset) {
        self.0.offset.fetch_max(offset.0, Ordering::AcqRel);
    }
}
