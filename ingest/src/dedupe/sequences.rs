//! The sequence numbers of one series in one boot.

use super::{Run, Seen};

/// Up to where memory was given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Everything is in the runs.
    #[default]
    Nothing,
    /// Numbers up to this one, included, may have been accepted though no run has them.
    To(u64),
    /// Any number may.
    Everything,
}

/// Accepted sequence numbers. Exact: what it can't say, it says to ask the store for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sequences {
    /// In order of their first number; runs of different strides may lie in one another.
    runs: Vec<Run>,
    asked: Asked,
    /// The run that took the last number: most often it takes the next one.
    hint: usize,
}

/// A run of up to so many numbers is taken apart when runs are rebuilt.
const SHORT_STEPS_MAX: u64 = 8;

impl Sequences {
    pub(crate) fn new(asked: Asked) -> Self {
        Self {
            asked,
            ..Self::default()
        }
    }

    pub(crate) fn from_parts(runs: Vec<Run>, asked: Asked) -> Self {
        let hint = runs.len().saturating_sub(1);
        Self { runs, asked, hint }
    }

    pub(crate) fn runs(&self) -> &[Run] {
        &self.runs
    }

    pub(crate) fn asked(&self) -> Asked {
        self.asked
    }

    /// What is known of `seq`; a new one is accepted at once.
    pub(crate) fn accept_if_new(&mut self, seq: u64, runs_max: u32) -> Seen {
        let seen = self.seen(seq);
        if seen == Seen::New {
            self.accept(seq, runs_max);
        }
        seen
    }

    pub(crate) fn seen(&self, seq: u64) -> Seen {
        // The newest number of all is above every run, and that is nearly every number.
        let above = self.runs.last().is_none_or(|run| seq > run.last) && self.runs.len() == 1;
        if !above && self.runs.iter().rev().any(|run| run.contains(seq)) {
            return Seen::Known;
        }
        match self.asked {
            Asked::Everything => Seen::Ask,
            Asked::To(to) if seq <= to => Seen::Ask,
            _ => Seen::New,
        }
    }

    /// Notes a number that is in no run.
    pub(crate) fn accept(&mut self, seq: u64, runs_max: u32) {
        if let Some(run) = self.runs.get_mut(self.hint)
            && run.extend(seq)
        {
            self.join_around(self.hint);
            return;
        }
        if let Some(at) = self.runs.iter_mut().rposition(|run| run.extend(seq)) {
            self.hint = at;
            self.join_around(at);
            return;
        }
        if let Some(run) = self.runs.get_mut(self.hint)
            && run.pair(seq)
        {
            self.resort(self.hint);
            return;
        }
        self.insert(Run::one(seq));
        if self.runs.len() > runs_max as usize {
            self.shrink(runs_max as usize);
        }
    }

    fn insert(&mut self, run: Run) {
        let at = self.runs.partition_point(|other| other.first < run.first);
        self.runs.insert(at, run);
        self.hint = at;
    }

    /// Puts the run at `at` where its first number belongs.
    fn resort(&mut self, at: usize) {
        let run = self.runs.remove(at);
        self.insert(run);
    }

    /// Joins the run at `at`, which has grown, with one that it now touches.
    fn join_around(&mut self, at: usize) {
        if self.runs.len() == 1 {
            return;
        }
        let grown = self.runs[at];
        let touches = |other: &Run| {
            let mut left = grown;
            let mut right = *other;
            if left.join(other) {
                Some(left)
            } else if right.join(&grown) {
                Some(right)
            } else {
                None
            }
        };
        let joined = (0..self.runs.len())
            .rev()
            .filter(|&other| other != at)
            .find_map(|other| Some((other, touches(&self.runs[other])?)));
        if let Some((other, run)) = joined {
            self.runs.remove(at.max(other));
            self.runs.remove(at.min(other));
            self.insert(run);
        } else if at > 0 && self.runs[at - 1].first > grown.first {
            self.resort(at);
        }
    }

