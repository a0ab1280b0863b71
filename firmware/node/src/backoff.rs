//! How long to wait before the next try.

use crate::platform::Entropy;

/// The wait after the first failure, ms.
pub const WAIT_MIN_MS: u32 = 1_000;
/// The longest wait, ms.
pub const WAIT_MAX_MS: u32 = 300_000;

/// Doubles the wait with each failure; each wait is drawn from its upper half, so that a fleet
/// that lost its broker doesn't come back in one moment.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    next_ms: u32,
}

impl Backoff {
    pub(crate) const fn new() -> Self {
        Self {
            next_ms: WAIT_MIN_MS,
        }
    }

    /// It went well for long enough: the next failure is a first one.
    pub(crate) fn reset(&mut self) {
        self.next_ms = WAIT_MIN_MS;
    }

    /// The wait after one more failure, ms.
    pub(crate) fn wait_ms(&mut self, entropy: &mut impl Entropy) -> u32 {
        let full = self.next_ms;
        self.next_ms = (full * 2).min(WAIT_MAX_MS);
        full / 2 + entropy.next_u32() % (full / 2 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(u32);

    impl Entropy for Counting {
        fn next_u32(&mut self) -> u32 {
            self.0 = self.0.wrapping_add(0x9e37_79b9);
            self.0
        }
    }

    #[test]
    fn waits_grow_to_a_bound_and_differ() {
        let mut entropy = Counting(7);
        let mut backoff = Backoff::new();
        let mut full = WAIT_MIN_MS;
        for _ in 0..20 {
            let wait = backoff.wait_ms(&mut entropy);
            assert!((full / 2..=full).contains(&wait), "{wait} of {full}");
            full = (full * 2).min(WAIT_MAX_MS);
        }
        assert_ne!(backoff.wait_ms(&mut entropy), backoff.wait_ms(&mut entropy));
        backoff.reset();
        assert!(backoff.wait_ms(&mut entropy) <= WAIT_MIN_MS);
    }
}
