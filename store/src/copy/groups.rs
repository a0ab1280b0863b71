//! What a step takes: series whose readings fit into memory together.

use super::end::Group;
use crate::SeriesId;

/// Readings of a step, unless one series has more in a day.
pub(crate) const ROWS_MAX: u64 = 200_000;
/// Series of a step.
const SERIES_MAX: usize = 1_000;

/// Cuts series with about so many readings each, in order, into groups.
pub(crate) fn listed(counts: &[(SeriesId, u64)]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut rows = 0;
    for (series, count) in counts {
        let fits = |group: &Group| group.series.len() < SERIES_MAX && rows + count <= ROWS_MAX;
        match groups.last_mut().filter(|group| fits(group)) {
            Some(group) => {
                group.series.push(*series);
                rows += count;
            }
            None => {
                groups.push(Group {
                    series: vec![*series],
                    range: None,
                });
                rows = *count;
            }
        }
    }
    groups
}

/// The same for all series from `first` on: together the groups have every number there is.
pub(crate) fn tiled(counts: &[(SeriesId, u64)], first: SeriesId) -> Vec<Group> {
    let mut groups = listed(counts);
    let count = groups.len();
    let mut from = first;
    for (at, group) in groups.iter_mut().enumerate() {
        let last = group.series.last().copied().unwrap_or(from);
        let last = if at + 1 == count {
            SeriesId(u32::MAX)
        } else {
            last
        };
        group.range = Some((from, last));
        from = SeriesId(last.0.saturating_add(1));
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_bounded_and_have_every_series() {
        let mut counts: Vec<_> = (0..2_500).map(|at| (SeriesId(at * 3), 100)).collect();
        counts[1_700].1 = ROWS_MAX * 2;
        let groups = listed(&counts);
        let all: Vec<_> = groups.iter().flat_map(|group| &group.series).collect();
        assert_eq!(
            all,
            counts.iter().map(|(series, _)| series).collect::<Vec<_>>()
        );
        assert!(groups.iter().all(|group| group.series.len() <= SERIES_MAX));
        // Too much for one step is a step of its own.
        assert!(groups.iter().any(|group| group.series == [SeriesId(5_100)]));
    }

    #[test]
    fn tiles_leave_no_number_out() {
        let counts: Vec<_> = (10..5_000).map(|at| (SeriesId(at * 2), 1)).collect();
        let ranges: Vec<_> = tiled(&counts, SeriesId(7))
            .into_iter()
            .filter_map(|group| group.range)
            .collect();
        assert_eq!(ranges[0].0, SeriesId(7));
        assert_eq!(ranges[ranges.len() - 1].1, SeriesId(u32::MAX));
        assert!(ranges.windows(2).all(|two| two[0].1.0 + 1 == two[1].0.0));
        assert!(tiled(&[], SeriesId(0)).is_empty());
    }
}
