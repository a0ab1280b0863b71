//! Tables of somebody else's that have our names: they are neither taken nor touched.

use crate::kit::{Bench, TABLES, days_later, eventually, open, rows, store_all};
use nhip_store::conformance::Misdeed;
use nhip_store::{QuestDbStore, Store, StoreError};
use std::time::Duration;

/// Somebody's hours of work.
pub fn make_strangers(bench: &Bench, table: &str) {
    bench.ask(&format!(
        "CREATE TABLE {table} (timestamp TIMESTAMP, employee SYMBOL, worked DOUBLE) \
         TIMESTAMP(timestamp) PARTITION BY DAY WAL DEDUP UPSERT KEYS(timestamp, employee)"
    ));
    bench.ask(&format!("INSERT INTO {table} VALUES (1, 'an', 7.5)"));
    eventually("the stranger's row", || {
        is_whole(bench, table).then_some(())
    });
}

/// Whether the stranger's table has what it had.
pub fn is_whole(bench: &Bench, table: &str) -> bool {
    bench.ask(&format!("SELECT worked FROM {table}")) == ["7.5"]
}

fn assert_refused(store: &QuestDbStore, table: &str) {
    let refused = store.append(0, &rows(0..10)).unwrap_err();
    let told = format!("it has a table {table} that is not ours; rename it");
    assert!(
        matches!(&refused, StoreError::Unusable { reason } if reason.contains(&told)),
        "{refused:?}"
    );
    assert!(store.problem().unwrap().contains(&told));
}

#[test]
fn a_start_takes_no_table_of_somebody_else() {
    let bench = Bench::start(&[]);
    for table in TABLES {
        make_strangers(&bench, table);
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path(), &bench.config);
        for _ in 0..2 {
            assert_refused(&store, table);
        }
        assert!(store.maintain(0, Duration::ZERO).is_err());
        // Nothing was made beside it.
        let names = TABLES.map(|name| format!("'{name}'")).join(", ");
        let made = format!("SELECT table_name FROM tables() WHERE table_name IN ({names})");
        assert_eq!(bench.ask(&made), [table]);
        assert!(is_whole(&bench, table));
        // Once it is out of the way, the same platform goes on.
        bench.ask(&format!("RENAME TABLE {table} TO away"));
        store_all(&store, &rows(0..10));
        assert_eq!(store.problem(), None);
        assert!(is_whole(&bench, "away"));
        for mine in TABLES.iter().chain(&["away"]) {
            bench.ask(&format!("DROP TABLE {mine}"));
        }
    }
}

#[test]
fn what_stands_in_the_place_of_our_hours_loses_no_days() {
    let mut bench = Bench::start(&[]);
    bench.config.rollup_retention_age_days = 1;
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &bench.config);
    store_all(&store, &rows(0..10));
    bench.ask("RENAME TABLE hours TO away");
    make_strangers(&bench, "hours");
    // Counting, dropping what is past its age, and the same after a restart.
    let _ = store.maintain(days_later(8), Duration::from_secs(1));
    drop(store);
    let store = open(folder.path(), &bench.config);
    store_all(&store, &rows(10..20));
    assert!(
        store
            .maintain(days_later(9), Duration::from_secs(1))
            .is_err()
    );
    let problem = store.problem().unwrap();
    assert!(
        problem.contains("hours is not the one that was made"),
        "{problem}"
    );
    assert!(is_whole(&bench, "hours"));
    bench.ask("DROP TABLE hours");
    bench.ask("RENAME TABLE away TO hours");
    store
        .maintain(days_later(9), Duration::from_secs(1))
        .unwrap();
    assert_eq!(store.problem(), None);
}

#[test]
fn making_tables_goes_on_where_it_was_cut() {
    let mut bench = Bench::start(&[]);
    let (proxy, config) = bench.with_proxied_queries();
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &config);
    let steps = [
        "CREATE TABLE IF NOT EXISTS readings",
        "CREATE TABLE IF NOT EXISTS hours",
        "CREATE TABLE IF NOT EXISTS nhip_schema",
        "INSERT INTO nhip_schema",
    ];
    for step in steps {
        proxy.set(Misdeed::Omit(step));
        let refused = store.append(0, &rows(0..10));
        assert!(refused.is_err(), "{step}");
        bench.server.kill();
        bench.server.restart();
    }
    proxy.set(Misdeed::None);
    store_all(&store, &rows(0..10));
    assert_eq!(store.problem(), None);
    assert_eq!(bench.ask("SELECT count() FROM nhip_schema"), ["1"]);
}
