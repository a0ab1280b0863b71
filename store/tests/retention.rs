//! What is left of days whose rows are dropped, and what late rows do to it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use nhip_database::Database;
use nhip_store::conformance::{DAY_US, MIDNIGHT_US, read_all, reading, settle};
use nhip_store::{
    Bucket, Config, EmbeddedStore, Metrics, Observation, SeriesId, StateBatch, Store,
};
use nhip_wire::Quality;
use proptest::prelude::*;
use std::path::Path;
use std::time::Duration;

const HOUR_US: i64 = DAY_US / 24;
const SERIES: SeriesId = SeriesId(3);
const DAYS: i64 = 12;
/// Days of rows that are kept.
const KEPT: i64 = 10;

fn open(path: &Path) -> EmbeddedStore {
    let config = Config {
        retention_age_days: KEPT as u32,
        rollup_retention_age_days: 400,
        part_bytes_max: 300,
        chunk_rows_max: 50,
        ..Config::default()
    };
    let database = Database::open(path, &nhip_database::Config::default()).unwrap();
    let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
    EmbeddedStore::open(&database, config, metrics).unwrap()
}

/// A reading each ten minutes of twelve days.
fn on_time() -> Vec<Observation> {
    (0..DAYS * 144)
        .map(|step| {
            let value = ((step * 7919) % 613) as f64 / 10.0;
            reading(
                SERIES.0,
                MIDNIGHT_US + step * 600_000_000,
                step as u64,
                value,
            )
        })
        .collect()
}

/// The store on the 15th day: of the first five days only hours are left.
fn five_days_dropped(path: &Path) -> EmbeddedStore {
    let store = open(path);
    store.append(0, &on_time()).unwrap();
    settle(&store, MIDNIGHT_US + (DAYS - 1) * DAY_US);
    assert_eq!(
        read_all(&store, SERIES.0)[0].time_us,
        MIDNIGHT_US + 5 * DAY_US
    );
    store
}

fn buckets(store: &EmbeddedStore, from: i64, to: i64, points: u32) -> Vec<Bucket> {
    let (from_us, to_us) = (MIDNIGHT_US + from, MIDNIGHT_US + to);
    store.buckets(SERIES, from_us, to_us, points).unwrap()
}

fn counts(store: &EmbeddedStore, from: i64, to: i64, points: u32) -> Vec<u64> {
    let buckets = buckets(store, from, to, points);
    buckets.iter().map(|bucket| bucket.count).collect()
}

fn late(time: i64, value: f64) -> Observation {
    reading(SERIES.0, MIDNIGHT_US + time, time as u64, value)
}

#[test]
fn a_late_row_is_added_to_hours_whose_rows_are_gone() {
    let folder = tempfile::tempdir().unwrap();
    let store = five_days_dropped(folder.path());
    let before = buckets(&store, DAY_US, 2 * DAY_US, 24);
    // After the last reading of the hour, before it, and of no measure.
    let rows = [
        late(DAY_US + HOUR_US - 1000, 999.5),
        late(DAY_US + HOUR_US + 1_000_000, -7.25),
        Observation {
            quality: Quality::Fault,
            ..late(DAY_US + 1, 5000.0)
        },
    ];
    let mut expected = before.clone();
    for (bucket, value) in expected.iter_mut().zip([999.5, -7.25]) {
        bucket.mean = (bucket.mean * 6.0 + value) / 7.0;
        bucket.count = 7;
        bucket.min = bucket.min.min(value);
        bucket.max = bucket.max.max(value);
    }
    expected[0].last = 999.5;
    let check = |store: &EmbeddedStore| {
        let now = buckets(store, DAY_US, 2 * DAY_US, 24);
        for (now, expected) in now.iter().zip(&expected) {
            assert!((now.mean - expected.mean).abs() < 1e-9, "{now:?}");
            let mean = expected.mean;
            assert_eq!(&Bucket { mean, ..*now }, expected);
        }
        assert_eq!(now.len(), 24);
        assert_eq!(counts(store, 0, 4 * DAY_US, 4), [144, 146, 144, 144]);
    };
    store.append(0, &rows).unwrap();
    check(&store);
    store.checkpoint(0, StateBatch::default()).unwrap();
    check(&store);
    settle(&store, MIDNIGHT_US + (DAYS + 1) * DAY_US);
    check(&store);
    assert!(
        read_all(&store, SERIES.0)
            .iter()
            .all(|row| row.time_us > MIDNIGHT_US + 2 * DAY_US)
    );
    drop(store);
    check(&open(folder.path()));
}

