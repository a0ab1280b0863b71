//! Servers and networks that fail: what was taken is stored once, in any case.

use crate::kit::{
    Bench, assert_stored, eventually, gauge, open, open_with, rows, store_all, until_taken,
};
use nhip_store::conformance::{Misdeed, Proxy, read_all};
use nhip_store::{QuestDbConfig, StateBatch, Store, StoreError};
use std::time::Duration;

/// The store's way to the server leads over a proxy.
fn behind_a_proxy(bench: &Bench) -> (Proxy, QuestDbConfig) {
    let server = bench.config.http.strip_prefix("http://").unwrap();
    let proxy = Proxy::start(server);
    let config = QuestDbConfig {
        http: format!("http://{}", proxy.address()),
        request_timeout_s: 1,
        ..bench.config.clone()
    };
    (proxy, config)
}

#[test]
fn an_answer_that_is_late_cut_or_a_lie_loses_nothing_and_doubles_nothing() {
    let bench = Bench::start(&[]);
    let (proxy, config) = behind_a_proxy(&bench);
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &config);
    let misdeeds = [
        Misdeed::Delay(Duration::from_secs(5)),
        Misdeed::Cut(0),
        Misdeed::Cut(12),
        Misdeed::Lie,
    ];
    let mut expected = Vec::new();
    for (round, misdeed) in (0..).zip(misdeeds) {
        let new = rows(round * 500..(round + 1) * 500);
        proxy.set(misdeed);
        let taken = store.append(0, &new);
        let is_lie = misdeed == Misdeed::Lie;
        assert_eq!(taken.is_ok(), is_lie, "{misdeed:?}: {taken:?}");
        // Whatever was said, no checkpoint is made of what the server has not.
        if is_lie {
            let made = store.checkpoint(0, StateBatch::default());
            assert!(
                matches!(made, Err(StoreError::Unavailable { .. })),
                "{made:?}"
            );
        }
        proxy.set(Misdeed::None);
        if is_lie {
            until_taken(|| store.checkpoint(0, StateBatch::default()));
        } else {
            store_all(&store, &new);
        }
        expected.extend(new);
        assert_stored(&bench, &store, &expected);
    }
}

#[test]
fn a_server_that_was_killed_goes_on_where_it_was() {
    let mut bench = Bench::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &bench.config);
    let mut expected = Vec::new();
    for round in 0..4 {
        let new = rows(round * 1000..(round + 1) * 1000);
        for some in new.chunks(100) {
            until_taken(|| store.append(0, some));
        }
        bench.server.kill();
        let made = store.checkpoint(0, StateBatch::default());
        assert!(
            matches!(made, Err(StoreError::Unavailable { .. })),
            "{made:?}"
        );
        assert!(store.problem().is_some());
        bench.server.restart();
        until_taken(|| store.checkpoint(0, StateBatch::default()));
        assert_eq!(store.problem(), None);
        expected.extend(new);
        assert_stored(&bench, &store, &expected);
    }
}

#[test]
fn a_platform_that_starts_without_its_server_waits_for_it() {
    let mut bench = Bench::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    bench.server.kill();
    let store = open(folder.path(), &bench.config);
    let new = rows(0..10);
    let taken = store.append(0, &new);
    assert!(
        matches!(taken, Err(StoreError::Unavailable { .. })),
        "{taken:?}"
    );
    assert_eq!(store.state(0, b"h").unwrap(), None);
    bench.server.restart();
    store_all(&store, &new);
    assert_stored(&bench, &store, &new);
}

#[test]
fn a_server_of_another_version_gets_nothing_until_it_is_the_old_one_again() {
    let mut bench = Bench::start(&[]);
    let (proxy, config) = bench.with_proxied_queries();
    let folder = tempfile::tempdir().unwrap();
    let other = Misdeed::Replace("QuestDB 9.3.4", "QuestDB 8.3.4");
    proxy.set(other);
    let store = open(folder.path(), &config);
    let new = rows(0..100);
    let refused = store.append(0, &new).unwrap_err().to_string();
    assert!(refused.contains("version 8.3.4"), "{refused}");
    let ours = "SELECT count() FROM tables() WHERE table_name IN ('readings', 'nhip_schema')";
    assert_eq!(bench.ask(ours), ["0"]);
    proxy.set(Misdeed::None);
    store_all(&store, &new);

    // Exchanged under a platform that runs.
    bench.server.kill();
    assert!(store.append(0, &rows(100..200)).is_err());
    proxy.set(other);
    bench.server.restart();
    eventually("the version to be told", || {
        let refused = store.append(0, &rows(100..200)).unwrap_err();
        refused.to_string().contains("version 8.3.4").then_some(())
    });
    assert!(store.problem().unwrap().contains("version 8.3.4"));
    eventually("the server to show what it had", || {
        (bench.count() == 100).then_some(())
    });
    proxy.set(Misdeed::None);
    store_all(&store, &rows(100..200));
    assert_stored(&bench, &store, &rows(0..200));
}

