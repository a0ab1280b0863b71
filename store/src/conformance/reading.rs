//! What readers get.

use super::{DAY_US, MIDNIGHT_US, Subject, read, read_all, reading, settle, sorted};
use crate::{Observation, Order, RangeQuery, SeriesId, Source, StateBatch, Store};
use nhip_wire::Quality;

/// Rows are read before any checkpoint.
pub fn shows_what_was_appended_at_once(mut subject: impl Subject) {
    let store = subject.open();
    let rows = [
        reading(1, MIDNIGHT_US, 1, 20.5),
        reading(2, MIDNIGHT_US, 1, 3.0),
    ];
    store.append(0, &rows).unwrap();
    assert_eq!(read_all(&store, 1), rows[..1]);
    assert_eq!(read_all(&store, 2), rows[1..]);
}

/// A series that nobody wrote has no rows and no buckets.
pub fn an_empty_series_has_nothing(mut subject: impl Subject) {
    let store = subject.open();
    assert!(read_all(&store, 7).is_empty());
    assert!(!store.contains(SeriesId(7), 0, 0.0).unwrap());
    let buckets = store.buckets(SeriesId(7), 0, DAY_US, 10).unwrap();
    assert!(buckets.is_empty());
    assert_eq!(store.state(0, b"nothing").unwrap(), None);
}

/// Both orders, half-open bounds, over several days, before and after merging.
pub fn reads_both_ways_within_its_bounds(mut subject: impl Subject) {
    let store = subject.open();
    let rows: Vec<_> = (0..700)
        .map(|step| {
            reading(
                4,
                MIDNIGHT_US + step * 600_000_000,
                step as u64,
                step as f64,
            )
        })
        .collect();
    for some in rows.chunks(50) {
        store.append(0, some).unwrap();
        store.checkpoint(0, StateBatch::default()).unwrap();
    }
    let check = || {
        for (from, to) in [(0, 700), (1, 2), (143, 145), (100, 650), (5, 5)] {
            let bound = |index: usize| MIDNIGHT_US + index as i64 * 600_000_000;
            let expected = rows[from..to].to_vec();
            let forward = read(&store, 4, bound(from), bound(to), Order::Ascending);
            assert_eq!(forward, expected, "{from}..{to}");
            let mut backward = read(&store, 4, bound(from), bound(to), Order::Descending);
            backward.reverse();
            assert_eq!(backward, expected, "{from}..{to} newest first");
        }
        assert!(read(&store, 4, 10, -10, Order::Ascending).is_empty());
    };
    check();
    settle(&store, rows[699].time_us);
    check();
}

/// Two rows at one instant are two rows, in order of boot and sequence.
pub fn keeps_readings_of_one_instant_apart(mut subject: impl Subject) {
    let store = subject.open();
    let mut rows: Vec<_> = (0..40)
        .rev()
        .map(|seq| reading(1, MIDNIGHT_US, seq, 1.0))
        .collect();
    rows.push(Observation {
        boot: 0,
        seq: Some(99),
        ..rows[0]
    });
    for some in rows.chunks(7) {
        store.append(0, some).unwrap();
        store.checkpoint(0, StateBatch::default()).unwrap();
    }
    assert_eq!(read_all(&store, 1), sorted(rows.clone()));
    settle(&store, MIDNIGHT_US);
    assert_eq!(read_all(&store, 1), sorted(rows));
}

/// Extremes of every field come back as they were.
pub fn gives_back_every_field_to_the_bit(mut subject: impl Subject) {
    let store = subject.open();
    let mut rows = Vec::new();
    let values = [
        0.1,
        -0.0,
        1e300,
        -5e-324,
        1.0 / 3.0,
        12_345.678_9,
        f64::MAX,
        0.0,
        -273.15,
    ];
    for (index, value) in (0..).zip(values) {
        for (turn, quality) in (0..).zip(Quality::ALL) {
            let time_us = MIDNIGHT_US + index * 1_000_003 + turn * 17;
            rows.push(Observation {
                series: SeriesId(u32::MAX),
                boot: [0, 1, u32::MAX][turn as usize % 3],
                time_us,
                received_us: time_us + [0, -5_000_000, 86_400_000_000, 1][turn as usize % 4],
                value,
                seq: [None, Some(u64::MAX >> 1), Some(0), Some(7)][(index + turn) as usize % 4],
                quality,
                source: if turn % 2 == 0 {
                    Source::Device
                } else {
                    Source::Arrival
                },
            });
        }
    }
    store.append(0, &rows).unwrap();
    let check = |store: &dyn Fn() -> Vec<Observation>| {
        let read = store();
        assert_eq!(read, rows);
        for (read, row) in read.iter().zip(&rows) {
            assert_eq!(read.value.to_bits(), row.value.to_bits());
        }
    };
    check(&|| read_all(&store, u32::MAX));
    store.checkpoint(0, StateBatch::default()).unwrap();
    check(&|| read_all(&store, u32::MAX));
    settle(&store, MIDNIGHT_US);
    check(&|| read_all(&store, u32::MAX));
    let store = subject.crash(store);
    check(&|| read_all(&store, u32::MAX));
}

