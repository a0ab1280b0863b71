//! The 24 hours of a local day of a series.

use super::varint::{Malformed, Reader, put, put_signed};
use super::{decimal, frame};
use crate::Observation;
use crate::period::Calendar;

/// Hours of a day.
pub(crate) const HOURS: usize = 24;
const FLOATS: u8 = 255;
const HOUR_MS: usize = 3_600_000;

/// What the measured values of one hour were.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Hour {
    pub(crate) count: u64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) last: f64,
    pub(crate) sum: f64,
}

impl Hour {
    pub(crate) const fn of(value: f64) -> Self {
        Self {
            count: 1,
            min: value,
            max: value,
            last: value,
            sum: value,
        }
    }

    /// Adds what came later.
    pub(crate) fn add(&mut self, later: Self) {
        self.count += later.count;
        self.min = self.min.min(later.min);
        self.max = self.max.max(later.max);
        self.last = later.last;
        self.sum += later.sum;
    }
}

/// The rollup of a day, by local hour.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rollup {
    hours: [Option<Hour>; HOURS],
    /// From the last value of an hour to its end, whole ms; 0 where that is not known.
    left_ms: [u32; HOURS],
    /// Decimal places with which every value so far is a decimal.
    scale: Option<u8>,
}

impl Default for Rollup {
    fn default() -> Self {
        Self {
            hours: [None; HOURS],
            left_ms: [0; HOURS],
            scale: Some(0),
        }
    }
}

impl Rollup {
    /// Adds a value that was measured `left_ms` before the end of its hour. It is the hour's
    /// last unless a later one is known; of one ms, the one that is added later.
    pub(crate) fn add(&mut self, hour: usize, value: f64, left_ms: u32) {
        self.scale = self
            .scale
            .and_then(|scale| match decimal::mantissa(value, scale) {
                Some(_) => Some(scale),
                None => Some(decimal::scale_of(value, scale)?.0),
            });
        let added = Hour::of(value);
        let (Some(hour), Some(before)) = (self.hours.get_mut(hour), self.left_ms.get_mut(hour))
        else {
            return;
        };
        match hour {
            Some(hour) if left_ms > *before => {
                let last = hour.last;
                hour.add(added);
                hour.last = last;
            }
            Some(hour) => {
                hour.add(added);
                *before = left_ms;
            }
            none => {
                *none = Some(added);
                *before = left_ms;
            }
        }
    }

    /// Adds a row, if it is measured.
    pub(crate) fn add_row(&mut self, calendar: Calendar, row: &Observation) {
        if row.quality.is_measured() {
            let hour = calendar.hour_of_day(row.time_us);
            self.add(hour, row.value, calendar.left_of_hour_ms(row.time_us));
        }
    }

    /// The hours that have values.
    pub(crate) fn hours(&self) -> impl Iterator<Item = (usize, Hour)> {
        self.hours
            .iter()
            .enumerate()
            .filter_map(|(index, hour)| Some((index, (*hour)?)))
    }

    /// The rollup of a day whose rows are kept.
    pub(crate) fn encode(&self) -> Vec<u8> {
        frame::close(self.encode_hours())
    }

    /// The rollup of a day whose rows are gone: it can be added to later.
    pub(crate) fn encode_alone(&self) -> Vec<u8> {
        let mut out = self.encode_hours();
        for (index, _) in self.hours() {
            put(&mut out, u64::from(self.left_ms[index]));
        }
        frame::close(out)
    }

    fn encode_hours(&self) -> Vec<u8> {
        let mut out = frame::open(16 + HOURS * 10);
        let bitmap = self
            .hours()
            .fold(0_u32, |bitmap, (index, _)| bitmap | 1 << index);
        let decimal = self.scale.and_then(|scale| self.mantissas(scale));
        out.push(self.scale.filter(|_| decimal.is_some()).unwrap_or(FLOATS));
        out.extend_from_slice(&bitmap.to_le_bytes()[..3]);
        match decimal {
            Some(hours) => put_decimals(&mut out, &hours),
            None => {
                for (_, hour) in self.hours() {
                    put(&mut out, hour.count);
                    for value in [hour.min, hour.max, hour.last, hour.sum] {
                        out.extend_from_slice(&value.to_bits().to_le_bytes());
                    }
                }
            }
        }
        out
    }

