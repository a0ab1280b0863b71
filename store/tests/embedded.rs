//! The embedded store through its trait.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use nhip_store::{
    Config, EmbeddedStore, Metrics, Observation, Order, RangeQuery, SeriesId, Source, StateBatch,
    Store, database_options,
};
use nhip_wire::Quality;
use std::time::Duration;

const DAY_US: i64 = 86_400_000_000;
const MIDNIGHT: i64 = 1_763_830_800_000_000;

fn open(path: &std::path::Path) -> (fjall::Database, EmbeddedStore) {
    let config = Config::default();
    let database = database_options(path, &config).open().unwrap();
    let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
    let store = EmbeddedStore::open(&database, config, metrics).unwrap();
    (database, store)
}

fn row(series: u32, time_us: i64, seq: u64, value: f64) -> Observation {
    Observation {
        series: SeriesId(series),
        boot: 3,
        time_us,
        received_us: time_us + 12_000,
        value,
        seq: Some(seq),
        quality: Quality::Good,
        source: Source::Device,
    }
}

fn all(store: &EmbeddedStore, series: u32, order: Order) -> Vec<Observation> {
    let query = RangeQuery {
        series: SeriesId(series),
        from_us: i64::MIN,
        to_us: i64::MAX,
        order,
    };
    store
        .range(query)
        .unwrap()
        .flat_map(Result::unwrap)
        .collect()
}

#[test]
fn rows_are_there_at_once_after_a_restart_and_after_merging() {
    let folder = tempfile::tempdir().unwrap();
    let (database, store) = open(folder.path());
    let mut expected = Vec::new();
    for minute in 0..3000_i64 {
        let time = MIDNIGHT + minute * 60_000_000 + (minute * 7919 % 2000) * 1000;
        expected.push(row(5, time, minute as u64, (minute % 97) as f64 / 10.0));
    }
    for rows in expected.chunks(100) {
        store.append(0, rows).unwrap();
        let state = StateBatch {
            changes: vec![(b"k".to_vec(), Some(vec![rows.len() as u8]))],
        };
        store.checkpoint(0, state).unwrap();
    }
    assert_eq!(all(&store, 5, Order::Ascending), expected);
    drop(store);
    drop(database);
    let (_database, store) = open(folder.path());
    assert_eq!(all(&store, 5, Order::Ascending), expected);
    assert_eq!(store.state(0, b"k").unwrap(), Some(vec![100]));
    store
        .append(0, &[row(5, MIDNIGHT + 9 * DAY_US, 9999, 1.0)])
        .unwrap();
    expected.push(row(5, MIDNIGHT + 9 * DAY_US, 9999, 1.0));
    store.checkpoint(0, StateBatch::default()).unwrap();
    while store
        .maintain(MIDNIGHT + 10 * DAY_US, Duration::from_secs(9))
        .unwrap()
    {}
    while store
        .maintain(MIDNIGHT + 11 * DAY_US, Duration::from_secs(9))
        .unwrap()
    {}
    assert_eq!(store.figures().parts_due, 0);
    assert_eq!(all(&store, 5, Order::Ascending), expected);
    let mut newest_first = all(&store, 5, Order::Descending);
    newest_first.reverse();
    assert_eq!(newest_first, expected);
    let buckets = store
        .buckets(SeriesId(5), MIDNIGHT, MIDNIGHT + 3 * DAY_US, 24)
        .unwrap();
    assert_eq!(buckets.iter().map(|bucket| bucket.count).sum::<u64>(), 3000);
}