#[test]
fn a_suspended_table_is_told_and_holds_checkpoints_up() {
    let bench = Bench::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &bench.config);
    let before = rows(0..100);
    store_all(&store, &before);
    eventually("the server to show them", || {
        (bench.count() == before.len()).then_some(())
    });
    // A transaction that is being applied takes the suspension back.
    eventually("the table to be suspended", || {
        bench.ask("ALTER TABLE readings SUSPEND WAL");
        let suspended = bench.ask("SELECT suspended FROM wal_tables() WHERE name = 'readings'");
        (suspended == ["t"]).then_some(())
    });
    // The server takes them all the same, and shows them to nobody; the store does.
    let after = rows(100..200);
    until_taken(|| store.append(0, &after));
    let made = store.checkpoint(0, StateBatch::default());
    assert!(
        matches!(made, Err(StoreError::Unavailable { .. })),
        "{made:?}"
    );
    let problem = store.problem().unwrap();
    assert!(
        problem.contains("ALTER TABLE readings RESUME WAL"),
        "{problem}"
    );
    bench.ask("ALTER TABLE readings RESUME WAL");
    until_taken(|| store.checkpoint(0, StateBatch::default()));
    assert_stored(&bench, &store, &[before, after].concat());
    assert_eq!(store.problem(), None);
}

#[test]
fn a_suspended_table_beside_the_readings_is_told_while_readings_are_stored() {
    let bench = Bench::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let metrics = prometheus::Registry::new();
    let store = open_with(folder.path(), &bench.config, &metrics);
    store_all(&store, &rows(0..10));
    for (at, table) in (1..).zip(["hours", "datastreams"]) {
        eventually("the table to be suspended", || {
            bench.ask(&format!("ALTER TABLE {table} SUSPEND WAL"));
            let _ = store.maintain(0, Duration::ZERO);
            let told = format!("ALTER TABLE {table} RESUME WAL");
            store.problem().filter(|problem| problem.contains(&told))
        });
        assert!(gauge(&metrics, "nhip_questdb_suspended") > 0.5, "{table}");
        store_all(&store, &rows(10 * at..10 * at + 10));
        assert!(store.problem().is_some(), "{table}");
        assert!(store.takes_readings(), "{table}");
        bench.ask(&format!("ALTER TABLE {table} RESUME WAL"));
        store.maintain(0, Duration::ZERO).unwrap();
        assert_eq!(store.problem(), None);
        assert!(gauge(&metrics, "nhip_questdb_suspended") < 0.5, "{table}");
    }
    assert_stored(&bench, &store, &rows(0..30));
}

#[test]
fn what_the_server_does_not_show_is_bounded() {
    let mut bench = Bench::start(&[]);
    bench.config.open_observations_max = 250;
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &bench.config);
    store_all(&store, &rows(0..10));
    bench.ask("ALTER TABLE readings SUSPEND WAL");
    let mut taken = 10;
    let refused = loop {
        match store.append(0, &rows(taken..taken + 100)) {
            Ok(()) => taken += 100,
            Err(error) => break error,
        }
        assert!(taken < 1000, "there is no bound");
    };
    assert!(
        matches!(refused, StoreError::Unavailable { .. }),
        "{refused}"
    );
    bench.ask("ALTER TABLE readings RESUME WAL");
    store_all(&store, &rows(taken..taken + 100));
    eventually("the server to show all", || {
        (bench.count() as i64 == taken + 100).then_some(())
    });
    assert_eq!(read_all(&store, 1), rows(0..taken + 100));
}
