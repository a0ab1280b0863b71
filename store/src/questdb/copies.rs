//! Readings that are the same in every field that an upsert compares.
//!
//! Two readings without time, boot and sequence that a device sends within one ms are two
//! readings. The second and further ones get a number, so that the table keeps them apart, and
//! the same number when the log is folded again.

use super::row::Kept;
use crate::{Observation, Source, StoreError};
use std::collections::{HashMap, VecDeque};

/// How many different readings are remembered: those of the newest instants.
const READINGS_MAX: usize = 1024;
const ENTRY_BYTES: usize = 24;

type Key = (u32, i64, u64);

/// How often the newest readings without a key of their own came.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Copies {
    counts: HashMap<Key, u32>,
    order: VecDeque<Key>,
}

impl Copies {
    /// Numbers the rows of a batch.
    pub(crate) fn number(&mut self, rows: &[Observation]) -> Vec<Kept> {
        let number = |row: &Observation| {
            let copy = match (row.seq, row.source) {
                (None, Source::Arrival) => self.next(row),
                _ => 0,
            };
            Kept { row: *row, copy }
        };
        rows.iter().map(number).collect()
    }

    fn next(&mut self, row: &Observation) -> u32 {
        let key = (row.series.0, row.time_us, row.value.to_bits());
        if let Some(count) = self.counts.get_mut(&key) {
            *count = count.saturating_add(1);
            return *count;
        }
        if self.order.len() >= READINGS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.counts.remove(&oldest);
        }
        self.counts.insert(key, 0);
        self.order.push_back(key);
        0
    }

    /// Entries of 24 bytes, oldest first, all little endian: series u32, count u32, time i64,
    /// bits of the value u64.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.order.len() * ENTRY_BYTES);
        for key @ (series, time_us, value) in &self.order {
            let count = self.counts.get(key).copied().unwrap_or_default();
            bytes.extend_from_slice(&series.to_le_bytes());
            bytes.extend_from_slice(&count.to_le_bytes());
            bytes.extend_from_slice(&time_us.to_le_bytes());
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut copies = Self::default();
        let (entries, rest) = bytes.as_chunks::<ENTRY_BYTES>();
        if !rest.is_empty() {
            return Err(StoreError::Damaged {
                place: "questdb.copies".to_owned(),
                reason: "its length is not one of ours".to_owned(),
            });
        }
        for entry in entries {
            let word = |at: usize| entry[at..].first_chunk().copied().unwrap_or_default();
            let long = |at: usize| entry[at..].first_chunk().copied().unwrap_or_default();
            let key = (
                u32::from_le_bytes(word(0)),
                i64::from_le_bytes(long(8)),
                u64::from_le_bytes(long(16)),
            );
            copies.counts.insert(key, u32::from_le_bytes(word(4)));
            copies.order.push_back(key);
        }
        Ok(copies)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeriesId;
    use nhip_wire::Quality;

    fn row(time_us: i64, value: f64, source: Source) -> Observation {
        Observation {
            series: SeriesId(3),
            boot: 0,
            time_us,
            received_us: time_us,
            value,
            seq: None,
            quality: Quality::Good,
            source,
        }
    }

    #[test]
    fn the_same_readings_of_one_ms_get_numbers_across_a_restart() {
        let mut copies = Copies::default();
        let rows = [
            row(1000, 2.5, Source::Arrival),
            row(1000, 2.5, Source::Arrival),
            row(1000, 3.5, Source::Arrival),
            row(1000, 2.5, Source::Device),
        ];
        let numbers: Vec<u32> = copies.number(&rows).iter().map(|kept| kept.copy).collect();
        assert_eq!(numbers, [0, 1, 0, 0]);
        let mut again = Copies::decode(&copies.encode()).unwrap();
        assert_eq!(again, copies);
        assert_eq!(again.number(&rows[..1])[0].copy, 2);
    }

    #[test]
    fn memory_is_bounded() {
        let mut copies = Copies::default();
        for time_us in 0..5000 {
            copies.number(&[row(time_us, 1.0, Source::Arrival)]);
        }
        assert_eq!(copies.order.len(), READINGS_MAX);
        assert_eq!(copies.counts.len(), READINGS_MAX);
    }
}
