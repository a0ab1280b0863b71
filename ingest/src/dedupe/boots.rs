//! The boots of one series.

use super::{Asked, Seen, Sequences};

/// One boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Boot {
    pub(crate) boot: u32,
    pub(crate) sequences: Sequences,
}

/// The boots of a series that were used last, the most recent one at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Boots {
    pub(crate) kept: Vec<Boot>,
    /// The highest boot that was given up.
    pub(crate) given_up: Option<u32>,
}

/// How much of it is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) runs_max: u32,
    pub(crate) boots_max: u32,
}

impl Boots {
    /// What is known of a number; a new one is accepted at once.
    pub(crate) fn accept_if_new(&mut self, boot: u32, seq: u64, bounds: Bounds) -> Seen {
        self.of(boot, bounds.boots_max)
            .accept_if_new(seq, bounds.runs_max)
    }

    /// Notes a number that the store was asked for and didn't have.
    pub(crate) fn accept(&mut self, boot: u32, seq: u64, bounds: Bounds) {
        self.of(boot, bounds.boots_max).accept(seq, bounds.runs_max);
    }

    fn of(&mut self, boot: u32, boots_max: u32) -> &mut Sequences {
        let at = match self.kept.iter().rposition(|kept| kept.boot == boot) {
            Some(at) => at,
            None => self.begin(boot, boots_max),
        };
        let last = self.kept.len() - 1;
        if at != last {
            self.kept[at..].rotate_left(1);
        }
        &mut self.kept[last].sequences
    }

    fn begin(&mut self, boot: u32, boots_max: u32) -> usize {
        if self.kept.len() >= boots_max.max(1) as usize {
            let oldest = self.kept.remove(0);
            self.given_up = self.given_up.max(Some(oldest.boot));
        }
        let asked = match self.given_up {
            Some(given_up) if boot <= given_up => Asked::Everything,
            _ => Asked::Nothing,
        };
        self.kept.push(Boot {
            boot,
            sequences: Sequences::new(asked),
        });
        self.kept.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    const BOUNDS: Bounds = Bounds {
        runs_max: 4,
        boots_max: 2,
    };

    #[test]
    fn a_boot_that_was_given_up_is_asked_for() {
        let mut boots = Boots::default();
        for boot in [1, 2, 3] {
            assert_eq!(boots.accept_if_new(boot, 0, BOUNDS), Seen::New);
        }
        assert_eq!(boots.accept_if_new(3, 0, BOUNDS), Seen::Known);
        assert_eq!(boots.accept_if_new(1, 0, BOUNDS), Seen::Ask);
        assert_eq!(boots.accept_if_new(9, 0, BOUNDS), Seen::New);
    }

    proptest! {
        #[test]
        fn agrees_with_a_set(numbers in prop::collection::vec((0_u32..6, 0_u64..40), 1..400)) {
            let mut model = HashSet::new();
            let mut boots = Boots::default();
            for (boot, seq) in numbers {
                let known = match boots.accept_if_new(boot, seq, BOUNDS) {
                    Seen::Known => true,
                    Seen::New => false,
                    Seen::Ask => {
                        let known = model.contains(&(boot, seq));
                        if !known {
                            boots.accept(boot, seq, BOUNDS);
                        }
                        known
                    }
                };
                prop_assert_eq!(known, !model.insert((boot, seq)));
                prop_assert!(boots.kept.len() <= 2);
            }
        }
    }
}
