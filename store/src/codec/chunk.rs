//! A day of a series, or a piece of one, packed column by column.

use super::column;
use super::part::{Span, span_of};
use super::varint::{Malformed, Reader, put, put_signed};
use super::{frame, strip};
use crate::{Observation, SeriesId};

const STEPS: u8 = 0;
const SLOTS: u8 = 1;

const SEQ_NONE: u8 = 0;
const SEQ_ALL: u8 = 1;
const SEQ_SOME: u8 = 2;

/// Intervals that devices keep, in µs: deviations are measured from the nearest.
const INTERVALS_S: [i64; 19] = [
    1, 2, 3, 5, 10, 12, 15, 20, 30, 60, 120, 180, 300, 600, 900, 1200, 1800, 3600, 7200,
];

/// A chunk of rows in order of (time, boot, seq).
pub(crate) fn encode(rows: &[Observation]) -> Result<Vec<u8>, Malformed> {
    let span = span_of(rows).ok_or(Malformed("a chunk of nothing"))?;
    let mut out = frame::open(64 + rows.len() * 3);
    span.put(&mut out);
    let column = |out: &mut Vec<u8>, put_into: &dyn Fn(&mut Vec<u8>) -> Result<(), Malformed>| {
        let mut bytes = Vec::new();
        put_into(&mut bytes)?;
        put(out, bytes.len() as u64);
        out.extend_from_slice(&bytes);
        Ok::<(), Malformed>(())
    };
    let integers = |value: fn(&Observation) -> i64| {
        let values: Vec<i64> = rows.iter().map(value).collect();
        move |out: &mut Vec<u8>| column::put_integers(out, &values)
    };
    column(&mut out, &|out| put_times(out, rows))?;
    let latency = integers(|row| row.received_us.wrapping_sub(row.time_us));
    column(&mut out, &latency)?;
    let values: Vec<f64> = rows.iter().map(|row| row.value).collect();
    column(&mut out, &|out| column::put_floats(out, &values))?;
    column(&mut out, &|out| put_sequences(out, rows))?;
    column(&mut out, &integers(|row| i64::from(row.boot)))?;
    column(&mut out, &integers(|row| i64::from(strip::tag(row))))?;
    Ok(frame::close(out))
}

fn put_times(out: &mut Vec<u8>, rows: &[Observation]) -> Result<(), Malformed> {
    let first = rows.first().map_or(0, |row| row.time_us);
    let mut steps: Vec<i64> = rows
        .windows(2)
        .map(|pair| pair[1].time_us.wrapping_sub(pair[0].time_us))
        .collect();
    put_signed(out, first);
    let Some(interval) = interval_of(&steps) else {
        out.push(STEPS);
        return if steps.is_empty() {
            Ok(())
        } else {
            column::put_integers(out, &steps)
        };
    };
    let mut deviations = Vec::with_capacity(steps.len());
    let mut previous_slot = 0;
    for (step, row) in steps.iter_mut().zip(&rows[1..]) {
        let since = row.time_us - first;
        let slot = (since + interval / 2).div_euclid(interval);
        deviations.push(since - slot * interval);
        *step = slot - previous_slot;
        previous_slot = slot;
    }
    out.push(SLOTS);
    put(out, interval as u64);
    column::put_integers(out, &steps)?;
    column::put_integers(out, &deviations)
}

/// The interval that these steps keep, give or take, if they keep one.
fn interval_of(steps: &[i64]) -> Option<i64> {
    if steps.len() < 8 {
        return None;
    }
    let mut sorted = steps.to_vec();
    let (_, &mut median, _) = sorted.select_nth_unstable(steps.len() / 2);
    let interval = INTERVALS_S
        .iter()
        .map(|seconds| seconds * 1_000_000)
        .min_by_key(|interval| (interval - median).abs())?;
    let near = (interval - median).abs() * 20 <= interval;
    // Slots pay if most steps are not exact: those are packed to nothing anyway.
    let exact = steps.iter().filter(|step| **step == median).count() * 2 > steps.len();
    (near && !exact).then_some(interval)
}

fn put_sequences(out: &mut Vec<u8>, rows: &[Observation]) -> Result<(), Malformed> {
    let present = rows.iter().filter(|row| row.seq.is_some()).count();
    let values: Vec<i64> = rows.iter().map(|row| row.seq.unwrap_or(0) as i64).collect();
    if present == 0 {
        out.push(SEQ_NONE);
        return Ok(());
    }
    if present == rows.len() {
        out.push(SEQ_ALL);
    } else {
        out.push(SEQ_SOME);
        let flags: Vec<i64> = rows
            .iter()
            .map(|row| i64::from(row.seq.is_some()))
            .collect();
        column::put_integers(out, &flags)?;
    }
    column::put_integers(out, &values)
}