/// What comes late is read in its place, whether its day was merged or not.
pub fn takes_readings_of_sixty_days_ago(mut subject: impl Subject) {
    let store = subject.open();
    let minute = |index: i64| MIDNIGHT_US + index * 60_000_000;
    let mut rows: Vec<_> = (0..1440)
        .step_by(2)
        .map(|i| reading(3, minute(i), i as u64, 2.5))
        .collect();
    store.append(0, &rows).unwrap();
    store
        .append(0, &[reading(3, MIDNIGHT_US + 60 * DAY_US, 5000, 1.0)])
        .unwrap();
    settle(&store, MIDNIGHT_US + 60 * DAY_US);
    let late: Vec<_> = (1..1440)
        .step_by(2)
        .map(|i| reading(3, minute(i), i as u64, 3.5))
        .collect();
    for some in late.chunks(100) {
        store.append(0, some).unwrap();
        store.checkpoint(0, StateBatch::default()).unwrap();
    }
    rows.extend(late);
    rows.push(reading(3, MIDNIGHT_US + 60 * DAY_US, 5000, 1.0));
    let rows = sorted(rows);
    assert_eq!(read_all(&store, 3), rows);
    settle(&store, MIDNIGHT_US + 70 * DAY_US);
    assert_eq!(read_all(&store, 3), rows);
}

/// `contains` compares the instant and the value's bits, nothing else.
pub fn finds_a_value_at_an_instant(mut subject: impl Subject) {
    let store = subject.open();
    let rows: Vec<_> = (0..300)
        .map(|step| {
            reading(
                6,
                MIDNIGHT_US + step * 1_000_000,
                step as u64,
                step as f64 / 10.0,
            )
        })
        .collect();
    store.append(0, &rows).unwrap();
    let check = || {
        for row in rows.iter().step_by(37) {
            assert!(store.contains(row.series, row.time_us, row.value).unwrap());
            assert!(
                !store
                    .contains(row.series, row.time_us, row.value + 0.1)
                    .unwrap()
            );
            assert!(
                !store
                    .contains(row.series, row.time_us + 1, row.value)
                    .unwrap()
            );
            assert!(!store.contains(SeriesId(5), row.time_us, row.value).unwrap());
        }
        assert!(!store.contains(SeriesId(6), MIDNIGHT_US, -0.0).unwrap());
    };
    check();
    store.checkpoint(0, StateBatch::default()).unwrap();
    check();
    settle(&store, MIDNIGHT_US);
    check();
}

/// What happens after an answer began neither adds to it nor takes from it.
pub fn an_answer_begun_is_of_one_moment(mut subject: impl Subject) {
    let store = subject.open();
    let row = |step: i64| reading(8, MIDNIGHT_US + step * 30_000_000, step as u64, 0.5);
    let before: Vec<_> = (0..9000).map(row).collect();
    for some in before.chunks(1000) {
        store.append(0, some).unwrap();
        store.checkpoint(0, StateBatch::default()).unwrap();
    }
    let query = RangeQuery {
        series: SeriesId(8),
        from_us: MIDNIGHT_US,
        to_us: MIDNIGHT_US + 9 * DAY_US,
        order: Order::Ascending,
    };
    let mut blocks = store.range(query).unwrap();
    let mut read = blocks.next().unwrap().unwrap();
    let after: Vec<_> = (9000..9100).map(row).collect();
    store.append(0, &after).unwrap();
    settle(&store, MIDNIGHT_US + 9 * DAY_US);
    read.extend(blocks.flat_map(Result::unwrap));
    read.retain(|row| row.time_us < after[0].time_us);
    assert_eq!(read, before);
}
