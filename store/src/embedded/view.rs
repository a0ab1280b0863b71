//! What a reader sees of a series: one moment of its heads and of the database.

use super::keyspaces::{damaged, refused};
use super::{EmbeddedStore, head, keys};
use crate::codec::part::Span;
use crate::codec::varint::Malformed;
use crate::codec::{chunk, part};
use crate::period::DAY_US;
use crate::{Observation, SeriesId, StoreError};
use nhip_database::{Iter, Keyspace, Readable, Slice, Snapshot};

/// A series at one moment.
pub(crate) struct View {
    pub(crate) snapshot: Snapshot,
    /// Rows that are in no part of the snapshot, in order of (time, boot, seq).
    pub(crate) open: Vec<Observation>,
}

/// A part or a chunk, not decoded yet.
pub(crate) struct Stored {
    pub(crate) packed: bool,
    pub(crate) key: Slice,
    pub(crate) value: Slice,
    pub(crate) span: Span,
}

impl Stored {
    pub(crate) fn new(packed: bool, key: Slice, value: Slice) -> Result<Self, StoreError> {
        let span = Span::of(&value).map_err(|error| damaged(name(packed), &key, error))?;
        Ok(Self {
            packed,
            key,
            value,
            span,
        })
    }

    /// Appends its rows.
    pub(crate) fn decode(
        &self,
        series: SeriesId,
        rows: &mut Vec<Observation>,
    ) -> Result<(), StoreError> {
        let decoded = if self.packed {
            chunk::decode(series, &self.value, rows)
        } else {
            part::decode(series, &self.value, rows)
        };
        decoded.map_err(|error| self.damaged(error))
    }

    pub(crate) fn damaged(&self, error: Malformed) -> StoreError {
        damaged(name(self.packed), &self.key, error)
    }
}

const fn name(packed: bool) -> &'static str {
    if packed {
        "store.chunks"
    } else {
        "store.parts"
    }
}

impl EmbeddedStore {
    /// The series now, with the open rows of `from_us..to_us`.
    pub(super) fn view(
        &self,
        series: SeriesId,
        from_us: i64,
        to_us: i64,
    ) -> Result<View, StoreError> {
        let shards: Vec<_> = self.shards.read().values().cloned().collect();
        let stripes: Vec<_> = shards
            .iter()
            .map(|shard| shard.stripes[shard.stripe_of(series)].read())
            .collect();
        // Under the locks: no head can be emptied between its copy and the snapshot.
        let snapshot = self.database.snapshot();
        let mut open = Vec::new();
        for (shard, stripe) in shards.iter().zip(&stripes) {
            let Some(head) = stripe.head(series) else {
                continue;
            };
            let within = head
                .times()
                .is_some_and(|(first, last)| first < to_us && last >= from_us);
            if !within || self.has_left(&snapshot, shard.id, head.leaving)? {
                continue;
            }
            head.decode(series, &mut open).map_err(|error| {
                damaged("a head in memory, series", &series.0.to_be_bytes(), error)
            })?;
        }
        drop(stripes);
        open.retain(|row| row.time_us >= from_us && row.time_us < to_us);
        head::sort(&mut open);
        Ok(View { snapshot, open })
    }

    // A checkpoint that makes parts of the head may be in the snapshot already.
    fn has_left(&self, snapshot: &Snapshot, shard: u32, leaving: u64) -> Result<bool, StoreError> {
        if leaving == 0 {
            return Ok(false);
        }
        let number = snapshot
            .get(&self.keyspaces.meta, keys::sequence(shard))
            .map_err(refused)?;
        let number = number
            .as_deref()
            .and_then(|bytes| bytes.first_chunk())
            .map_or(0, |bytes| u64::from_le_bytes(*bytes));
        Ok(number >= leaving)
    }

    /// Where chunks are, or parts.
    pub(super) fn keyspace(&self, packed: bool) -> &Keyspace {
        if packed {
            &self.keyspaces.chunks
        } else {
            &self.keyspaces.parts
        }
    }

    /// Parts and chunks of the days of `from_us..to_us`, in order of their first time.
    pub(super) fn iter(
        &self,
        snapshot: &Snapshot,
        packed: bool,
        series: SeriesId,
        from_us: i64,
        to_us: i64,
    ) -> Iter {
        let from = keys::bound(series, self.calendar.day_start(from_us));
        snapshot.range(self.keyspace(packed), from..keys::bound(series, to_us))
    }

    /// Whether the series has the value at the instant.
    pub(super) fn holds(
        &self,
        series: SeriesId,
        time_us: i64,
        value: f64,
    ) -> Result<bool, StoreError> {
        let after = time_us.saturating_add(1);
        let view = self.view(series, time_us, after)?;
        let bits = value.to_bits();
        let same = |row: &Observation| row.time_us == time_us && row.value.to_bits() == bits;
        if view.open.iter().any(same) {
            return Ok(true);
        }
        let mut rows = Vec::new();
        for packed in [false, true] {
            for pair in self.iter(&view.snapshot, packed, series, time_us, after) {
                let (key, value) = pair.into_inner().map_err(refused)?;
                let stored = Stored::new(packed, key, value)?;
                if stored.span.first_us > time_us || stored.span.last_us < time_us {
                    continue;
                }
                rows.clear();
                stored.decode(series, &mut rows)?;
                if rows.iter().any(same) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Everything of one local day, in order of the first time.
    pub(super) fn day(
        &self,
        snapshot: &Snapshot,
        packed: bool,
        series: SeriesId,
        day_us: i64,
    ) -> Result<Vec<Stored>, StoreError> {
        let end = day_us.saturating_add(DAY_US);
        self.iter(snapshot, packed, series, day_us, end)
            .map(|pair| {
                let (key, value) = pair.into_inner().map_err(refused)?;
                Stored::new(packed, key, value)
            })
            .collect()
    }
}
