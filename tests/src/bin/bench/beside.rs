//! Rates of the platform and of its peer, measured in turn.

use crate::figures::{Figure, shown};

/// Pairs of runs; the medians are compared.
const ROUNDS: usize = 3;

/// The medians, each a second.
pub struct Beside {
    theirs: f64,
    ours: f64,
}

/// Runs both in turn.
pub fn side_by_side(mut theirs: impl FnMut() -> f64, mut ours: impl FnMut() -> f64) -> Beside {
    let (mut of_theirs, mut of_ours) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        of_theirs.push(theirs());
        of_ours.push(ours());
    }
    Beside {
        theirs: median(&mut of_theirs),
        ours: median(&mut of_ours),
    }
}

impl Beside {
    /// How many times the peer's rate ours is.
    pub fn figure(&self, what: &'static str, bounds: (f64, f64), more: String) -> Figure {
        let (ours, theirs) = (shown(self.ours), shown(self.theirs));
        let note = format!("{ours} against {theirs} /s{more}");
        Figure::more(what, self.ours / self.theirs, "×", bounds, note)
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
