//! Tables that are not as they were made: nothing is stored there, and what to do is told.

use crate::kit::{
    Bench, assert_stored, days_later, eventually, open, rows, store_all, until_taken,
};
use nhip_database::Database;
use nhip_store::conformance::{MIDNIGHT_US, read_all, reading};
use nhip_store::{
    Config, EmbeddedStore, Metrics, Observation, QuestDbConfig, QuestDbMetrics, QuestDbStore,
    SeriesNames, Source, StateBatch, Store, StoreError,
};
use std::path::Path;
use std::time::Duration;

/// Fails unless nothing can be made durable, for a reason that has these words.
fn assert_waits(store: &QuestDbStore, from: i64, words: &str) {
    let outcome = store
        .append(0, &rows(from..from + 10))
        .and_then(|()| store.checkpoint(0, StateBatch::default()));
    // In the server's words if it was first to find out.
    assert!(
        matches!(
            outcome,
            Err(StoreError::Unavailable { .. } | StoreError::Unusable { .. })
        ),
        "{outcome:?}"
    );
    eventually("the reason to be told", || {
        let _ = store.maintain(0, Duration::ZERO);
        store.problem().filter(|problem| problem.contains(words))
    });
}

#[test]
fn a_column_of_another_type_holds_everything_up_until_it_is_changed_back() {
    let mut bench = Bench::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &bench.config);
    store_all(&store, &rows(0..10));
    bench.ask("ALTER TABLE readings ALTER COLUMN received TYPE VARCHAR");
    assert_waits(&store, 10, "readings.received is VARCHAR and not TIMESTAMP");
    bench.ask("ALTER TABLE readings ALTER COLUMN received TYPE TIMESTAMP");
    // 9.3.4 in `sync` goes on to fail with `could not fsync [fd=-1]` until it is restarted.
    bench.server.kill();
    bench.server.restart();
    store_all(&store, &rows(10..20));
    assert_stored(&bench, &store, &rows(0..20));
}

#[test]
fn a_renamed_column_is_noticed_also_when_the_server_makes_another() {
    let bench = Bench::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &bench.config);
    store_all(&store, &rows(0..10));
    bench.ask("ALTER TABLE readings RENAME COLUMN quality TO q2");
    // The server makes a column for what is sent before anybody looks.
    let columns = "SELECT count() FROM table_columns('readings')";
    eventually("a column to be made", || {
        let _ = store.append(0, &rows(10..20));
        (bench.ask(columns) == ["9"]).then_some(())
    });
    assert_waits(&store, 20, "readings.quality was made again");
    bench.ask("ALTER TABLE readings DROP COLUMN quality");
    bench.ask("ALTER TABLE readings RENAME COLUMN q2 TO quality");
    // Rows without a quality are there: none of them must be behind a checkpoint.
    eventually("a restart to be asked for", || {
        let made = store.checkpoint(0, StateBatch::default());
        assert!(made.is_err(), "{made:?}");
        let problem = store.problem();
        problem.filter(|problem| problem.contains("restart the platform"))
    });
    // What was counted of them meanwhile.
    bench.ask(&format!(
        "INSERT INTO hours VALUES ({MIDNIGHT_US}, '1', 7, 7, 7, 7, 7)"
    ));
    // After a restart the fold sends again what was in no checkpoint.
    drop(store);
    let store = open(folder.path(), &bench.config);
    store_all(&store, &rows(10..40));
    while store
        .maintain(days_later(1), Duration::from_secs(5))
        .unwrap()
    {}
    assert_eq!(bench.ask("SELECT count FROM hours"), ["40"]);
    let lacking = "SELECT count() FROM readings WHERE quality IS NULL";
    eventually("the values to be there again", || {
        (bench.ask(lacking) == ["0"]).then_some(())
    });
    assert_stored(&bench, &store, &rows(0..40));
}

#[test]
fn a_row_that_is_not_ours_is_told_and_stops_nothing_else() {
    let bench = Bench::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &bench.config);
    store_all(&store, &rows(0..10));
    let row = "INSERT INTO readings (timestamp, series, boot, value, quality) \
               VALUES (0, 2, 0, 1.5, 'GOOD')";
    bench.ask(row);
    let of_it = nhip_store::RangeQuery {
        series: nhip_store::SeriesId(2),
        ..whole()
    };
    eventually("the row to be read", || {
        let read: Result<Vec<_>, _> = store.range(of_it).and_then(Iterator::collect);
        match read {
            Ok(_) => None,
            Err(StoreError::Unusable { reason }) => {
                assert!(reason.contains("series 2 in readings"), "{reason}");
                Some(())
            }
            Err(error) => panic!("it would end the platform: {error}"),
        }
    });
    store_all(&store, &rows(10..20));
    assert_eq!(read_all(&store, 1), rows(0..20));
}

