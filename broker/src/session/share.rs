//! Memory for what is on its way to clients, which all of them share.
//!
//! What one may have is never more than what is left for all (dynamic thresholds: Choudhury and
//! Hahne, IEEE/ACM Transactions on Networking 6(2), 1998). So a few that are slow have all that
//! their own bound allows, and many have equal parts: nobody has to be found who gives way, and
//! something is always left for those who read.

use prometheus::IntGauge;
use std::{fmt, sync::Arc};

/// Changes that are smaller aren't counted, and so much may be had when nothing is left.
const STEP_BYTES: usize = 16 << 10;

/// The memory of all of them.
#[derive(Debug)]
pub(crate) struct Pool {
    bytes: IntGauge,
    bytes_max: usize,
}

impl Pool {
    /// What is had is counted in `bytes`.
    pub(crate) const fn new(bytes: IntGauge, bytes_max: usize) -> Self {
        Self { bytes, bytes_max }
    }

    fn left(&self) -> usize {
        let had = usize::try_from(self.bytes.get()).unwrap_or(0);
        self.bytes_max.saturating_sub(had).max(STEP_BYTES)
    }
}

/// What one of them has; given back when it drops.
pub(crate) struct Share {
    pool: Arc<Pool>,
    bytes: usize,
}

impl Share {
    pub(crate) fn of(pool: &Arc<Pool>) -> Self {
        Self {
            pool: Arc::clone(pool),
            bytes: 0,
        }
    }

    /// Says how many bytes it has now.
    pub(crate) fn note(&mut self, bytes: usize) {
        let is_over = bytes == 0 && self.bytes > 0;
        if bytes.abs_diff(self.bytes) >= STEP_BYTES || is_over {
            self.pool.bytes.add(bytes as i64 - self.bytes as i64);
            self.bytes = bytes;
        }
    }

    /// What it may have, of `most` by its own bound.
    pub(crate) fn most(&self, most: usize) -> usize {
        most.min(self.pool.left())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.note(0);
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(bytes_max: usize) -> Arc<Pool> {
        let gauge = IntGauge::new("bytes", "bytes").unwrap();
        Arc::new(Pool::new(gauge, bytes_max))
    }

    /// Each takes as much as it may, again and again.
    fn fill(shares: &mut [Share], most: usize) {
        for _ in 0..1_000 {
            for share in &mut *shares {
                let room = share.most(most).max(share.bytes);
                share.note(room.min(share.bytes + STEP_BYTES));
            }
        }
    }

    #[test]
    fn few_have_all_that_they_may_and_many_equal_parts() {
        const MOST: usize = 1 << 20;
        let pool = pool(16 << 20);
        let mut few: Vec<_> = (0..8).map(|_| Share::of(&pool)).collect();
        fill(&mut few, MOST);
        assert!(few.iter().all(|share| share.bytes == MOST));
        drop(few);
        assert_eq!(pool.bytes.get(), 0);
        let mut many: Vec<_> = (0..63).map(|_| Share::of(&pool)).collect();
        fill(&mut many, MOST);
        let fair = pool.bytes_max / 64;
        let near = |share: &Share| share.bytes.abs_diff(fair) <= STEP_BYTES;
        assert!(many.iter().all(near), "{many:?}");
        assert!(pool.bytes.get() <= 16 << 20);
        assert!(Share::of(&pool).most(MOST) >= STEP_BYTES);
    }

    #[test]
    fn small_changes_are_not_counted_and_the_last_is() {
        let pool = pool(1 << 20);
        let mut share = Share::of(&pool);
        share.note(STEP_BYTES - 1);
        assert_eq!(pool.bytes.get(), 0);
        share.note(STEP_BYTES);
        share.note(1);
        assert_eq!(pool.bytes.get(), STEP_BYTES as i64);
        share.note(0);
        assert_eq!(pool.bytes.get(), 0);
    }

    #[test]
    fn when_nothing_is_left_everybody_may_have_a_little() {
        let pool = pool(1 << 20);
        let mut hog = Share::of(&pool);
        hog.note(5 << 20);
        let other = Share::of(&pool);
        assert_eq!(other.most(1 << 20), STEP_BYTES);
        assert_eq!(other.most(100), 100);
    }
}
