//! An observation as a row of `readings`: `docs/questdb.md`, "Tables".

use super::catalogue::unusable;
use crate::{Observation, SeriesId, Source, StoreError};
use nhip_wire::Quality;
use std::cmp::Ordering;
use tokio_postgres::Row;

/// The last instant that a row may have: the end of the year 9999.
pub(crate) const TIME_MAX_US: i64 = 253_402_300_799_999_999;

/// The columns of a query that [`Kept::read`] takes, in its order.
pub(crate) const COLUMNS: &str = "cast(timestamp as long), boot, seq, value, \
                                  cast(received as long), quality, arrival";

/// What ours always has: a row without was sent while one of these columns was away, or by
/// somebody else, and is nobody's.
pub(crate) const OURS: &str = "value IS NOT NULL AND boot IS NOT NULL";

/// An observation, and which of several that are the same otherwise it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Kept {
    pub(crate) row: Observation,
    /// 0 for the first.
    pub(crate) copy: u32,
}

/// What tells one row of a series from every other: the table's upsert keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    time_us: i64,
    boot: u32,
    seq: Option<i64>,
    value: u64,
}

impl Kept {
    /// What the column `seq` has: the sequence; nothing without one; for its further copies
    /// -1, -2 and so on.
    pub(crate) fn seq(&self) -> Option<i64> {
        match (self.row.seq, self.copy) {
            (Some(seq), _) => i64::try_from(seq).ok(),
            (None, 0) => None,
            (None, copy) => Some(-i64::from(copy)),
        }
    }

    pub(crate) fn identity(&self) -> Identity {
        Identity {
            time_us: self.row.time_us,
            boot: self.row.boot,
            seq: self.seq(),
            value: self.row.value.to_bits(),
        }
    }

    /// Reads the columns of [`COLUMNS`]; none of a row that is not as [`OURS`] says.
    pub(crate) fn read(series: SeriesId, row: &Row) -> Result<Option<Self>, StoreError> {
        // Not ours, or of a column that is not: whoever did it can mend it, so everything waits.
        let damaged = |what: &str| {
            unusable(format!(
                "a row of series {} in readings has no {what} of ours; mend it or delete it",
                series.0
            ))
        };
        let seq: Option<i64> = row.try_get(2).map_err(|_| damaged("seq"))?;
        let quality: Option<&str> = row.try_get(5).map_err(|_| damaged("quality"))?;
        let boot: Option<i64> = row.try_get(1).map_err(|_| damaged("boot"))?;
        let value: Option<f64> = row.try_get(3).map_err(|_| damaged("value"))?;
        let (Some(boot), Some(value)) = (boot, value) else {
            return Ok(None);
        };
        let observation = Observation {
            series,
            boot: u32::try_from(boot).map_err(|_| damaged("boot"))?,
            time_us: row.try_get(0).map_err(|_| damaged("timestamp"))?,
            received_us: row.try_get(4).map_err(|_| damaged("received"))?,
            value,
            seq: seq.and_then(|seq| u64::try_from(seq).ok()),
            quality: quality
                .and_then(quality_named)
                .ok_or_else(|| damaged("quality"))?,
            source: match row.try_get(6).map_err(|_| damaged("arrival"))? {
                true => Source::Arrival,
                false => Source::Device,
            },
        };
        let copy = seq.map_or(0, |seq| seq.min(0).unsigned_abs());
        Ok(Some(Self {
            row: observation,
            copy: u32::try_from(copy).map_err(|_| damaged("seq"))?,
        }))
    }

    /// The order of an answer: time, boot, sequence; then what makes it definite.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        let key = |kept: &Self| {
            let Observation {
                time_us, boot, seq, ..
            } = kept.row;
            (time_us, boot, seq, kept.row.value.to_bits(), kept.copy)
        };
        key(self).cmp(&key(other))
    }
}

/// Why the table can't have it as it is.
pub(crate) fn refusal(row: &Observation) -> Option<String> {
    if !(0..=TIME_MAX_US).contains(&row.time_us) || !(0..=TIME_MAX_US).contains(&row.received_us) {
        return Some(format!(
            "the time {} µs since 1970: QuestDB has the years 1970 to 9999",
            row.time_us
        ));
    }
    if let Some(seq) = row.seq.filter(|seq| i64::try_from(*seq).is_err()) {
        return Some(format!(
            "the sequence {seq}: QuestDB's numbers end at 2^63 - 1"
        ));
    }
    let is_finite = row.value.is_finite();
    (!is_finite).then(|| format!("the value {}: it is not finite", row.value))
}

/// Fails if the table can't have it as it is.
pub(crate) fn check(row: &Observation) -> Result<(), StoreError> {
    refusal(row).map_or(Ok(()), |reason| {
        Err(StoreError::Refused {
            what: format!("a reading of series {}", row.series.0),
            reason,
        })
    })
}

fn quality_named(name: &str) -> Option<Quality> {
    Quality::ALL
        .into_iter()
        .find(|quality| quality.name() == name)
}