    // The sum of decimals is one too, but adding floats may have left it a little beside.
    fn mantissas(&self, scale: u8) -> Option<Vec<(u64, [i64; 4])>> {
        let of_hour = |(_, hour): (usize, Hour)| {
            let extremes =
                [hour.min, hour.max, hour.last].map(|value| decimal::mantissa(value, scale));
            let scaled = hour.sum * decimal::power(scale);
            let sum = (scaled.abs() < 9e15).then(|| scaled.round() as i64)?;
            let [min, max, last] = extremes;
            Some((hour.count, [min?, max?, last?, sum]))
        };
        self.hours().map(of_hour).collect()
    }

    pub(crate) fn decode(value: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(frame::check(value)?);
        let scale = reader.byte()?;
        let [a, b, c] = reader.array()?;
        let bitmap = u32::from_le_bytes([a, b, c, 0]);
        if scale != FLOATS && scale > decimal::SCALE_MAX {
            return Err(Malformed("a decimal of too many places"));
        }
        let mut rollup = Self {
            hours: [None; HOURS],
            left_ms: [0; HOURS],
            scale: Some(scale).filter(|&scale| scale != FLOATS),
        };
        let mut previous = 0;
        for (index, hour) in rollup.hours.iter_mut().enumerate() {
            if bitmap & 1 << index == 0 {
                continue;
            }
            let taken = if scale == FLOATS {
                take_floats(&mut reader)?
            } else {
                take_decimals(&mut reader, scale, &mut previous)?
            };
            if taken.count == 0 {
                return Err(Malformed("an hour of no values"));
            }
            *hour = Some(taken);
        }
        if !reader.is_empty() {
            for (hour, left_ms) in rollup.hours.iter().zip(&mut rollup.left_ms) {
                if hour.is_some() {
                    *left_ms = reader.count(HOUR_MS)? as u32;
                }
            }
        }
        Ok(rollup)
    }
}

fn put_decimals(out: &mut Vec<u8>, hours: &[(u64, [i64; 4])]) {
    let mut previous = 0_i64;
    for &(count, [min, max, last, sum]) in hours {
        put(out, count);
        put_signed(out, min.wrapping_sub(previous));
        if count > 1 {
            put_signed(out, max.wrapping_sub(min));
            put_signed(out, last.wrapping_sub(min));
            put_signed(out, sum.wrapping_sub((count as i64).wrapping_mul(min)));
        }
        previous = min;
    }
}

fn take_decimals(
    reader: &mut Reader<'_>,
    scale: u8,
    previous: &mut i64,
) -> Result<Hour, Malformed> {
    let count = reader.varint()?;
    let min = previous.wrapping_add(reader.signed()?);
    *previous = min;
    if count == 1 {
        return Ok(Hour::of(decimal::value(min, scale)));
    }
    let max = min.wrapping_add(reader.signed()?);
    let last = min.wrapping_add(reader.signed()?);
    let sum = reader
        .signed()?
        .wrapping_add((count as i64).wrapping_mul(min));
    let [min, max, last, sum] = [min, max, last, sum].map(|value| decimal::value(value, scale));
    Ok(Hour {
        count,
        min,
        max,
        last,
        sum,
    })
}

fn take_floats(reader: &mut Reader<'_>) -> Result<Hour, Malformed> {
    let count = reader.varint()?;
    let mut float = || Ok::<f64, Malformed>(f64::from_bits(u64::from_le_bytes(reader.array()?)));
    Ok(Hour {
        count,
        min: float()?,
        max: float()?,
        last: float()?,
        sum: float()?,
    })
}
