//! Columns that are away for a while, on a server that makes what is missing by itself.

use crate::kit::{Bench, eventually, open, rows, store_all};
use nhip_store::conformance::{DAY_US, MIDNIGHT_US, read_all, reading};
use nhip_store::{Observation, QuestDbStore, SeriesId, Source, StateBatch, Store};
use std::time::Duration;

const HOUR_US: i64 = 3_600_000_000;
const LATE_DAYS: i64 = 300;

/// Renames a column, and sends rows until the server has made another for them.
fn rename_under(bench: &Bench, column: &str, send: impl Fn()) {
    bench.ask(&format!(
        "ALTER TABLE readings RENAME COLUMN {column} TO c2"
    ));
    let made = "SELECT count() FROM table_columns('readings')";
    eventually("a column to be made", || {
        send();
        (bench.ask(made) == ["9"]).then_some(())
    });
}

/// Puts the old one back.
fn rename_back(bench: &Bench, column: &str) {
    bench.ask(&format!("ALTER TABLE readings DROP COLUMN {column}"));
    bench.ask(&format!(
        "ALTER TABLE readings RENAME COLUMN c2 TO {column}"
    ));
}

/// Waits until it asks for a restart, and makes no checkpoint before or then.
fn assert_asks_for_restart(store: &QuestDbStore) {
    eventually("a restart to be asked for", || {
        let made = store.checkpoint(0, StateBatch::default());
        assert!(made.is_err(), "{made:?}");
        let told = store.problem();
        told.filter(|told| told.contains("restart the platform"))
    });
    assert!(store.checkpoint(0, StateBatch::default()).is_err());
}

#[test]
fn rows_that_were_sent_while_a_column_was_away_are_sent_again_however_short_it_was() {
    let bench = Bench::start(&[]);
    for column in ["value", "boot", "series", "quality"] {
        bench.clear();
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path(), &bench.config);
        store_all(&store, &rows(0..100));
        // Nobody looks meanwhile.
        rename_under(&bench, column, || store.append(0, &rows(100..200)).unwrap());
        rename_back(&bench, column);
        store.append(0, &rows(200..300)).unwrap();
        assert_asks_for_restart(&store);
        // The fold sends again what was in no checkpoint.
        drop(store);
        let store = open(folder.path(), &bench.config);
        store_all(&store, &rows(100..300));
        assert_eq!(store.problem(), None);
        assert_whole(&bench, &store, column);
    }
}

#[test]
fn a_column_that_is_away_is_noticed_before_the_server_has_come_to_it() {
    let bench = Bench::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &bench.config);
    store_all(&store, &rows(0..100));
    // Each day is a folder of files: it has to do before it comes to what is next.
    let days: Vec<Observation> = (1..=LATE_DAYS)
        .map(|day| reading(2, MIDNIGHT_US - day * DAY_US, day as u64, 1.0))
        .collect();
    store.append(0, &days).unwrap();
    bench.ask("ALTER TABLE readings RENAME COLUMN value TO c2");
    for _ in 0..3 {
        store.append(0, &rows(100..200)).unwrap();
    }
    let made = store.checkpoint(0, StateBatch::default());
    assert!(made.is_err(), "its columns look as before");
    eventually("the server to come to it", || {
        (bench.ask("SELECT count() FROM table_columns('readings')") == ["9"]).then_some(())
    });
    rename_back(&bench, "value");
    assert_asks_for_restart(&store);
    drop(store);
    let store = open(folder.path(), &bench.config);
    store_all(&store, &[days.clone(), rows(100..300)].concat());
    assert_eq!(read_all(&store, 1), rows(0..300));
    assert_eq!(read_all(&store, 2).len(), days.len());
}

/// Fails unless history, charts and counted hours have each row once, whatever lies beside it.
fn assert_whole(bench: &Bench, store: &QuestDbStore, column: &str) {
    eventually("the server to show all", || {
        let whole =
            "value IS NOT NULL AND boot IS NOT NULL AND series IS NOT NULL AND quality IS NOT NULL";
        let count = format!("SELECT count() FROM readings WHERE {whole}");
        (bench.ask(&count) == ["300"]).then_some(())
    });
    assert_eq!(read_all(store, 1), rows(0..300), "{column}");
    let charted = |points: u32| {
        let to_us = MIDNIGHT_US + 6 * HOUR_US;
        let buckets = store
            .buckets(SeriesId(1), MIDNIGHT_US, to_us, points)
            .unwrap();
        buckets.iter().map(|bucket| bucket.count).sum::<u64>()
    };
    assert_eq!((charted(6), charted(6 * 60)), (300, 300), "{column}");
    while store
        .maintain(MIDNIGHT_US + 24 * HOUR_US, Duration::from_secs(5))
        .unwrap()
    {}
    assert_eq!(bench.ask("SELECT count FROM hours"), ["300"], "{column}");
    assert_eq!(charted(6), 300, "{column}");
}

#[test]
fn a_column_that_somebody_adds_holds_nothing_up() {
    let bench = Bench::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &bench.config);
    store_all(&store, &rows(0..10));
    for (at, note) in (1..).zip(["note", "remark"]) {
        bench.ask(&format!("ALTER TABLE readings ADD COLUMN {note} VARCHAR"));
        store.append(0, &rows(10 * at..10 * at + 10)).unwrap();
    }
    store_all(&store, &rows(30..40));
    // One of ours that was away while nothing was sent has lost nothing.
    bench.ask("ALTER TABLE readings RENAME COLUMN value TO c2");
    bench.ask("ALTER TABLE readings RENAME COLUMN c2 TO value");
    store_all(&store, &rows(40..50));
    assert_eq!(read_all(&store, 1), rows(0..50));
    assert_eq!(store.problem(), None);
}

#[test]
fn the_last_column_is_missed_when_the_server_makes_another() {
    let bench = Bench::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &bench.config);
    store_all(&store, &rows(0..10));
    let by_arrival = Observation {
        source: Source::Arrival,
        ..reading(1, MIDNIGHT_US, 20, 1.0)
    };
    rename_under(&bench, "arrival", || {
        store.append(0, &[by_arrival]).unwrap();
    });
    eventually("the column to be missed", || {
        let _ = store.maintain(0, Duration::ZERO);
        let told = store.problem();
        told.filter(|told| told.contains("readings.arrival was made again"))
    });
}
