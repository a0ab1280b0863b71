//! The process dies at any moment; what is found is one of its checkpoints, whole.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails"
)]

use nhip_database::Database;
use nhip_store::conformance::{DAY_US, MIDNIGHT_US, check_buckets, read_all, reading};
use nhip_store::{Config, EmbeddedStore, Metrics, Observation, StateBatch, Store};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const FOLDER: &str = "NHIP_STORE_CRASH_FOLDER";
const SERIES: u32 = 12;
const ROWS: i64 = 20;
const KILLS: u32 = 12;
/// A checkpoint is two hours of readings: days end, and are merged, all the time.
const CHECKPOINT_US: i64 = DAY_US / 12;

fn open(path: &Path) -> EmbeddedStore {
    let config = Config {
        head_bytes_max: 4 << 10,
        part_bytes_min: 64,
        part_bytes_max: 300,
        parts_max: 2,
        merge_after_s: 0,
        late_merge_after_s: 0,
        ..Config::default()
    };
    let database = Database::open(path, &nhip_database::Config::default()).unwrap();
    let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
    EmbeddedStore::open(&database, config, metrics).unwrap()
}

fn rows(checkpoint: u64, series: u32) -> impl Iterator<Item = Observation> {
    (0..ROWS).map(move |row| {
        let time_us = MIDNIGHT_US + checkpoint as i64 * CHECKPOINT_US + row * CHECKPOINT_US / ROWS;
        let seq = checkpoint * ROWS as u64 + row as u64;
        reading(series, time_us, seq, (seq % 89) as f64 / 10.0)
    })
}

fn last_checkpoint(store: &EmbeddedStore) -> u64 {
    let number = store.state(0, b"number").unwrap();
    number.map_or(0, |bytes| u64::from_le_bytes(bytes.try_into().unwrap()))
}

/// Writes until it is killed; the test below starts it, and by itself it does nothing.
#[test]
fn a_writer_that_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let store = open(Path::new(&folder));
    let first = last_checkpoint(&store);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            loop {
                let now_us = MIDNIGHT_US + last_checkpoint(&store) as i64 * CHECKPOINT_US;
                store.maintain(now_us, Duration::from_millis(3)).unwrap();
            }
        });
        for checkpoint in first.. {
            for series in 0..SERIES {
                let rows: Vec<_> = rows(checkpoint, series).collect();
                store.append(0, &rows).unwrap();
            }
            let number = (checkpoint + 1).to_le_bytes().to_vec();
            let changes = vec![(b"number".to_vec(), Some(number))];
            store.checkpoint(0, StateBatch { changes }).unwrap();
            println!("acknowledged {}", checkpoint + 1);
        }
    });
}

#[test]
fn a_kill_at_any_moment_leaves_one_checkpoint_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    for kill in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_writer_that_is_killed", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let numbers = lines.filter_map(|line| {
            line.unwrap()
                .split_once("acknowledged ")?
                .1
                .trim()
                .parse::<u64>()
                .ok()
        });
        let mut told = 0;
        for number in numbers {
            acknowledged = number;
            told += 1;
            if told == 5 + kill * 7 % 23 {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(told > 0, "the writer wrote nothing");
        let store = open(folder.path());
        let found = last_checkpoint(&store);
        assert!(found >= acknowledged, "{found} of {acknowledged}");
        for series in 0..SERIES {
            let expected: Vec<_> = (0..found).flat_map(|number| rows(number, series)).collect();
            assert_eq!(
                read_all(&store, series).len(),
                expected.len(),
                "series {series}"
            );
            assert_eq!(read_all(&store, series), expected);
            check_buckets(&store, series);
        }
    }
}
