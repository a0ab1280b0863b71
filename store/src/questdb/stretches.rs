//! A range of time, cut where its hours have changed since they were counted.

use crate::period::HOUR_US;

/// Stretches with changed hours that a chart asks for one by one.
const RUNS_MAX: usize = 16;
/// A stretch of a range, and whether it has hours that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) has_changed: bool,
    pub(crate) from_us: i64,
    pub(crate) to_us: i64,
}

/// Cuts a range into stretches with and without changed hours, in order of time: at most
/// [`RUNS_MAX`] with; of more, those that are nearest to one another are one.
pub(crate) fn stretches(hours: &[i64], from_us: i64, to_us: i64) -> Vec<Stretch> {
    let mut gaps: Vec<i64> = hours.windows(2).map(|pair| pair[1] - pair[0]).collect();
    gaps.sort_unstable_by(|a, b| b.cmp(a));
    let near_us = gaps.get(RUNS_MAX - 1).copied().unwrap_or(0).max(HOUR_US);
    let mut stretches = Vec::new();
    let mut at = from_us;
    let mut push = |has_changed, from_us, to_us| {
        if from_us < to_us {
            stretches.push(Stretch {
                has_changed,
                from_us,
                to_us,
            });
        }
    };
    for run in hours.chunk_by(|a, b| b - a <= near_us) {
        if let (Some(first), Some(last)) = (run.first(), run.last()) {
            let (first, end) = (
                (*first).max(from_us),
                last.saturating_add(HOUR_US).min(to_us),
            );
            push(false, at, first);
            push(true, first, end);
            at = end.max(at);
        }
    }
    push(false, at, to_us);
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_cover_the_range_once() {
        let cut = |hours: &[i64], from_us, to_us| -> Vec<(bool, i64, i64)> {
            let all = stretches(hours, from_us, to_us).into_iter();
            all.map(|cut| (cut.has_changed, cut.from_us, cut.to_us))
                .collect()
        };
        let hours = [HOUR_US, 2 * HOUR_US, 5 * HOUR_US];
        assert_eq!(
            cut(&hours, 0, 7 * HOUR_US),
            [
                (false, 0, HOUR_US),
                (true, HOUR_US, 3 * HOUR_US),
                (false, 3 * HOUR_US, 5 * HOUR_US),
                (true, 5 * HOUR_US, 6 * HOUR_US),
                (false, 6 * HOUR_US, 7 * HOUR_US),
            ]
        );
        assert_eq!(cut(&[], 3, 5), [(false, 3, 5)]);
        assert_eq!(cut(&[0], 3, 5), [(true, 3, 5)]);
    }

    #[test]
    fn scattered_hours_make_few_stretches() {
        let hours: Vec<i64> = (0..500).map(|at| at * (3 + at % 5) * HOUR_US).collect();
        let mut hours = hours;
        hours.sort_unstable();
        hours.dedup();
        let end_us = 5000 * HOUR_US;
        let all = stretches(&hours, 0, end_us);
        assert!(all.len() <= 2 * RUNS_MAX + 1, "{}", all.len());
        assert!(all.windows(2).all(|pair| pair[0].to_us == pair[1].from_us));
        let within = |hour: &i64| {
            let of = all
                .iter()
                .find(|cut| (cut.from_us..cut.to_us).contains(hour));
            of.is_some_and(|cut| cut.has_changed)
        };
        assert!(hours.iter().all(within));
    }
}