#[test]
fn hours_answer_for_rows_that_are_gone_wherever_the_range_cuts() {
    let folder = tempfile::tempdir().unwrap();
    let store = five_days_dropped(folder.path());
    let sum = |from, to, points| counts(&store, from, to, points).iter().sum::<u64>();
    let cut = 1_234_567_000;
    // The hour that `from` cuts begins before it, the one that `to` cuts begins in it.
    assert_eq!(sum(cut, 4 * DAY_US + cut, 30), 4 * 144);
    assert_eq!(sum(cut, DAY_US, 4), 23 * 6);
    assert_eq!(sum(cut, DAY_US - cut, 4), 23 * 6);
    // What is kept is exact: rows from 00:20:34 on are not in it.
    assert_eq!(sum(cut, 5 * DAY_US + cut, 30), 23 * 6 + 4 * 144 + 3);
    let ranges = (0..40).map(|n| (cut + n * DAY_US / 10, cut + (n + 1) * DAY_US / 10));
    let tiled: u64 = ranges.map(|(from, to)| sum(from, to, 7)).sum();
    assert_eq!(tiled, 4 * 144);
}

#[test]
fn buckets_narrower_than_an_hour_hold_the_hours_that_begin_in_them() {
    let folder = tempfile::tempdir().unwrap();
    let store = five_days_dropped(folder.path());
    assert_eq!(counts(&store, 0, DAY_US, 96), [6; 24]);
    let starts: Vec<_> = buckets(&store, 0, DAY_US, 96)
        .iter()
        .map(|bucket| bucket.start_us - MIDNIGHT_US)
        .collect();
    assert_eq!(
        starts,
        (0..24).map(|hour| hour * HOUR_US).collect::<Vec<_>>()
    );
    // From the hours to the rows within one answer.
    let edge = counts(&store, 5 * DAY_US - 2 * HOUR_US, 5 * DAY_US + HOUR_US, 18);
    assert_eq!(edge, [6, 6, 1, 1, 1, 1, 1, 1]);
}

#[test]
fn a_day_that_never_had_rows_takes_late_ones_until_the_next_pass() {
    let folder = tempfile::tempdir().unwrap();
    let store = five_days_dropped(folder.path());
    let row = late(-3 * DAY_US + 7, 4.5);
    store.append(0, &[row]).unwrap();
    store.checkpoint(0, StateBatch::default()).unwrap();
    assert_eq!(read_all(&store, SERIES.0)[0], row);
    settle(&store, MIDNIGHT_US + (DAYS + 1) * DAY_US);
    assert!(read_all(&store, SERIES.0)[0].time_us > MIDNIGHT_US);
    assert_eq!(counts(&store, -4 * DAY_US, 0, 4), [1]);
}

#[derive(Clone, Debug)]
enum Step {
    /// Rows by ms since the first midnight, with their value in tenths.
    Late(Vec<(i64, i64)>),
    Checkpoint,
    /// So many days pass.
    Pass(i64),
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    let row = (0..DAYS * 86_400_000, -9000..9000_i64);
    prop_oneof![
        4 => prop::collection::vec(row, 1..40).prop_map(Step::Late),
        3 => Just(Step::Checkpoint),
        3 => (0..3_i64).prop_map(Step::Pass),
        1 => Just(Step::Crash),
    ]
}

/// Everything that ever came, and before which day only hours are left.
struct Model {
    rows: Vec<Observation>,
    durable: usize,
    now: i64,
}

impl Model {
    fn cutoff_us(&self) -> i64 {
        MIDNIGHT_US + (self.now - KEPT) * DAY_US
    }

