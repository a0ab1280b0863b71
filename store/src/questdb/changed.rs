//! Hours whose rows have changed since they were counted.

use crate::period::Calendar;
use crate::{Observation, SeriesId, StoreError};
use std::collections::{BTreeMap, BTreeSet};

/// Series of one hour that are remembered one by one; of more, all are counted again.
const SERIES_MAX: usize = 1000;
/// Series that are remembered one by one, over all hours.
const ENTRIES_MAX: usize = 200_000;
/// In place of a number of series: all of them.
const ALL: u32 = u32::MAX;

/// Hours to be counted, with the series that changed in them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ChangedHours {
    hours: BTreeMap<i64, Changed>,
    entries: usize,
}

/// What changed in an hour.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Changed {
    /// Which series; none for all.
    pub(crate) series: Option<BTreeSet<u32>>,
    /// The newest arrival, µs since 1970 UTC.
    pub(crate) since_us: i64,
    /// How often it was marked.
    marks: u64,
}

impl ChangedHours {
    /// Marks the hours of rows, before they are sent and again when they are: so what is
    /// counted in between stays marked.
    pub(crate) fn mark(&mut self, rows: &[Observation], calendar: Calendar) {
        let hour = |row: &Observation| calendar.hour_start(row.time_us);
        for of_hour in rows.chunk_by(|a, b| hour(a) == hour(b)) {
            let Some(first) = of_hour.first() else {
                continue;
            };
            let is_full = self.entries >= ENTRIES_MAX;
            let changed = self.hours.entry(hour(first)).or_insert_with(|| Changed {
                series: (!is_full).then(BTreeSet::new),
                since_us: i64::MIN,
                marks: 0,
            });
            changed.marks += 1;
            let newest = of_hour.iter().map(|row| row.received_us).max();
            changed.since_us = changed.since_us.max(newest.unwrap_or(i64::MIN));
            if let Some(series) = &mut changed.series {
                let before = series.len();
                series.extend(of_hour.iter().map(|row| row.series.0));
                self.entries += series.len() - before;
                if series.len() > SERIES_MAX {
                    self.entries -= series.len();
                    changed.series = None;
                }
            }
        }
    }

    /// The hours of `from_us..to_us` in which a series changed.
    pub(crate) fn of_series(&self, series: SeriesId, from_us: i64, to_us: i64) -> Vec<i64> {
        let within = self.hours.range(from_us..to_us.max(from_us));
        let is_in = |changed: &Changed| {
            let some = changed.series.as_ref();
            some.is_none_or(|some| some.contains(&series.0))
        };
        within
            .filter(|(_, changed)| is_in(changed))
            .map(|(hour, _)| *hour)
            .collect()
    }

    /// Some hours that `is_due` says so of, the oldest first.
    pub(crate) fn due(
        &self,
        hours_max: usize,
        is_due: impl Fn(i64, &Changed) -> bool,
    ) -> Vec<(i64, Changed)> {
        self.hours
            .iter()
            .filter(|(hour, changed)| is_due(**hour, changed))
            .take(hours_max)
            .map(|(hour, changed)| (*hour, changed.clone()))
            .collect()
    }

    /// How many hours wait.
    pub(crate) fn len(&self) -> usize {
        self.hours.len()
    }

    /// An hour was counted as it was in `counted`; it stays if it was marked since.
    pub(crate) fn done(&mut self, hour_us: i64, counted: &Changed) {
        if self.hours.get(&hour_us).map(|now| now.marks) == Some(counted.marks) {
            self.remove(hour_us);
        }
    }

    /// Forgets what is before an instant.
    pub(crate) fn forget_before(&mut self, time_us: i64) {
        let old: Vec<i64> = self.hours.range(..time_us).map(|(hour, _)| *hour).collect();
        for hour in old {
            self.remove(hour);
        }
    }

    fn remove(&mut self, hour_us: i64) {
        if let Some(removed) = self.hours.remove(&hour_us) {
            self.entries -= removed.series.map_or(0, |series| series.len());
        }
    }

    /// For each hour, little endian: its beginning i64, the newest arrival i64, a number of
    /// series u32 (all bits set: all), the series u32 each.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (hour, changed) in &self.hours {
            bytes.extend_from_slice(&hour.to_le_bytes());
            bytes.extend_from_slice(&changed.since_us.to_le_bytes());
            let some = changed.series.iter().flatten();
            let count = changed
                .series
                .as_ref()
                .map_or(ALL, |some| some.len() as u32);
            bytes.extend_from_slice(&count.to_le_bytes());
            some.for_each(|series| bytes.extend_from_slice(&series.to_le_bytes()));
        }
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut changed = Self::default();
        let mut rest = bytes;
        while !rest.is_empty() {
            changed
                .decode_hour(&mut rest)
                .ok_or_else(|| StoreError::Damaged {
                    place: "questdb.changed".to_owned(),
                    reason: "it ends too early".to_owned(),
                })?;
        }
        Ok(changed)
    }

    fn decode_hour(&mut self, rest: &mut &[u8]) -> Option<()> {
        let hour = i64::from_le_bytes(take(rest)?);
        let since_us = i64::from_le_bytes(take(rest)?);
        let count = u32::from_le_bytes(take(rest)?);
        let series = if count == ALL {
            None
        } else {
            let mut some = BTreeSet::new();
            for _ in 0..count {
                some.insert(u32::from_le_bytes(take(rest)?));
            }
            self.entries += some.len();
            Some(some)
        };
        let changed = Changed {
            series,
            since_us,
            marks: 0,
        };
        self.hours.insert(hour, changed);
        Some(())
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Source;
    use crate::period::HOUR_US;
    use nhip_wire::Quality;

    fn row(series: u32, hour: i64) -> Observation {
        Observation {
            series: SeriesId(series),
            boot: 0,
            time_us: hour * HOUR_US + 5,
            received_us: 7,
            value: 1.0,
            seq: None,
            quality: Quality::Good,
            source: Source::Device,
        }
    }

    #[test]
    fn what_is_marked_while_it_is_counted_stays() {
        let calendar = Calendar::new(0);
        let mut changed = ChangedHours::default();
        changed.mark(&[row(1, 3), row(2, 4)], calendar);
        let due = changed.due(10, |_, _| true);
        changed.mark(&[row(9, 4)], calendar);
        for (hour, as_counted) in &due {
            changed.done(*hour, as_counted);
        }
        assert!(changed.of_series(SeriesId(1), 0, i64::MAX).is_empty());
        assert_eq!(changed.of_series(SeriesId(2), 0, i64::MAX), [4 * HOUR_US]);
        assert!(changed.of_series(SeriesId(3), 0, i64::MAX).is_empty());
    }

    #[test]
    fn many_series_become_all_and_it_is_read_back() {
        let mut changed = ChangedHours::default();
        for series in 0..=SERIES_MAX as u32 {
            changed.mark(&[row(series, 1)], Calendar::new(0));
        }
        changed.mark(&[row(5, 2)], Calendar::new(0));
        assert_eq!(changed.entries, 1);
        let again = ChangedHours::decode(&changed.encode()).unwrap();
        assert_eq!(again.encode(), changed.encode());
        let any = SeriesId(u32::MAX);
        assert_eq!(again.of_series(any, 0, i64::MAX), [HOUR_US]);
        assert!(ChangedHours::decode(&changed.encode()[..7]).is_err());
    }
}