/// Appends the rows of a chunk.
pub(crate) fn decode(
    series: SeriesId,
    value: &[u8],
    rows: &mut Vec<Observation>,
) -> Result<(), Malformed> {
    let mut columns = Columns::open(value)?;
    let count = columns.span.rows;
    let (mut times, mut latencies, mut boots, mut tags) = (vec![], vec![], vec![], vec![]);
    let (mut scratch, mut values) = (vec![], vec![]);
    take_times(&mut columns.next()?, count, &mut times)?;
    column::take_integers(&mut columns.next()?, count, &mut latencies)?;
    column::take_floats(&mut columns.next()?, count, &mut scratch, &mut values)?;
    let seqs = take_sequences(&mut columns.next()?, count)?;
    column::take_integers(&mut columns.next()?, count, &mut boots)?;
    column::take_integers(&mut columns.next()?, count, &mut tags)?;
    rows.reserve(count);
    for row in 0..count {
        let (quality, source) = strip::untag(tags[row] as u8)?;
        rows.push(Observation {
            series,
            boot: u32::try_from(boots[row]).map_err(|_| Malformed("no boot counter"))?,
            time_us: times[row],
            received_us: times[row].wrapping_add(latencies[row]),
            value: values[row],
            seq: seqs.get(row).copied().flatten(),
            quality,
            source,
        });
    }
    Ok(())
}

struct Columns<'a> {
    span: Span,
    reader: Reader<'a>,
}

impl<'a> Columns<'a> {
    fn open(value: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(frame::check(value)?);
        let span = Span::take(&mut reader)?;
        Ok(Self { span, reader })
    }

    fn next(&mut self) -> Result<Reader<'a>, Malformed> {
        let length = self.reader.count(usize::MAX)?;
        Ok(Reader::new(self.reader.take(length)?))
    }
}

fn take_times(reader: &mut Reader<'_>, rows: usize, times: &mut Vec<i64>) -> Result<(), Malformed> {
    let first = reader.signed()?;
    let kind = reader.byte()?;
    let mut time = first;
    let mut steps = Vec::new();
    match (kind, rows) {
        (STEPS, 1) => times.clear(),
        (STEPS, _) => {
            column::take_integers(reader, rows - 1, times)?;
            for step in times.iter_mut() {
                time = time.wrapping_add(*step);
                *step = time;
            }
        }
        (SLOTS, 2..) => {
            let interval = reader.varint()? as i64;
            column::take_integers(reader, rows - 1, &mut steps)?;
            column::take_integers(reader, rows - 1, times)?;
            for (deviation, step) in times.iter_mut().zip(&steps) {
                time = time.wrapping_add(step.wrapping_mul(interval));
                *deviation = time.wrapping_add(*deviation);
            }
        }
        _ => return Err(Malformed("an unknown kind of times")),
    }
    times.insert(0, first);
    Ok(())
}

fn take_sequences(reader: &mut Reader<'_>, rows: usize) -> Result<Vec<Option<u64>>, Malformed> {
    let kind = reader.byte()?;
    if kind == SEQ_NONE {
        return Ok(Vec::new());
    }
    let (mut flags, mut values) = (Vec::new(), Vec::new());
    if kind == SEQ_SOME {
        column::take_integers(reader, rows, &mut flags)?;
    }
    column::take_integers(reader, rows, &mut values)?;
    let has = |row: usize| flags.get(row).is_none_or(|&flag| flag != 0);
    Ok(values
        .iter()
        .enumerate()
        .map(|(row, &value)| has(row).then_some(value as u64))
        .collect())
}

/// Time, value and quality of the rows of a chunk: all that charts need.
pub(crate) fn decode_values(
    value: &[u8],
    mut take: impl FnMut(i64, f64, u8),
) -> Result<(), Malformed> {
    let mut columns = Columns::open(value)?;
    let count = columns.span.rows;
    let (mut times, mut tags, mut scratch, mut values) = (vec![], vec![], vec![], vec![]);
    take_times(&mut columns.next()?, count, &mut times)?;
    columns.next()?;
    column::take_floats(&mut columns.next()?, count, &mut scratch, &mut values)?;
    columns.next()?;
    columns.next()?;
    column::take_integers(&mut columns.next()?, count, &mut tags)?;
    for ((&time, &value), &tag) in times.iter().zip(&values).zip(&tags) {
        take(time, value, tag as u8);
    }
    Ok(())
}
