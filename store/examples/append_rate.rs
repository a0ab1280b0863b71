//! What the embedded store does in a second, and what a reading costs on the disk; as JSON.
//!
//! `cargo run --release -p nhip-store --example append_rate [SERIES] [SECONDS]`
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program for people at a terminal, which ends if anything fails"
)]

use nhip_database::Database;
use nhip_store::{
    Config, EmbeddedStore, Metrics, Observation, SeriesId, Source, StateBatch, Store,
};
use nhip_wire::Quality;
use std::path::Path;
use std::time::{Duration, Instant};

const MINUTE_US: i64 = 60_000_000;
const DAY_US: i64 = 1440 * MINUTE_US;
/// Local midnight of a day in November 2025.
const START_US: i64 = 1_763_830_800_000_000;
/// A checkpoint every so many readings of a shard.
const CHECKPOINT_ROWS: usize = 1_000_000;

/// A series' walk: one decimal, one reading a minute, jitter of up to two seconds.
#[derive(Clone)]
struct Walk {
    random: u64,
    tenths: i64,
    seq: u64,
}

impl Walk {
    fn new(series: u32) -> Self {
        let random = u64::from(series).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        Self {
            random,
            tenths: 200 + i64::from(series % 100),
            seq: 0,
        }
    }

    fn below(&mut self, bound: u64) -> i64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        ((self.random >> 33) % bound) as i64
    }

    fn next(&mut self, series: u32, minute: i64) -> Observation {
        self.tenths += self.below(5) - 2;
        self.seq += 1;
        let time_us = START_US + minute * MINUTE_US + self.below(2000) * 1000;
        Observation {
            series: SeriesId(series),
            boot: 7,
            time_us,
            received_us: time_us + (3 + self.below(6)) * 1000,
            value: self.tenths as f64 / 10.0,
            seq: Some(self.seq),
            quality: Quality::Good,
            source: Source::Device,
        }
    }
}

fn open(path: &Path) -> (Database, EmbeddedStore) {
    let config = Config::default();
    let database = Database::open(path, &nhip_database::Config::default()).unwrap();
    let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
    let store = EmbeddedStore::open(&database, config, metrics).unwrap();
    (database, store)
}

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|text| text.parse::<u32>().unwrap());
    let series = arguments.next().unwrap_or(100_000);
    let seconds = arguments.next().unwrap_or(10);
    let append = append_rate(series, Duration::from_secs(seconds.into()));
    let packed = bytes_and_merging(1_000, 3);
    let year = year_as_points();
    let report = serde_json::json!({"append": append, "packed": packed, "year": year});
    println!("{report:#}");
}

