//! Any rows come back from every encoding, and any bytes are read or refused.

use super::{chunk, frame, page, part, rollup, strip};
use crate::{Observation, SeriesId, Source};
use nhip_wire::Quality;
use proptest::prelude::*;

const SERIES: SeriesId = SeriesId(9);

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        (-100_000..100_000_i64).prop_map(|tenths| tenths as f64 / 10.0),
        any::<u64>()
            .prop_map(f64::from_bits)
            .prop_filter("finite", |value| value.is_finite()),
        Just(-0.0),
    ]
}

fn row() -> impl Strategy<Value = Observation> {
    let time = prop_oneof![
        (0..2_000_000_i64).prop_map(|ms| 1_763_830_800_000_000 + ms * 1000),
        -(1_i64 << 60)..(1_i64 << 60),
    ];
    let seq = prop_oneof![
        Just(None),
        any::<u64>().prop_map(Some),
        (0..50_u64).prop_map(Some)
    ];
    let latency = prop_oneof![
        (0..500_i64).prop_map(|ms| ms * 1000),
        -(1_i64 << 50)..(1_i64 << 50)
    ];
    (
        time,
        latency,
        value(),
        seq,
        0..4_u32,
        0..6_u8,
        any::<bool>(),
    )
        .prop_map(
            |(time_us, latency, value, seq, boot, quality, arrival)| Observation {
                series: SERIES,
                boot,
                time_us,
                received_us: time_us + latency,
                value,
                seq,
                quality: Quality::from_code(quality).unwrap(),
                source: if arrival {
                    Source::Arrival
                } else {
                    Source::Device
                },
            },
        )
}

/// What charts need of rows.
fn charted(rows: &[Observation]) -> Vec<(i64, u64, u8)> {
    let charted = |row: &Observation| (row.time_us, row.value.to_bits(), strip::tag(row));
    rows.iter().map(charted).collect()
}

fn rows() -> impl Strategy<Value = Vec<Observation>> {
    let regular = (1..300_usize, any::<u32>(), 1..100_000_i64).prop_map(|(count, seed, jitter)| {
        let row = |index: usize| {
            let noise = (seed.wrapping_mul(index as u32 * 2 + 1) >> 3) as i64 % jitter;
            let time_us = 1_763_830_800_000_000 + (index as i64 * 60_000 + noise) * 1000;
            Observation {
                series: SERIES,
                boot: 1,
                time_us,
                received_us: time_us + noise % 9 * 1000,
                value: (noise % 300) as f64 / 10.0,
                seq: Some(index as u64),
                quality: Quality::Good,
                source: Source::Device,
            }
        };
        (0..count).map(row).collect()
    });
    prop_oneof![regular, prop::collection::vec(row(), 1..60)].prop_map(|mut rows: Vec<_>| {
        rows.sort_by_key(|row: &Observation| (row.time_us, row.boot, row.seq));
        rows
    })
}

fn bits(rows: &[Observation]) -> Vec<u64> {
    rows.iter().map(|row| row.value.to_bits()).collect()
}

fn framed(body: &[u8]) -> Vec<u8> {
    let mut out = frame::open(body.len());
    out.extend_from_slice(body);
    frame::close(out)
}

fn decode_everything(value: &[u8]) {
    let mut rows = Vec::new();
    let _ = part::decode(SERIES, value, &mut rows);
    let _ = part::Span::of(value);
    let _ = chunk::decode(SERIES, value, &mut rows);
    let _ = part::decode_values(value, |_, _, _| ());
    let _ = chunk::decode_values(value, |_, _, _| {});
    let _ = rollup::Rollup::decode(value);
    if let Ok(entries) = page::Entries::new(value) {
        // An entry that can't be read is the last: the reader stays where it is.
        let _ = entries.take(1000).map_while(Result::ok).count();
    }
}

proptest! {
    #[test]
    fn strips_parts_and_chunks_give_back_their_rows(rows in rows()) {
        let mut read = Vec::new();
        let (_, value) = part::encode(&rows).unwrap();
        part::decode(SERIES, &value, &mut read).unwrap();
        prop_assert_eq!(&read, &rows);
        prop_assert_eq!(bits(&read), bits(&rows));
        let mut values = Vec::new();
        part::decode_values(&value, |time, value, tag| values.push((time, value.to_bits(), tag))).unwrap();
        prop_assert_eq!(values, charted(&rows));
        read.clear();
        let value = chunk::encode(&rows).unwrap();
        chunk::decode(SERIES, &value, &mut read).unwrap();
        prop_assert_eq!(&read, &rows);
        prop_assert_eq!(bits(&read), bits(&rows));
        let mut values = Vec::new();
        chunk::decode_values(&value, |time, value, tag| values.push((time, value.to_bits(), tag))).unwrap();
        prop_assert_eq!(values, charted(&rows));
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(bytes: Vec<u8>) {
        let _ = strip::decode_all(SERIES, &bytes, &mut Vec::new());
        decode_everything(&bytes);
        decode_everything(&framed(&bytes));
    }

    #[test]
    fn changed_chunks_are_decoded_or_refused(
        rows in rows(),
        changes in prop::collection::vec((any::<usize>(), any::<u8>()), 1..4),
    ) {
        for value in [chunk::encode(&rows).unwrap(), part::encode(&rows).unwrap().1] {
            let mut body = frame::check(&value).unwrap().to_vec();
            for &(position, byte) in &changes {
                let position = position % body.len();
                body[position] ^= byte;
            }
            decode_everything(&framed(&body));
        }
    }

    #[test]
    fn rollups_come_back(values in prop::collection::vec((0..24_usize, value()), 0..200)) {
        let mut sorted = values;
        sorted.sort_by_key(|(hour, _)| *hour);
        let mut rollup = rollup::Rollup::default();
        for &(hour, value) in &sorted {
            rollup.add(hour, value, 0);
        }
        let read = rollup::Rollup::decode(&rollup.encode()).unwrap();
        for ((a_hour, a), (b_hour, b)) in rollup.hours().zip(read.hours()) {
            prop_assert_eq!(a_hour, b_hour);
            prop_assert_eq!((a.count, a.min, a.max, a.last), (b.count, b.min, b.max, b.last));
            prop_assert!(a.sum == b.sum || (a.sum - b.sum).abs() <= 1e-6 * a.sum.abs().max(1.0));
        }
        prop_assert_eq!(rollup.hours().count(), read.hours().count());
    }

    #[test]
    fn a_rollup_alone_is_added_to_as_the_first_one_was(
        values in prop::collection::vec((0..24_usize, -9000..9000_i64, 0..3_600_000_u32), 1..100),
        kept in any::<prop::sample::Index>(),
    ) {
        let add = |rollup: &mut rollup::Rollup, some: &[(usize, i64, u32)]| {
            for &(hour, tenths, left_ms) in some {
                rollup.add(hour, tenths as f64 / 10.0, left_ms);
            }
        };
        let (first, late) = values.split_at(kept.index(values.len()));
        let mut rollup = rollup::Rollup::default();
        add(&mut rollup, first);
        let mut read = rollup::Rollup::decode(&rollup.encode_alone()).unwrap();
        add(&mut rollup, late);
        add(&mut read, late);
        prop_assert_eq!(read.encode_alone(), rollup.encode_alone());
        for (hour, what) in read.hours() {
            let of_hour = || values.iter().filter(|value| value.0 == hour);
            let last = of_hour().rev().min_by_key(|value| value.2).unwrap();
            prop_assert_eq!(what.count as usize, of_hour().count());
            prop_assert_eq!(what.last, last.1 as f64 / 10.0);
        }
    }
}