    /// Where a row counts.
    fn place(&self, row: &Observation) -> i64 {
        if row.time_us < self.cutoff_us() {
            row.time_us - (row.time_us - MIDNIGHT_US).rem_euclid(HOUR_US)
        } else {
            row.time_us
        }
    }

    fn check(&self, store: &EmbeddedStore) {
        let mut rows = self.rows.clone();
        rows.sort_by_key(|row| row.time_us);
        let kept = |row: &&Observation| row.time_us >= self.cutoff_us();
        let read = read_all(store, SERIES.0);
        assert!(read.iter().filter(kept).eq(rows.iter().filter(kept)));
        let end = DAYS * DAY_US;
        let cut = 12_345_678_000;
        for (from, to, points) in [
            (0, end, 12),
            (-DAY_US, end + DAY_US, 1),
            (5 * HOUR_US, end - HOUR_US, 100),
            (cut, end - cut, 30),
            (4 * DAY_US + cut, 7 * DAY_US + cut, 300),
            (DAY_US + cut, DAY_US + cut + HOUR_US, 5),
        ] {
            let here = buckets(store, from, to, points);
            assert!(here.len() <= points as usize);
            let range = MIDNIGHT_US + from..MIDNIGHT_US + to;
            let within = |row: &&Observation| range.contains(&self.place(row));
            let expected: Vec<_> = rows.iter().filter(within).copied().collect();
            self.check_buckets(&here, &expected);
        }
    }

    fn check_buckets(&self, buckets: &[Bucket], rows: &[Observation]) {
        let counted: u64 = buckets.iter().map(|bucket| bucket.count).sum();
        assert_eq!(counted, rows.len() as u64);
        let mut rest = rows;
        for (index, bucket) in buckets.iter().enumerate() {
            let (here, after) = rest.split_at(bucket.count as usize);
            let values = || here.iter().map(|row| row.value);
            let mean = values().sum::<f64>() / here.len() as f64;
            let next_us = buckets
                .get(index + 1)
                .map_or(i64::MAX, |next| next.start_us);
            let places = bucket.start_us..next_us;
            assert!(here.iter().all(|row| places.contains(&self.place(row))));
            assert_eq!(bucket.min, values().fold(f64::INFINITY, f64::min));
            assert_eq!(bucket.max, values().fold(f64::NEG_INFINITY, f64::max));
            assert_eq!(Some(bucket.last), values().next_back());
            assert!((bucket.mean - mean).abs() <= 1e-9 * mean.abs().max(1.0));
            rest = after;
        }
    }
}

fn take(store: &EmbeddedStore, model: &mut Model, rows: &[(i64, i64)]) {
    let mut new = Vec::new();
    for &(ms, tenths) in rows {
        let row = late(ms * 1000, tenths as f64 / 10.0);
        let taken = |other: &Observation| other.time_us == row.time_us;
        if !model.rows.iter().any(taken) && !new.iter().any(taken) {
            new.push(row);
        }
    }
    store.append(0, &new).unwrap();
    model.rows.extend(new);
}

fn pass(store: &EmbeddedStore, model: &mut Model, days: i64) {
    model.now += days;
    let now_us = MIDNIGHT_US + model.now * DAY_US;
    while store.maintain(now_us, Duration::from_secs(5)).unwrap() {}
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn buckets_equal_everything_that_ever_came(steps in prop::collection::vec(step(), 1..24)) {
        let folder = tempfile::tempdir().unwrap();
        let mut store = five_days_dropped(folder.path());
        let rows = on_time();
        let durable = rows.len();
        let mut model = Model { rows, durable, now: 15 };
        for step in steps {
            match step {
                Step::Late(rows) => take(&store, &mut model, &rows),
                Step::Checkpoint => {
                    store.checkpoint(0, StateBatch::default()).unwrap();
                    model.durable = model.rows.len();
                }
                Step::Pass(days) => pass(&store, &mut model, days),
                Step::Crash => {
                    drop(store);
                    store = open(folder.path());
                    model.rows.truncate(model.durable);
                }
            }
            model.check(&store);
        }
    }
}
