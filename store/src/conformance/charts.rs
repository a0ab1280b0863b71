//! Buckets against the readings they stand for.

use super::{DAY_US, MIDNIGHT_US, Subject, read, reading, settle};
use crate::{Bucket, Observation, Order, SeriesId, StateBatch, Store};
use nhip_wire::Quality;

const HOUR_US: i64 = 3_600_000_000;

/// Widths are equal, there are at most so many, and nothing stands where nothing was.
pub fn buckets_are_equal_and_leave_gaps(mut subject: impl Subject) {
    let store = subject.open();
    let rows: Vec<_> = (0..100)
        .filter(|step| !(40..60).contains(step))
        .map(|step| reading(1, MIDNIGHT_US + step * 1_000_000, step as u64, step as f64))
        .collect();
    store.append(0, &rows).unwrap();
    let end = MIDNIGHT_US + 100_000_000;
    let buckets = store.buckets(SeriesId(1), MIDNIGHT_US, end, 10).unwrap();
    let starts: Vec<_> = buckets
        .iter()
        .map(|bucket| (bucket.start_us - MIDNIGHT_US) / 1_000_000)
        .collect();
    assert_eq!(starts, [0, 10, 20, 30, 60, 70, 80, 90]);
    let first = Bucket {
        start_us: MIDNIGHT_US,
        width_us: 10_000_000,
        count: 10,
        min: 0.0,
        mean: 4.5,
        max: 9.0,
        last: 9.0,
    };
    assert_eq!(buckets[0], first);
    assert!(
        store
            .buckets(SeriesId(1), end, MIDNIGHT_US, 10)
            .unwrap()
            .is_empty()
    );
}

/// `fault` and `missing` are in no bucket.
pub fn buckets_leave_out_what_was_not_measured(mut subject: impl Subject) {
    let store = subject.open();
    let rows: Vec<_> = (0..)
        .zip(Quality::ALL)
        .map(|(step, quality)| Observation {
            quality,
            ..reading(
                1,
                MIDNIGHT_US + step * HOUR_US,
                step as u64,
                100.0 + step as f64,
            )
        })
        .collect();
    store.append(0, &rows).unwrap();
    let check = || {
        for points in [1, 24, 5000] {
            let buckets = store
                .buckets(SeriesId(1), MIDNIGHT_US, MIDNIGHT_US + DAY_US, points)
                .unwrap();
            assert_eq!(buckets.iter().map(|bucket| bucket.count).sum::<u64>(), 4);
            assert!(buckets.iter().all(|bucket| bucket.max < 104.0));
        }
    };
    check();
    settle(&store, MIDNIGHT_US);
    check();
}

/// A sum that no number holds takes the mean of its buckets, and nothing else.
pub fn buckets_have_no_mean_where_the_sum_is_too_large(mut subject: impl Subject) {
    let store = subject.open();
    let values = [1e308, 1e308, -3.0, 5.0];
    let rows: Vec<_> = (0..)
        .zip(values)
        .map(|(step, value)| reading(1, MIDNIGHT_US + step * HOUR_US / 3, step as u64, value))
        .collect();
    store.append(0, &rows).unwrap();
    let check = || {
        for (points, means) in [(1, vec![None]), (24, vec![None, Some(5.0)])] {
            let buckets = store
                .buckets(SeriesId(1), MIDNIGHT_US, MIDNIGHT_US + DAY_US, points)
                .unwrap();
            let mean = |bucket: &Bucket| Some(bucket.mean).filter(|mean| mean.is_finite());
            assert_eq!(buckets.iter().map(mean).collect::<Vec<_>>(), means);
            assert_eq!((buckets[0].min, buckets[0].max), (-3.0, 1e308));
            assert_eq!(buckets.iter().map(|bucket| bucket.count).sum::<u64>(), 4);
        }
    };
    check();
    settle(&store, MIDNIGHT_US + DAY_US);
    check();
}