#[test]
fn a_table_beside_the_readings_is_missed_while_readings_are_stored() {
    let bench = Bench::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &bench.config);
    store_all(&store, &rows(0..10));
    for (at, table) in (1..).zip(["hours", "datastreams"]) {
        bench.ask(&format!("RENAME TABLE {table} TO elsewhere"));
        store_all(&store, &rows(10 * at..10 * at + 10));
        let told = format!("the table {table} is gone");
        assert!(store.problem().unwrap().contains(&told), "{table}");
        assert!(store.takes_readings(), "{table}");
        // The server would make another, without keys.
        assert!(store.write_names(&[SeriesNames::default()]).is_err() || table == "hours");
        bench.ask(&format!("RENAME TABLE elsewhere TO {table}"));
        store.maintain(0, Duration::ZERO).unwrap();
        assert_eq!(store.problem(), None);
    }
    assert_stored(&bench, &store, &rows(0..30));
}

#[test]
fn a_dropped_table_is_noticed_also_when_the_server_makes_another() {
    let bench = Bench::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &bench.config);
    store_all(&store, &rows(0..10));
    bench.ask("DROP TABLE readings");
    // Depending on who is first, the server has made a table by itself, of other keys.
    let words = "readings";
    assert_waits(&store, 10, words);
    assert_waits(&store, 20, words);
    // The same data folder, after a restart.
    drop(store);
    let store = open(folder.path(), &bench.config);
    assert_waits(&store, 20, words);
}

#[test]
fn tables_of_another_data_folder_are_left_alone() {
    let bench = Bench::start(&[]);
    let (mine, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(mine.path(), &bench.config);
    store_all(&store, &rows(0..10));
    let stranger = open(other.path(), &bench.config);
    assert_waits(&stranger, 10, "belong to another data folder");
    assert!(stranger.range(whole()).is_err());
    assert_stored(&bench, &store, &rows(0..10));
}

#[test]
fn a_table_of_that_name_that_is_not_ours_is_left_alone() {
    let bench = Bench::start(&[]);
    bench.ask("CREATE TABLE readings (timestamp TIMESTAMP, x LONG) TIMESTAMP(timestamp)");
    bench.ask("INSERT INTO readings VALUES (0, 1)");
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &bench.config);
    assert_waits(&store, 0, "is not ours");
    assert_eq!(bench.count(), 1);
}

#[test]
fn a_data_folder_keeps_its_kind_of_store() {
    let bench = Bench::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    store_all(&open(folder.path(), &bench.config), &rows(0..10));
    let error = open_embedded(folder.path()).err().unwrap().to_string();
    assert!(error.contains("store.kind = \"questdb\""), "{error}");

    let folder = tempfile::tempdir().unwrap();
    let embedded = open_embedded(folder.path()).unwrap();
    let changes = vec![(b"h".to_vec(), Some(vec![1]))];
    embedded.checkpoint(0, StateBatch { changes }).unwrap();
    drop(embedded);
    let error = open_questdb(folder.path(), &bench.config).err().unwrap();
    assert!(error.to_string().contains("store.kind = \"embedded\""));
}

#[test]
fn the_same_reading_twice_in_one_ms_is_two_readings() {
    let bench = Bench::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &bench.config);
    let row = Observation {
        boot: 0,
        seq: None,
        source: Source::Arrival,
        received_us: MIDNIGHT_US,
        ..reading(1, MIDNIGHT_US, 0, 20.5)
    };
    store_all(&store, &[row, row]);
    until_taken(|| store.append(0, &[row]));
    assert_eq!(read_all(&store, 1), [row; 3]);
    // Folded again after a crash.
    drop(store);
    let store = open(folder.path(), &bench.config);
    store_all(&store, &[row]);
    assert_stored(&bench, &store, &[row; 3]);
}

#[test]
fn a_number_beyond_the_servers_is_refused_alone() {
    let bench = Bench::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &bench.config);
    let mut new = rows(0..3);
    new[1].seq = Some(u64::MAX);
    let reasons = new.iter().map(|row| store.refusal(row).is_some());
    assert_eq!(reasons.collect::<Vec<_>>(), [false, true, false]);
    let refused = store.append(0, &new);
    assert!(
        matches!(refused, Err(StoreError::Refused { .. })),
        "{refused:?}"
    );
    new.remove(1);
    store_all(&store, &new);
    assert_stored(&bench, &store, &new);
}

fn whole() -> nhip_store::RangeQuery {
    nhip_store::RangeQuery {
        series: nhip_store::SeriesId(1),
        from_us: 0,
        to_us: i64::MAX,
        order: nhip_store::Order::Ascending,
    }
}

fn open_embedded(folder: &Path) -> Result<EmbeddedStore, StoreError> {
    let database = Database::open(folder, &nhip_database::Config::default()).unwrap();
    let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
    EmbeddedStore::open(&database, Config::default(), metrics)
}

fn open_questdb(folder: &Path, config: &QuestDbConfig) -> Result<QuestDbStore, StoreError> {
    let database = Database::open(folder, &nhip_database::Config::default()).unwrap();
    let metrics = QuestDbMetrics::new(&prometheus::Registry::new()).unwrap();
    QuestDbStore::open(&database, config.clone(), metrics)
}
