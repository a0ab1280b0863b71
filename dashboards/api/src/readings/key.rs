//! The place of a reading in an answer.

use crate::{cursor, problem::Problem};
use nhip_store::{Observation, Order, SeriesId};
use std::cmp::Ordering;

/// How readings of several series are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// By time, then series.
    ByTime,
    /// By series, then time.
    BySeries,
}

/// Everything that a stored reading says: two of the same key can't be told apart, so it is
/// enough to count them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) time_us: i64,
    pub(crate) series: SeriesId,
    boot: u32,
    seq: Option<u64>,
    received_us: i64,
    value: u64,
    quality: u8,
    source: u8,
}

/// Where a page ended: exact, since readings that are stored later fall before or behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) layout: Layout,
    order: bool,
    pub(crate) key: Key,
    /// How many readings of this key were given.
    pub(crate) given: u64,
}

impl Key {
    pub(crate) fn of(reading: &Observation) -> Self {
        Self {
            time_us: reading.time_us,
            series: reading.series,
            boot: reading.boot,
            seq: reading.seq,
            received_us: reading.received_us,
            value: reading.value.to_bits(),
            quality: reading.quality as u8,
            source: reading.source as u8,
        }
    }

    /// Their order in an answer in this order of time.
    pub(crate) fn compare(&self, other: &Self, order: Order) -> Ordering {
        match order {
            Order::Ascending => self.cmp(other),
            Order::Descending => other.cmp(self),
        }
    }
}

impl Place {
    pub(crate) fn new(layout: Layout, order: Order, key: Key, given: u64) -> Self {
        Self {
            layout,
            order: order == Order::Descending,
            key,
            given,
        }
    }

    pub(crate) fn seal(&self) -> String {
        let mut bytes = Vec::with_capacity(62);
        bytes.push(u8::from(self.layout == Layout::BySeries));
        bytes.push(u8::from(self.order));
        bytes.extend_from_slice(&self.key.time_us.to_be_bytes());
        bytes.extend_from_slice(&self.key.series.0.to_be_bytes());
        bytes.extend_from_slice(&self.key.boot.to_be_bytes());
        bytes.push(u8::from(self.key.seq.is_some()));
        bytes.extend_from_slice(&self.key.seq.unwrap_or(0).to_be_bytes());
        bytes.extend_from_slice(&self.key.received_us.to_be_bytes());
        bytes.extend_from_slice(&self.key.value.to_be_bytes());
        bytes.push(self.key.quality);
        bytes.push(self.key.source);
        bytes.extend_from_slice(&self.given.to_be_bytes());
        cursor::seal("readings", &bytes)
    }

    pub(crate) fn open(text: &str, order: Order) -> Result<Self, Problem> {
        let bytes = cursor::open("readings", text)?;
        let place = Self::read(&bytes).ok_or_else(cursor::not_ours)?;
        if place.order != (order == Order::Descending) {
            return Err(Problem::parameter(
                "cursor",
                "it belongs to the other `order`",
            ));
        }
        Ok(place)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let mut number = |length: usize| {
            let (head, tail) = rest.split_at_checked(length)?;
            rest = tail;
            Some(
                head.iter()
                    .fold(0u64, |number, byte| number << 8 | u64::from(*byte)),
            )
        };
        let layout = match number(1)? {
            0 => Layout::ByTime,
            1 => Layout::BySeries,
            _ => return None,
        };
        let order = number(1)? != 0;
        let time_us = number(8)?.cast_signed();
        let series = SeriesId(u32::try_from(number(4)?).ok()?);
        let boot = u32::try_from(number(4)?).ok()?;
        let has_seq = number(1)? != 0;
        let seq = number(8)?;
        let received_us = number(8)?.cast_signed();
        let value = number(8)?;
        let quality = u8::try_from(number(1)?).ok()?;
        let source = u8::try_from(number(1)?).ok()?;
        let given = number(8)?;
        let key = Key {
            time_us,
            series,
            boot,
            seq: has_seq.then_some(seq),
            received_us,
            value,
            quality,
            source,
        };
        rest.is_empty().then_some(Self {
            layout,
            order,
            key,
            given,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_place_is_read_back(
            time_us: i64, series: u32, boot: u32, seq: Option<u64>, received_us: i64, value: u64,
            quality: u8, source: u8, given: u64, by_series: bool, order: bool,
        ) {
            let layout = if by_series { Layout::BySeries } else { Layout::ByTime };
            let series = SeriesId(series);
            let key = Key { time_us, series, boot, seq, received_us, value, quality, source };
            let place = Place { layout, order, key, given };
            let asked = if order { Order::Descending } else { Order::Ascending };
            prop_assert_eq!(Place::open(&place.seal(), asked).unwrap(), place);
        }

        #[test]
        fn no_text_harms(text in "\\PC{0,80}") {
            let _ = Place::open(&text, Order::Ascending);
        }
    }
}
