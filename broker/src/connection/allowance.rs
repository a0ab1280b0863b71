//! What a client may send in a second: a bucket that the sweeper's seconds fill.

/// See the module. A bound of 0 is none.
#[derive(Debug)]
pub(super) struct Allowance {
    publishes_max: i64,
    bytes_max: i64,
    publishes: i64,
    bytes: i64,
    tick: u32,
}

impl Allowance {
    pub(super) fn new(publishes_max: u32, bytes_max: usize, tick: u32) -> Self {
        let publishes_max = i64::from(publishes_max);
        let bytes_max = i64::try_from(bytes_max).unwrap_or(i64::MAX);
        Self {
            publishes_max,
            bytes_max,
            publishes: publishes_max,
            bytes: bytes_max,
            tick,
        }
    }

    /// Whether nothing more may be taken in the second `tick`.
    pub(super) fn is_spent(&mut self, tick: u32) -> bool {
        let seconds = i64::from(tick.wrapping_sub(self.tick));
        if seconds > 0 {
            self.tick = tick;
            let fill =
                |held: i64, most: i64| held.saturating_add(most.saturating_mul(seconds)).min(most);
            self.publishes = fill(self.publishes, self.publishes_max);
            self.bytes = fill(self.bytes, self.bytes_max);
        }
        self.lacks_publishes() || (self.bytes_max > 0 && self.bytes <= 0)
    }

    /// Whether no further publish may be taken.
    pub(super) fn lacks_publishes(&self) -> bool {
        self.publishes_max > 0 && self.publishes <= 0
    }

    pub(super) fn publish(&mut self) {
        self.publishes -= 1;
    }

    pub(super) fn read(&mut self, bytes: usize) {
        self.bytes -= bytes as i64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_gives_what_a_second_allows_and_no_more() {
        let mut allowance = Allowance::new(3, 0, 7);
        for _ in 0..3 {
            assert!(!allowance.is_spent(7));
            allowance.publish();
        }
        assert!(allowance.is_spent(7));
        assert!(!allowance.is_spent(100), "a pause fills it once");
        for _ in 0..3 {
            allowance.publish();
        }
        assert!(allowance.is_spent(100));
    }

    #[test]
    fn bytes_beyond_the_bound_are_owed() {
        let mut allowance = Allowance::new(0, 100, 0);
        allowance.read(99);
        assert!(!allowance.is_spent(0));
        allowance.read(251);
        assert!(allowance.is_spent(0));
        assert!(allowance.is_spent(1), "150 are owed still");
        assert!(allowance.is_spent(2));
        assert!(!allowance.is_spent(3));
    }

    #[test]
    fn no_bound_is_never_spent() {
        let mut allowance = Allowance::new(0, 0, 0);
        for _ in 0..1_000 {
            allowance.publish();
            allowance.read(1_000);
        }
        assert!(!allowance.is_spent(0));
    }
}
