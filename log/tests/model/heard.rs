//! The listener of the runs.

use nhip_log::{Committed, Offset};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What the listener of all appends heard.
#[derive(Default)]
pub struct Heard {
    pub behind: AtomicU64,
    pub failed: AtomicBool,
}

impl Committed for Heard {
    fn committed(&self, last: Offset) {
        self.behind.fetch_max(last.0 + 1, Ordering::SeqCst);
    }
    fn failed(&self) {
        self.failed.store(true, Ordering::SeqCst);
    }
}
