//! What can't be read is named, and nothing is guessed.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use nhip_database::{Database, KeyspaceCreateOptions, Readable};
use nhip_store::conformance::{DAY_US, MIDNIGHT_US, reading, settle};
use nhip_store::{
    Config, EmbeddedStore, Metrics, Order, RangeQuery, SeriesId, StateBatch, Store, StoreError,
};
use std::time::Duration;

fn open_with(database: &Database, config: Config) -> Result<EmbeddedStore, StoreError> {
    let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
    EmbeddedStore::open(database, config, metrics)
}

fn open(database: &Database) -> Result<EmbeddedStore, StoreError> {
    open_with(database, Config::default())
}

/// Changes the byte in the middle of the first value.
fn damage(database: &Database, keyspace: &str) -> String {
    let keyspace = database
        .keyspace(keyspace, KeyspaceCreateOptions::default)
        .unwrap();
    let first = database.snapshot().iter(&keyspace).next().unwrap();
    let (key, value) = first.into_inner().unwrap();
    let mut bytes = value.to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    let mut batch = database.batch();
    batch.insert(&keyspace, key.clone(), bytes);
    batch.commit(None).unwrap();
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn assert_damaged<T: std::fmt::Debug>(result: Result<T, StoreError>, keyspace: &str, key: &str) {
    match result {
        Err(StoreError::Damaged { place, .. }) => {
            assert_eq!(place, format!("{keyspace} {key}"));
        }
        other => panic!("{other:?}"),
    }
}

fn read(store: &EmbeddedStore) -> Result<usize, StoreError> {
    let query = RangeQuery {
        series: SeriesId(1),
        from_us: MIDNIGHT_US,
        to_us: MIDNIGHT_US + DAY_US,
        order: Order::Ascending,
    };
    let blocks = store.range(query)?.collect::<Result<Vec<_>, _>>()?;
    Ok(blocks.iter().map(Vec::len).sum())
}

#[test]
fn damaged_values_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path(), &nhip_database::Config::default()).unwrap();
    let store = open(&database).unwrap();
    let rows: Vec<_> = (0..1440)
        .map(|minute| reading(1, MIDNIGHT_US + minute * 60_000_000, minute as u64, 1.5))
        .collect();
    store.append(0, &rows).unwrap();
    store.checkpoint(0, StateBatch::default()).unwrap();
    let key = damage(&database, "store.parts");
    assert_damaged(read(&store), "store.parts", &key);
    damage(&database, "store.parts");
    assert_eq!(read(&store).unwrap(), 1440);
    settle(&store, MIDNIGHT_US);
    let key = damage(&database, "store.chunks");
    assert_damaged(read(&store), "store.chunks", &key);
    damage(&database, "store.chunks");
    let key = damage(&database, "store.rollups");
    let buckets = store.buckets(SeriesId(1), MIDNIGHT_US, MIDNIGHT_US + DAY_US, 24);
    assert_damaged(buckets, "store.rollups", &key);
    assert_eq!(read(&store).unwrap(), 1440);
}

#[test]
fn a_damaged_day_does_not_stop_retention_and_goes_with_the_last_of_its_age() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        retention_age_days: 5,
        rollup_retention_age_days: 30,
        ..Config::default()
    };
    let database = Database::open(folder.path(), &nhip_database::Config::default()).unwrap();
    let store = open_with(&database, config).unwrap();
    let row = |minute: i64| reading(1, MIDNIGHT_US + minute * 60_000_000, minute as u64, 1.5);
    store
        .append(0, &(0..2880).map(row).collect::<Vec<_>>())
        .unwrap();
    settle(&store, MIDNIGHT_US + DAY_US / 2);
    let key = damage(&database, "store.chunks");
    let pass = |day: i64| {
        let now_us = MIDNIGHT_US + day * DAY_US;
        while store.maintain(now_us, Duration::from_secs(5)).unwrap() {}
    };
    let chunks = database
        .keyspace("store.chunks", KeyspaceCreateOptions::default)
        .unwrap();
    let left = || database.snapshot().iter(&chunks).count();
    assert_eq!(left(), 2);
    pass(10);
    assert_eq!(left(), 1);
    assert_damaged(read(&store), "store.chunks", &key);
    pass(50);
    assert_eq!(left(), 0);
    assert_eq!(read(&store).unwrap(), 0);
}

#[test]
fn a_damaged_page_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path(), &nhip_database::Config::default()).unwrap();
    let store = open(&database).unwrap();
    store.append(0, &[reading(1, MIDNIGHT_US, 1, 1.5)]).unwrap();
    store.checkpoint(0, StateBatch::default()).unwrap();
    drop(store);
    let key = damage(&database, "store.pages");
    assert_damaged(open(&database).map(|_| ()), "store.pages", &key);
}
