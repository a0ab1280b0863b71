//! Whether a device sends again what it needn't.

use super::Finding;

/// A larger part of repeated readings isn't due to lost acknowledgements.
const SHARE_MAX: f64 = 0.1;
/// A client that resumes its session sends again before it says that it is on line: within this, ms.
const RESUMED_MS: i64 = 10_000;

/// Readings that came again.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    total: u64,
    /// Those that no new connection explains.
    needless: u64,
    /// Those that a new connection may explain yet, and when the first of them came, ms.
    doubtful: (u64, i64),
    connections: u64,
}

impl Repeats {
    /// Takes note of what the device, or its will, says of its connection.
    pub(super) fn connected(&mut self, at_ms: i64) {
        self.settle(at_ms);
        self.doubtful.0 = 0;
        self.connections += 1;
    }

    /// How often a connection was told of.
    pub(super) fn connections(&self) -> u64 {
        self.connections
    }

    /// Takes a reading that came first when so many connections had been told of.
    pub(super) fn see(&mut self, connections: u64, at_ms: i64) {
        self.settle(at_ms);
        self.total += 1;
        if connections == self.connections {
            if self.doubtful.0 == 0 {
                self.doubtful.1 = at_ms;
            }
            self.doubtful.0 += 1;
        }
    }

    /// How many came again.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// What is wrong with them, among so many readings.
    pub(super) fn finding(&self, readings: u64) -> Option<Finding> {
        let needless = self.needless + self.doubtful.0;
        if needless > 0 {
            return Some(Finding::Needless(needless));
        }
        let many = self.total as f64 > SHARE_MAX * readings as f64;
        many.then_some(Finding::Repeats(self.total))
    }

    fn settle(&mut self, at_ms: i64) {
        if at_ms.saturating_sub(self.doubtful.1) > RESUMED_MS {
            self.needless += std::mem::take(&mut self.doubtful.0);
        }
    }
}
