//! Readers beside appends, checkpoints, merges and retention, compared with what was appended.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use nhip_database::Database;
use nhip_store::conformance::{DAY_US, MIDNIGHT_US, read_all, reading};
use nhip_store::{Config, EmbeddedStore, Metrics, Observation, SeriesId, StateBatch, Store};
use std::{
    path::Path,
    sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
    thread,
    time::Duration,
};

const SHARDS: usize = 2;
const SERIES_PER_SHARD: u32 = 3;
const ROWS: usize = 12_000;
/// The days over which the rows of a shard are measured, and how many of them are kept.
const DAYS: i64 = 16;
const KEPT: i64 = 8;
const READERS: u64 = 2;
const READS_MIN: usize = 30;

/// Numbers from a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// All that one shard appends, in the order in which it does, and how far it is.
struct Course {
    rows: Vec<Observation>,
    /// Rows whose append has begun, and rows whose append has returned.
    begun: AtomicUsize,
    done: AtomicUsize,
}

impl Course {
    /// Mostly new rows, some of up to six days ago. The sequence is the place in the course.
    fn new(shard: usize, seed: u64) -> Self {
        let mut random = Random(seed);
        let rows = (0..ROWS)
            .map(|number| {
                let series = shard as u32 * SERIES_PER_SHARD + number as u32 % SERIES_PER_SHARD;
                let on_time = number as i64 * (DAYS * DAY_US / ROWS as i64);
                let late = match random.below(10) {
                    0 => random.below(6 * DAY_US as u64) as i64,
                    _ => random.below(60_000_000) as i64,
                };
                let time_us = MIDNIGHT_US + (on_time - late).max(0);
                let value = random.below(1_000) as f64 / 10.0;
                reading(series, time_us, number as u64, value)
            })
            .collect();
        Self {
            rows,
            begun: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
        }
    }

    fn of(&self, upto: usize, series: u32) -> impl Iterator<Item = &Observation> {
        let of_series = move |row: &&Observation| row.series == SeriesId(series);
        self.rows[..upto].iter().filter(of_series)
    }
}

struct World {
    store: EmbeddedStore,
    courses: Vec<Course>,
    now_us: AtomicI64,
    ended: AtomicBool,
}

/// Ends the others also if a thread panics.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl World {
    fn new(folder: &Path, seed: u64) -> Self {
        let config = Config {
            retention_age_days: KEPT as u32,
            part_bytes_max: 400,
            part_bytes_min: 200,
            page_bytes: 4_096,
            chunk_rows_max: 64,
            merge_after_s: 0,
            late_merge_after_s: 0,
            memtable_bytes: 1 << 20,
            ..Config::default()
        };
        let database = Database::open(folder, &nhip_database::Config::default()).unwrap();
        let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
        Self {
            store: EmbeddedStore::open(&database, config, metrics).unwrap(),
            courses: (0..SHARDS)
                .map(|shard| Course::new(shard, seed ^ (shard as u64) << 32))
                .collect(),
            now_us: AtomicI64::new(MIDNIGHT_US),
            ended: AtomicBool::new(false),
        }
    }

    fn append(&self, shard: usize, seed: u64) {
        let (mut random, course) = (Random(seed), &self.courses[shard]);
        let mut from = 0;
        while from < ROWS {
            let upto = ROWS.min(from + 1 + random.below(60) as usize);
            course.begun.store(upto, Ordering::SeqCst);
            self.store
                .append(shard as u32, &course.rows[from..upto])
                .unwrap();
            course.done.store(upto, Ordering::SeqCst);
            let newest = course.rows[from..upto].iter().map(|row| row.time_us).max();
            self.now_us.fetch_max(newest.unwrap(), Ordering::SeqCst);
            if random.below(4) == 0 {
                self.store
                    .checkpoint(shard as u32, StateBatch::default())
                    .unwrap();
            }
            from = upto;
        }
        self.store
            .checkpoint(shard as u32, StateBatch::default())
            .unwrap();
    }

    fn maintain(&self) {
        while !self.ended.load(Ordering::SeqCst) {
            let now_us = self.now_us.load(Ordering::SeqCst);
            self.store
                .maintain(now_us, Duration::from_millis(2))
                .unwrap();
            thread::yield_now();
        }
    }

    fn read(&self, seed: u64) {
        let mut random = Random(seed);
        let mut reads = 0;
        while reads < READS_MIN || !self.ended.load(Ordering::SeqCst) {
            let shard = random.below(SHARDS as u64) as usize;
            let series = shard as u32 * SERIES_PER_SHARD;
            self.check(shard, series + random.below(SERIES_PER_SHARD.into()) as u32);
            reads += 1;
        }
    }

    /// One read: everything that was appended before it, nothing that was not begun after it,
    /// each once and in order. What retention may have taken meanwhile may be missing.
    fn check(&self, shard: usize, series: u32) {
        let course = &self.courses[shard];
        let done = course.done.load(Ordering::SeqCst);
        let read = read_all(&self.store, series);
        let begun = course.begun.load(Ordering::SeqCst);
        let kept_us = self.now_us.load(Ordering::SeqCst) - KEPT * DAY_US;
        let in_order =
            |pair: &[Observation]| (pair[0].time_us, pair[0].seq) < (pair[1].time_us, pair[1].seq);
        assert!(read.windows(2).all(in_order), "series {series}");
        let mut is_read = vec![false; begun];
        for row in &read {
            let number = row.seq.unwrap() as usize;
            assert!(number < begun, "row {number} of {begun} before its time");
            assert_eq!(row, &course.rows[number]);
            is_read[number] = true;
        }
        for row in course.of(done, series) {
            let number = row.seq.unwrap() as usize;
            assert!(
                is_read[number] || row.time_us < kept_us,
                "row {number} of {done} is missing: {row:?}"
            );
        }
    }
}

fn run(seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let world = &World::new(folder.path(), seed);
    thread::scope(|scope| {
        for reader in 0..READERS {
            scope.spawn(move || world.read(seed + 100 + reader));
        }
        scope.spawn(|| world.maintain());
        let ending = Ending(&world.ended);
        let appending: Vec<_> = (0..SHARDS)
            .map(|shard| scope.spawn(move || world.append(shard, seed + shard as u64)))
            .collect();
        for thread in appending {
            thread.join().unwrap();
        }
        drop(ending);
    });
    let now_us = MIDNIGHT_US + DAYS * DAY_US;
    world.now_us.store(now_us, Ordering::SeqCst);
    while world
        .store
        .maintain(now_us, Duration::from_secs(1))
        .unwrap()
    {}
    for series in 0..SHARDS as u32 * SERIES_PER_SHARD {
        world.check(series as usize / SERIES_PER_SHARD as usize, series);
    }
    let oldest = read_all(&world.store, 0)[0].time_us;
    assert!(
        oldest >= MIDNIGHT_US + DAYS / 4 * DAY_US,
        "retention took nothing"
    );
}

#[test]
fn readers_see_what_was_appended_whatever_goes_on_beside_them() {
    for seed in [1, 2, 3] {
        run(seed);
    }
}
