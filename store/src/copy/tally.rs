//! What was compared and found to be the same.

use super::digest::Digests;

/// Readings, pairs of series and day, and the sum of checksums that both stores have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) rows: u64,
    pub(crate) pairs: u64,
    pub(crate) checksum: u64,
}

impl Tally {
    /// Adds what a step found to be the same.
    pub(crate) fn add(&mut self, same: &Digests) {
        let total = same.total();
        self.rows += total.count;
        self.pairs += same.len();
        self.checksum = self.checksum.wrapping_add(total.checksum);
    }
}