/// Open, in parts, merged, and merged with late rows behind: always what the rows say.
pub fn buckets_equal_the_readings_however_they_are_kept(mut subject: impl Subject) {
    let store = subject.open();
    let row = |minute: i64| {
        let value = ((minute * 7919) % 613) as f64 / 10.0;
        reading(
            9,
            MIDNIGHT_US + minute * 60_000_000 + minute % 7,
            minute as u64,
            value,
        )
    };
    let days = 6 * 1440;
    let on_time: Vec<_> = (0..days)
        .filter(|minute| minute % 11 != 0)
        .map(row)
        .collect();
    for some in on_time.chunks(997) {
        store.append(0, some).unwrap();
        check_buckets(&store, 9);
        store.checkpoint(0, StateBatch::default()).unwrap();
    }
    check_buckets(&store, 9);
    settle(&store, MIDNIGHT_US + 6 * DAY_US);
    check_buckets(&store, 9);
    let late: Vec<_> = (0..days)
        .filter(|minute| minute % 11 == 0)
        .map(row)
        .collect();
    for some in late.chunks(200) {
        store.append(0, some).unwrap();
        check_buckets(&store, 9);
        store.checkpoint(0, StateBatch::default()).unwrap();
        check_buckets(&store, 9);
    }
    settle(&store, MIDNIGHT_US + 16 * DAY_US);
    check_buckets(&store, 9);
    let store = subject.crash(store);
    check_buckets(&store, 9);
}

/// Compares the buckets of several ranges with the rows themselves.
pub fn check_buckets(store: &impl Store, series: u32) {
    let ranges = [
        (0, 6 * DAY_US, 7),
        (0, 6 * DAY_US, 40),
        (-DAY_US, 8 * DAY_US, 1),
        (12_345_678, 6 * DAY_US - 98_765, 30),
        (5 * HOUR_US, 5 * DAY_US + HOUR_US, 100),
        (DAY_US + 1, DAY_US + 3 * HOUR_US, 50),
    ];
    for (from, to, points) in ranges {
        let (from_us, to_us) = (MIDNIGHT_US + from, MIDNIGHT_US + to);
        let buckets = store
            .buckets(SeriesId(series), from_us, to_us, points)
            .unwrap();
        assert!(
            buckets.len() <= points as usize,
            "{} of {points}",
            buckets.len()
        );
        let rows: Vec<_> = read(store, series, from_us, to_us, Order::Ascending)
            .into_iter()
            .filter(|row| row.quality.is_measured())
            .collect();
        let counted: u64 = buckets.iter().map(|bucket| bucket.count).sum();
        assert_eq!(counted, rows.len() as u64, "{from}..{to} in {points}");
        let mut rest = rows.as_slice();
        for (index, bucket) in buckets.iter().enumerate() {
            let (here, after) = rest.split_at(bucket.count as usize);
            check_bucket(bucket, here);
            assert_eq!(bucket.width_us, buckets[0].width_us);
            assert_eq!((bucket.start_us - buckets[0].start_us) % bucket.width_us, 0);
            let end_us = bucket.start_us + bucket.width_us;
            assert!(here.iter().all(|row| row.time_us < end_us));
            if let Some(next) = buckets.get(index + 1) {
                assert!(here.iter().all(|row| row.time_us < next.start_us));
            }
            rest = after;
        }
    }
}

fn check_bucket(bucket: &Bucket, rows: &[Observation]) {
    let values = || rows.iter().map(|row| row.value);
    let mean = values().sum::<f64>() / rows.len() as f64;
    assert!(bucket.count > 0);
    assert!(rows[0].time_us >= bucket.start_us);
    assert_eq!(bucket.min, values().fold(f64::INFINITY, f64::min));
    assert_eq!(bucket.max, values().fold(f64::NEG_INFINITY, f64::max));
    assert_eq!(Some(bucket.last), values().next_back());
    let tolerance = 1e-9 * mean.abs().max(1.0);
    assert!(
        (bucket.mean - mean).abs() <= tolerance,
        "{} and {mean}",
        bucket.mean
    );
}
