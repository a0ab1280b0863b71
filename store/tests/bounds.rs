//! What happens at the bounds: memory, disk, age.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails"
)]

use nhip_database::Database;
use nhip_store::conformance::{DAY_US, MIDNIGHT_US, read_all, reading, settle};
use nhip_store::{
    Config, EmbeddedStore, Metrics, Observation, SeriesId, StateBatch, Store, StoreError,
};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

fn open(path: &Path, config: &Config) -> EmbeddedStore {
    let database = Database::open(path, &nhip_database::Config::default()).unwrap();
    let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
    EmbeddedStore::open(&database, config.clone(), metrics).unwrap()
}

#[test]
fn too_many_open_rows_wait_for_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        open_observations_max: 10,
        ..Config::default()
    };
    let store = open(folder.path(), &config);
    let rows: Vec<_> = (0..20)
        .map(|n| reading(1, MIDNIGHT_US + n, n as u64, 1.0))
        .collect();
    store.append(0, &rows[..10]).unwrap();
    let refused = store.append(0, &rows[10..]);
    assert!(
        matches!(refused, Err(StoreError::Unavailable { .. })),
        "{refused:?}"
    );
    assert_eq!(store.figures().open_observations, 10);
    assert_eq!(read_all(&store, 1), rows[..10]);
    store.checkpoint(0, StateBatch::default()).unwrap();
    let journal = store.figures().journal_bytes;
    assert!(journal > 0 && journal < 1 << 20, "{journal} B for ten rows");
    store.append(0, &rows[10..]).unwrap();
    assert_eq!(read_all(&store, 1), rows);
}

#[test]
fn no_observation_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &Config::default());
    for time_us in [i64::MIN, -1, 0, i64::MAX] {
        for value in [
            f64::NAN,
            f64::NEG_INFINITY,
            f64::MIN_POSITIVE,
            -0.0,
            f64::MAX,
        ] {
            for seq in [None, Some(0), Some(u64::MAX)] {
                let row = Observation {
                    series: SeriesId(u32::MAX),
                    boot: u32::MAX,
                    time_us,
                    received_us: i64::MIN,
                    value,
                    seq,
                    ..reading(1, 0, 0, 0.0)
                };
                store.append(0, &[row]).unwrap();
            }
        }
    }
}

#[test]
fn a_shard_above_the_bound_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        shards_max: 2,
        ..Config::default()
    };
    let store = open(folder.path(), &config);
    let refused = store.append(2, &[reading(1, MIDNIGHT_US, 1, 1.0)]);
    assert!(
        matches!(refused, Err(StoreError::Refused { .. })),
        "{refused:?}"
    );
}

#[test]
fn days_past_their_age_are_dropped_and_rollups_later() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        retention_age_days: 5,
        rollup_retention_age_days: 30,
        ..Config::default()
    };
    let store = open(folder.path(), &config);
    let rows: Vec<_> = (0..10 * 24)
        .flat_map(|hour| {
            [1, 70]
                .map(|series| reading(series, MIDNIGHT_US + hour * DAY_US / 24, hour as u64, 2.0))
        })
        .collect();
    store.append(0, &rows).unwrap();
    settle(&store, MIDNIGHT_US + 9 * DAY_US);
    // `settle` ends 13 days after the first: what is of the 8th and later stays.
    let left = read_all(&store, 1);
    assert_eq!(left.len(), 2 * 24);
    assert_eq!(left[0].time_us, MIDNIGHT_US + 8 * DAY_US);
    assert_eq!(read_all(&store, 70).len(), 2 * 24);
    let hours = |store: &EmbeddedStore| {
        let end = MIDNIGHT_US + 10 * DAY_US;
        let buckets = store.buckets(SeriesId(1), MIDNIGHT_US, end, 240).unwrap();
        buckets.iter().map(|bucket| bucket.count).sum::<u64>()
    };
    assert_eq!(hours(&store), 240);
    while store
        .maintain(MIDNIGHT_US + 60 * DAY_US, Duration::from_secs(1))
        .unwrap()
    {}
    assert!(read_all(&store, 1).is_empty());
    assert_eq!(hours(&store), 0);
}

/// A small file system of its own, unmounted when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(mib: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={mib}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(folder.path())
            .status();
        mounted
            .is_ok_and(|status| status.success())
            .then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_is_unavailable_until_there_is_room() {
    let Some(disk) = SmallDisk::mount(160) else {
        eprintln!("SKIPPED: a small file system can't be mounted here");
        return;
    };
    let config = Config::default();
    let store = open(&disk.0.path().join("db"), &config);
    let ballast = disk.0.path().join("ballast");
    let row = |n: i64| reading(1, MIDNIGHT_US + n * 1_000_000, n as u64, 1.5);
    store.append(0, &[row(0)]).unwrap();
    store.checkpoint(0, StateBatch::default()).unwrap();
    let free = rustix::fs::statvfs(disk.0.path()).unwrap();
    let free = (free.f_bavail * free.f_frsize) as usize;
    std::fs::write(&ballast, vec![1; free - (20 << 20)]).unwrap();
    store.append(0, &[row(1)]).unwrap();
    for _ in 0..3 {
        let full = store.checkpoint(0, StateBatch::default());
        assert!(
            matches!(full, Err(StoreError::Unavailable { .. })),
            "{full:?}"
        );
        assert_eq!(read_all(&store, 1), [row(0), row(1)]);
    }
    store.append(0, &[row(2)]).unwrap();
    std::fs::remove_file(&ballast).unwrap();
    store.checkpoint(0, StateBatch::default()).unwrap();
    assert_eq!(store.figures().open_observations, 0);
    drop(store);
    let store = open(&disk.0.path().join("db"), &config);
    assert_eq!(read_all(&store, 1), [row(0), row(1), row(2)]);
}