/// Two shards on two threads; what making the readings costs is not counted.
fn append_rate(series: u32, duration: Duration) -> serde_json::Value {
    let folder = tempfile::tempdir().unwrap();
    let (_database, store) = open(folder.path());
    let started = Instant::now();
    let per_shard: Vec<(u64, f64, f64)> = std::thread::scope(|scope| {
        let run = |shard| {
            let store = &store;
            scope.spawn(move || append_shard(store, shard, series, started + duration))
        };
        let threads: Vec<_> = (0..2).map(run).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let rows: u64 = per_shard.iter().map(|shard| shard.0).sum();
    let rate: f64 = per_shard.iter().map(|shard| shard.0 as f64 / shard.1).sum();
    let slowest = per_shard.iter().map(|shard| shard.2).fold(0.0, f64::max);
    serde_json::json!({
        "series": series,
        "readings": rows,
        "readings_per_second": rate.round(),
        "with_making_readings_per_second": (rows as f64 / started.elapsed().as_secs_f64()).round(),
        "checkpoint_seconds_max": slowest,
        "resident_mib": resident_mib(),
    })
}

fn append_shard(store: &EmbeddedStore, shard: u32, series: u32, until: Instant) -> (u64, f64, f64) {
    let mine: Vec<u32> = (0..series)
        .filter(|number| number / 16 % 2 == shard)
        .collect();
    let mut walks: Vec<Walk> = mine.iter().map(|&number| Walk::new(number)).collect();
    let (mut rows, mut spent, mut slowest) = (0, Duration::ZERO, Duration::ZERO);
    let mut batch = Vec::with_capacity(4096);
    let mut since = 0;
    for minute in 0.. {
        for (numbers, walks) in mine.chunks(4096).zip(walks.chunks_mut(4096)) {
            batch.clear();
            let pairs = numbers.iter().zip(walks);
            batch.extend(pairs.map(|(&number, walk)| walk.next(number, minute)));
            let begun = Instant::now();
            store.append(shard, &batch).unwrap();
            spent += begun.elapsed();
            since += batch.len();
            rows += batch.len() as u64;
            if since >= CHECKPOINT_ROWS {
                since = 0;
                let begun = Instant::now();
                store.checkpoint(shard, StateBatch::default()).unwrap();
                spent += begun.elapsed();
                slowest = slowest.max(begun.elapsed());
            }
        }
        if Instant::now() >= until {
            break;
        }
    }
    let begun = Instant::now();
    store.checkpoint(shard, StateBatch::default()).unwrap();
    spent += begun.elapsed();
    (rows, spent.as_secs_f64(), slowest.as_secs_f64())
}

fn bytes_and_merging(series: u32, days: i64) -> serde_json::Value {
    let folder = tempfile::tempdir().unwrap();
    let (database, store) = open(folder.path());
    let mut walks: Vec<Walk> = (0..series).map(Walk::new).collect();
    for minute in 0..days * 1440 {
        let rows: Vec<_> = (0..)
            .zip(&mut walks)
            .map(|(number, walk)| walk.next(number, minute))
            .collect();
        store.append(0, &rows).unwrap();
        if minute % 10 == 0 {
            store.checkpoint(0, StateBatch::default()).unwrap();
        }
    }
    let after: Vec<_> = (0..)
        .zip(&mut walks)
        .map(|(number, walk)| walk.next(number, (days + 1) * 1440))
        .collect();
    store.append(0, &after).unwrap();
    for _ in 0..series / 4096 + 3 {
        store.checkpoint(0, StateBatch::default()).unwrap();
    }
    let before_bytes = store.figures().bytes;
    let begun = Instant::now();
    let now_us = START_US + (days + 2) * DAY_US;
    store.maintain(now_us, Duration::from_secs(600)).unwrap();
    while store
        .maintain(now_us + DAY_US, Duration::from_secs(600))
        .unwrap()
    {}
    let merging = begun.elapsed().as_secs_f64();
    for name in ["pages", "parts", "chunks", "rollups", "state", "meta"] {
        let keyspace = database
            .keyspace(&format!("store.{name}"), Default::default)
            .unwrap();
        keyspace.rotate_memtable_and_wait().unwrap();
        keyspace.major_compact().unwrap();
    }
    let rows = i64::from(series) * (days * 1440 + 1);
    let bytes = store.figures().bytes;
    serde_json::json!({
        "readings": rows,
        "bytes": bytes,
        "bytes_before_merging": before_bytes,
        "bytes_per_reading": bytes as f64 / rows as f64,
        "merged_readings_per_second": (rows as f64 / merging).round(),
        "parts_due": store.figures().parts_due,
    })
}

fn year_as_points() -> serde_json::Value {
    let folder = tempfile::tempdir().unwrap();
    let (_database, store) = open(folder.path());
    let mut walk = Walk::new(1);
    for day in 0..365 {
        let rows: Vec<_> = (day * 1440..(day + 1) * 1440)
            .map(|minute| walk.next(1, minute))
            .collect();
        store.append(0, &rows).unwrap();
        store.checkpoint(0, StateBatch::default()).unwrap();
    }
    let end = START_US + 365 * DAY_US;
    let now_us = end + DAY_US;
    store.maintain(now_us, Duration::from_secs(600)).unwrap();
    while store
        .maintain(now_us + DAY_US, Duration::from_secs(600))
        .unwrap()
    {}
    let mut times: Vec<f64> = (0..21)
        .map(|_| {
            let begun = Instant::now();
            let buckets = store.buckets(SeriesId(1), START_US, end, 1000).unwrap();
            assert!(buckets.len() > 500 && buckets.len() <= 1000);
            begun.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    let first = times[0];
    times.sort_by(f64::total_cmp);
    let begun = Instant::now();
    let month = store
        .buckets(SeriesId(1), START_US, START_US + 30 * DAY_US, 1000)
        .unwrap();
    serde_json::json!({
        "first_ms": first,
        "median_ms": times[10],
        "month_raw_ms": begun.elapsed().as_secs_f64() * 1000.0,
        "month_points": month.len(),
    })
}

fn resident_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024)
}