    /// Rebuilds the runs, then gives up the lowest until a quarter of the room is free.
    fn shrink(&mut self, runs_max: usize) {
        let mut short = Vec::new();
        self.runs.retain(|run| {
            let keep = run.steps() >= SHORT_STEPS_MAX;
            if !keep {
                let numbers =
                    (0..=run.steps()).map(|step| run.first + step * u64::from(run.stride));
                short.extend(numbers);
            }
            keep
        });
        short.sort_unstable();
        for seq in short {
            self.rebuild(seq);
        }
        self.join_all();
        while self.runs.len() > runs_max - runs_max / 4 && self.runs.len() > 1 {
            let lowest = self.runs.remove(0);
            self.asked = match self.asked {
                Asked::Nothing => Asked::To(lowest.last),
                Asked::To(to) => Asked::To(to.max(lowest.last)),
                Asked::Everything => Asked::Everything,
            };
        }
        self.hint = self.runs.len().saturating_sub(1);
    }

    fn rebuild(&mut self, seq: u64) {
        let extended = self
            .runs
            .iter_mut()
            .rposition(|run| (!run.is_one() || run.last + 1 == seq) && run.extend(seq));
        match extended {
            Some(at) => self.resort(at),
            None => self.insert(Run::one(seq)),
        }
    }

    fn join_all(&mut self) {
        let runs = std::mem::take(&mut self.runs);
        for run in runs {
            if !self.runs.iter_mut().rev().any(|left| left.join(&run)) {
                self.runs.push(run);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn accepted(numbers: impl IntoIterator<Item = u64>) -> Sequences {
        let mut sequences = Sequences::default();
        for seq in numbers {
            assert_eq!(sequences.accept_if_new(seq, 64), Seen::New, "{seq}");
        }
        sequences
    }

    #[test]
    fn numbers_in_a_row_are_one_run() {
        assert_eq!(accepted(0..10_000).runs().len(), 1);
        assert_eq!(accepted((3..100_000).step_by(10)).runs().len(), 1);
    }

    #[test]
    fn a_gap_that_is_filled_is_gone() {
        let late = (0..100).chain(105..200).chain([103, 101, 102, 104, 100]);
        let sequences = accepted(late);
        assert!(sequences.runs().len() <= 5, "{sequences:?}");
        let backwards = accepted((0..1000).rev());
        assert_eq!(backwards.runs().len(), 1);
    }

    #[test]
    fn the_largest_number_has_no_successor() {
        let mut sequences = accepted([u64::MAX - 1, u64::MAX]);
        assert_eq!(sequences.accept_if_new(u64::MAX, 64), Seen::Known);
        assert_eq!(sequences.accept_if_new(0, 64), Seen::New);
    }

    #[test]
    fn what_is_given_up_is_asked_for_and_nothing_else() {
        let mut sequences = accepted((0..1000).map(|n| n * 1000));
        assert!(sequences.runs().len() <= 64);
        assert_eq!(sequences.accept_if_new(0, 64), Seen::Ask);
        assert_eq!(sequences.accept_if_new(999_000, 64), Seen::Known);
        assert_eq!(sequences.accept_if_new(999_001, 64), Seen::New);
    }

    fn numbers() -> impl Strategy<Value = Vec<u64>> {
        let piece = (0_u64..400, 1_u64..5, 1_u64..30, any::<bool>()).prop_map(
            |(first, stride, count, backwards)| {
                let mut piece: Vec<u64> = (0..count).map(|n| first + n * stride).collect();
                if backwards {
                    piece.reverse();
                }
                piece
            },
        );
        prop::collection::vec(piece, 1..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn agrees_with_a_set(numbers in numbers(), runs_max in 2_u32..20) {
            let mut model = HashSet::new();
            let mut sequences = Sequences::default();
            for seq in numbers {
                let seen = match sequences.accept_if_new(seq, runs_max) {
                    Seen::Ask => {
                        let known = model.contains(&seq);
                        if !known {
                            sequences.accept(seq, runs_max);
                        }
                        known
                    }
                    seen => seen == Seen::Known,
                };
                prop_assert_eq!(seen, !model.insert(seq));
                prop_assert!(sequences.runs().len() <= runs_max as usize);
                prop_assert!(sequences.runs().is_sorted_by_key(|run| run.first));
            }
            for seq in 0..600 {
                let seen = sequences.seen(seq);
                prop_assert!(seen == Seen::Ask || (seen == Seen::Known) == model.contains(&seq));
            }
        }
    }
}
