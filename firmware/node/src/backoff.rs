//! How long to wait before the next try.

use crate::platform::Entropy;

/// The shortest wait after the first failure, ms.
pub const FIRST_MIN_MS: u32 = 1_000;
/// The longest wait after the first failure, ms: of 10,000 devices some 670 come back in a second.
pub const FIRST_MAX_MS: u32 = 16_000;
/// The longest wait, ms.
pub const WAIT_MAX_MS: u32 = 300_000;

/// Doubles the wait with each failure. The first is drawn from all of its range, so that a fleet that
/// lost its broker doesn't come back in one moment; each later one from its upper half.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    next_ms: u32,
}

impl Backoff {
    pub(crate) const fn new() -> Self {
        Self {
            next_ms: FIRST_MAX_MS,
        }
    }

    /// It went well for long enough: the next failure is a first one.
    pub(crate) fn reset(&mut self) {
        self.next_ms = FIRST_MAX_MS;
    }

    /// The wait after one more failure, ms.
    pub(crate) fn wait_ms(&mut self, entropy: &mut impl Entropy) -> u32 {
        let full = self.next_ms;
        self.next_ms = (full * 2).min(WAIT_MAX_MS);
        let least = match full {
            FIRST_MAX_MS => FIRST_MIN_MS,
            _ => full / 2,
        };
        least + entropy.next_u32() % (full - least + 1)
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
        let first = backoff.wait_ms(&mut entropy);
        assert!((FIRST_MIN_MS..=FIRST_MAX_MS).contains(&first), "{first}");
        let mut full = FIRST_MAX_MS * 2;
        for _ in 0..20 {
            let wait = backoff.wait_ms(&mut entropy);
            assert!((full / 2..=full).contains(&wait), "{wait} of {full}");
            full = (full * 2).min(WAIT_MAX_MS);
        }
        assert_ne!(backoff.wait_ms(&mut entropy), backoff.wait_ms(&mut entropy));
        backoff.reset();
        assert!(backoff.wait_ms(&mut entropy) <= FIRST_MAX_MS);
    }
}
