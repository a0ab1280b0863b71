//! What tells whether two stores have the same readings of a series.

use crate::{Observation, SeriesId};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The readings of one series in one stretch of time, in any order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Digest {
    /// How many there are.
    pub(crate) count: u64,
    /// The sum of their hashes, which are of every field to the bit.
    pub(crate) checksum: u64,
}

/// The digests of some series.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Digests(BTreeMap<SeriesId, Digest>);

/// A series that two stores have otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) series: SeriesId,
    pub(crate) source: Digest,
    pub(crate) target: Digest,
}

impl Digests {
    pub(crate) fn of(rows: &[Observation]) -> Self {
        let mut digests = BTreeMap::<SeriesId, Digest>::new();
        for of_series in rows.chunk_by(|a, b| a.series == b.series) {
            let Some(first) = of_series.first() else {
                continue;
            };
            let digest = digests.entry(first.series).or_default();
            digest.count += of_series.len() as u64;
            let checksum = of_series.iter().map(hash).fold(0, u64::wrapping_add);
            digest.checksum = digest.checksum.wrapping_add(checksum);
        }
        Self(digests)
    }

    /// Where another store's differ.
    pub(crate) fn differences(&self, target: &Self) -> Vec<Difference> {
        let both = self.0.keys().chain(target.0.keys());
        let mut series: Vec<SeriesId> = both.copied().collect();
        series.sort_unstable();
        series.dedup();
        let of = |digests: &Self, series| digests.0.get(&series).copied().unwrap_or_default();
        series
            .into_iter()
            .map(|series| Difference {
                series,
                source: of(self, series),
                target: of(target, series),
            })
            .filter(|difference| difference.source != difference.target)
            .collect()
    }

    /// Those of series that differ nowhere.
    pub(crate) fn without(mut self, differing: &[Difference]) -> Self {
        for difference in differing {
            self.0.remove(&difference.series);
        }
        self
    }

    /// How many series there are.
    pub(crate) fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// All of them together.
    pub(crate) fn total(&self) -> Digest {
        let add = |a: Digest, b: &Digest| Digest {
            count: a.count + b.count,
            checksum: a.checksum.wrapping_add(b.checksum),
        };
        self.0.values().fold(Digest::default(), add)
    }
}

/// Every field of an observation, to the bit.
pub(crate) type Fields = (u32, i64, u32, Option<u64>, u64, i64, u8, u8);

/// The fields by which two observations are the same one.
pub(crate) fn fields(row: &Observation) -> Fields {
    (
        row.series.0,
        row.time_us,
        row.boot,
        row.seq,
        row.value.to_bits(),
        row.received_us,
        row.quality as u8,
        row.source as u8,
    )
}

fn hash(row: &Observation) -> u64 {
    let mut hasher = DefaultHasher::new();
    fields(row).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Source;
    use nhip_wire::Quality;

    fn row(series: u32, seq: u64) -> Observation {
        Observation {
            series: SeriesId(series),
            boot: 1,
            time_us: 1_000,
            received_us: 2_000,
            value: 0.5,
            seq: Some(seq),
            quality: Quality::Good,
            source: Source::Device,
        }
    }

    #[test]
    fn the_order_of_readings_does_not_matter() {
        let (a, b, c) = (row(1, 1), row(1, 2), row(2, 1));
        assert_eq!(Digests::of(&[a, b, c]), Digests::of(&[c, b, a]));
        assert_eq!(Digests::of(&[a, c, b]).total().count, 3);
    }

    #[test]
    fn a_change_of_any_field_and_a_missing_reading_differ() {
        let (a, b) = (row(1, 1), row(2, 2));
        let changes: [fn(&mut Observation); 8] = [
            |row| row.series = SeriesId(3),
            |row| row.boot = 2,
            |row| row.time_us += 1,
            |row| row.received_us += 1,
            |row| row.value = -row.value,
            |row| row.seq = None,
            |row| row.quality = Quality::Suspect,
            |row| row.source = Source::Arrival,
        ];
        let source = Digests::of(&[a, b]);
        for change in changes {
            let mut changed = b;
            change(&mut changed);
            assert!(!source.differences(&Digests::of(&[a, changed])).is_empty());
        }
        let missing = source.differences(&Digests::of(&[a]));
        assert_eq!(missing.len(), 1);
        assert_eq!((missing[0].series.0, missing[0].target.count), (2, 0));
        // Not even a reading that is there twice in place of another.
        assert!(!source.differences(&Digests::of(&[a, a])).is_empty());
    }
}
