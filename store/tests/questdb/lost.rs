//! A table that the server has lost, and a new one in its place.

use crate::kit::{Bench, assert_stored, days_later, eventually, open, rows, store_all};
use nhip_store::conformance::{MIDNIGHT_US, reading};
use nhip_store::{Bucket, Observation, QuestDbStore, SeriesId, StateBatch, Store, StoreError};
use std::time::Duration;

const HOUR_US: i64 = 3_600_000_000;

fn hours(store: &QuestDbStore) -> Vec<Bucket> {
    let buckets = store.buckets(SeriesId(1), MIDNIGHT_US, MIDNIGHT_US + 6 * HOUR_US, 6);
    buckets.unwrap()
}

#[test]
fn a_new_table_takes_what_comes_again_and_hours_outlive_what_does_not() {
    let bench = Bench::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &bench.config);
    // A reading a minute for six hours, counted.
    let all: Vec<Observation> = (0..360)
        .map(|minute| reading(1, MIDNIGHT_US + minute * HOUR_US / 60, minute as u64, 1.0))
        .collect();
    store_all(&store, &all);
    while store
        .maintain(days_later(1), Duration::from_secs(5))
        .unwrap()
    {}
    let before = hours(&store);
    assert!(before.iter().all(|hour| hour.count == 60), "{before:?}");
    for table in ["readings", "nhip_schema"] {
        bench.ask(&format!("DROP TABLE {table}"));
    }
    // The server may make a table by itself for it; no checkpoint stands on that.
    let stray = store.append(0, &rows(0..1));
    let made = stray.and_then(|()| store.checkpoint(0, StateBatch::default()));
    assert!(
        matches!(
            made,
            Err(StoreError::Unavailable { .. } | StoreError::Unusable { .. })
        ),
        "{made:?}"
    );
    eventually("the loss to be told", || {
        let _ = store.maintain(0, Duration::ZERO);
        store
            .problem()
            .filter(|told| told.contains("nhip store refill"))
    });
    // The log has what was received since half past two.
    store.begin_anew(Some(all[150].received_us)).unwrap();
    drop(store);
    let store = open(folder.path(), &bench.config);
    store_all(&store, &all[150..]);
    assert_stored(&bench, &store, &all[150..]);
    while store
        .maintain(days_later(1), Duration::from_secs(5))
        .unwrap()
    {}
    assert_eq!(hours(&store), before);
}

#[test]
fn a_table_that_is_there_is_not_made_anew() {
    let bench = Bench::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &bench.config);
    store_all(&store, &rows(0..10));
    let refused = store.begin_anew(None);
    assert!(
        matches!(refused, Err(StoreError::Refused { .. })),
        "{refused:?}"
    );
    // One that can't be used has its readings all the same.
    bench.ask("ALTER TABLE readings ALTER COLUMN received TYPE VARCHAR");
    assert!(store.begin_anew(None).is_err());
    eventually("the server to show all", || {
        (bench.count() == 10).then_some(())
    });
}
