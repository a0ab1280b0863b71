//! A table that the server has lost, and a new one in its place.

use crate::kit::{Bench, assert_stored, days_later, eventually, open, rows, store_all};
use nhip_store::conformance::{MIDNIGHT_US, reading};
use nhip_store::{Bucket, Observation, QuestDbStore, SeriesId, StateBatch, Store, StoreError};
use std::path::Path;
use std::process::Command;
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

#[test]
fn readings_whose_owner_nobody_can_tell_are_left_alone() {
    let bench = Bench::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path(), &bench.config);
    store_all(&store, &rows(0..10));
    bench.ask("RENAME TABLE nhip_schema TO elsewhere");
    for _ in 0..2 {
        eventually("the loss to be told", || {
            let _ = store.maintain(0, Duration::ZERO);
            let problem = store.problem();
            problem.filter(|told| told.contains("nhip_schema is gone"))
        });
        assert!(!store.takes_readings());
        let refused = store.begin_anew(None);
        assert!(
            matches!(refused, Err(StoreError::Refused { .. })),
            "{refused:?}"
        );
        drop(store);
        store = open(folder.path(), &bench.config);
    }
    assert_eq!(bench.count(), 10);
    bench.ask("RENAME TABLE elsewhere TO nhip_schema");
    store_all(&store, &rows(10..20));
    assert_stored(&bench, &store, &rows(0..20));
}

/// Ends the server and makes `to` what `from` is.
fn put(bench: &mut Bench, from: &Path, to: &Path) {
    bench.server.kill();
    if to.exists() {
        std::fs::remove_dir_all(to).unwrap();
    }
    let copied = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(copied.unwrap().success());
}

#[test]
fn a_server_that_was_set_back_is_told_and_takes_nothing() {
    let mut bench = Bench::start(&[("DEV_MODE_ENABLED", "true")]);
    let (folder, images) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = bench.server.folder().to_owned();
    let (older, newer) = (images.path().join("older"), images.path().join("newer"));
    let store = open(folder.path(), &bench.config);
    let all = rows(0..2000);
    for (part, image) in [(&all[..1000], &older), (&all[1000..], &newer)] {
        store_all(&store, part);
        put(&mut bench, &server, image);
        bench.server.restart();
    }
    put(&mut bench, &older, &server);
    // It notices that the server was away.
    assert!(store.append(0, &rows(5000..5001)).is_err());
    bench.server.restart();
    let told = |store: &QuestDbStore| {
        assert!(store.append(0, &rows(5000..5001)).is_err());
        let problem = store.problem();
        problem.filter(|told| told.contains("it is older than the platform"))
    };
    eventually("it to be told", || told(&store));
    assert!(store.checkpoint(0, StateBatch::default()).is_err());
    drop(store);
    let store = open(folder.path(), &bench.config);
    eventually("it to be told after a restart", || told(&store));
    eventually("the server to have the older ones", || {
        (bench.count() == 1000).then_some(())
    });
    put(&mut bench, &newer, &server);
    bench.server.restart();
    let more = rows(2000..2100);
    eventually("the newer one to be taken", || {
        let _ = store.maintain(0, Duration::ZERO);
        store.problem().is_none().then_some(())
    });
    store_all(&store, &more);
    assert_stored(&bench, &store, &[all, more].concat());
}
