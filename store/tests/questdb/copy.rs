//! Copying the store of a data folder, with ingestion in between and crashes anywhere.

use crate::kit::{Bench, eventually};
use nhip_database::Database;
use nhip_store::conformance::{DAY_US, MIDNIGHT_US, read_all, reading};
use nhip_store::{
    CopyOrder, CopyPhase, CopyProgress, Observation, OpenStore, QuestDbConfig, Source, StateBatch,
    Store, StoreConfigs, StoreCopy, StoreError, StoreKind, Turn, WatchedStore,
};
use std::sync::Arc;
use tempfile::TempDir;

const SERIES: u32 = 6;
const DAYS: i64 = 4;
const NOW_US: i64 = MIDNIGHT_US + 30 * DAY_US;

/// A data folder with its store watched and a copy beside it, as a platform has them.
struct Folder {
    database: Database,
    store: WatchedStore,
    copy: Arc<StoreCopy>,
}

impl Folder {
    fn open(path: &TempDir, kind: StoreKind, configs: &StoreConfigs) -> Result<Self, StoreError> {
        let database = Database::open(path.path(), &nhip_database::Config::default()).unwrap();
        let metrics = prometheus::Registry::new();
        let store = OpenStore::open(kind, &database, configs, &metrics)?;
        let copy = Arc::new(StoreCopy::open(&database, &store, configs.clone())?);
        Ok(Self {
            store: WatchedStore::new(store.store(), &copy)?,
            database,
            copy,
        })
    }

    fn append(&self, rows: &[Observation]) {
        self.store.append(0, rows).unwrap();
    }

    fn checkpoint(&self) {
        self.store.checkpoint(0, state()).unwrap();
    }

    fn begin(&self, to: StoreKind, check: bool) -> CopyProgress {
        self.copy.begin(order(to, check)).unwrap()
    }

    /// Turns until nothing is left to do at once.
    fn follow(&self) -> CopyProgress {
        for _ in 0..10_000 {
            let turn = self.copy.turn(NOW_US);
            let progress = self.copy.progress().unwrap();
            let is_done = progress.waiting == 0 && progress.phase == CopyPhase::Following;
            if turn == Turn::Idle || (turn == Turn::Waiting && is_done) {
                return progress;
            }
        }
        panic!("it does not end: {:?}", self.copy.progress());
    }

    /// Turns until it says that a person has to do something, and what.
    fn stuck(&self) -> String {
        for _ in 0..10 {
            assert_eq!(self.copy.turn(NOW_US), Turn::Waiting);
            let progress = self.copy.progress().unwrap();
            if progress.is_stuck {
                return progress.problem.unwrap();
            }
        }
        panic!("it goes on waiting: {:?}", self.copy.progress());
    }
}

fn order(to: StoreKind, check: bool) -> CopyOrder {
    CopyOrder {
        from: to.other(),
        to,
        check,
        rate_max: 1_000_000,
    }
}

fn state() -> StateBatch {
    StateBatch {
        changes: vec![(b"h".to_vec(), Some(b"folded".to_vec()))],
    }
}

fn configs(bench: &Bench) -> StoreConfigs {
    StoreConfigs {
        questdb: QuestDbConfig {
            late_merge_after_s: 0,
            ..bench.config.clone()
        },
        ..StoreConfigs::default()
    }
}

/// Every kind of reading, of a day: with a sequence, without, with the time of arrival, twice
/// the same in one ms, of every quality.
fn rows_of(day: i64) -> Vec<Observation> {
    let mut rows = Vec::new();
    for series in 1..=SERIES {
        for at in 0..100 {
            let time_us = MIDNIGHT_US + day * DAY_US + at * 800_000_000 + i64::from(series);
            let mut row = reading(
                series,
                time_us,
                (day * 100 + at + 100_000) as u64,
                -0.1 * at as f64,
            );
            row.quality = nhip_wire::Quality::ALL[at as usize % 5];
            if series % 3 == 0 {
                (row.boot, row.seq) = (0, None);
            }
            if series == 6 {
                (row.source, row.received_us) = (Source::Arrival, time_us);
                rows.push(row);
            }
            rows.push(row);
        }
    }
    rows
}

fn history() -> Vec<Observation> {
    (0..DAYS).flat_map(rows_of).collect()
}

fn assert_has(store: &impl Store, expected: &[Observation]) {
    for series in 1..=SERIES {
        let mut expected: Vec<_> = expected
            .iter()
            .filter(|row| row.series.0 == series)
            .collect();
        expected.sort_by_key(|row| (row.time_us, row.boot, row.seq));
        let found = read_all(store, series);
        assert_eq!(found.len(), expected.len(), "series {series}");
        assert!(found.iter().eq(expected), "series {series}");
    }
}

/// Goes on with a copy to its end, with readings in between and a crash after every few turns.
fn move_with_crashes(
    path: &TempDir,
    to: StoreKind,
    configs: &StoreConfigs,
    all: &mut Vec<Observation>,
    live_day: i64,
) {
    let mut folder = Folder::open(path, to.other(), configs).unwrap();
    folder.begin(to, false);
    let mut live = rows_of(live_day).into_iter();
    let mut late = rows_of(live_day - 100).into_iter();
    for round in 0..12 {
        let some: Vec<_> = live
            .by_ref()
            .take(40)
            .chain(late.by_ref().take(10))
            .collect();
        folder.append(&some);
        folder.copy.turn(NOW_US);
        folder.checkpoint();
        all.extend(some);
        if round % 4 == 3 {
            // What was appended behind the checkpoint is appended again, as by the fold.
            let again: Vec<_> = live.by_ref().take(5).collect();
            folder.append(&again);
            folder.copy.turn(NOW_US);
            drop(folder);
            folder = Folder::open(path, to.other(), configs).unwrap();
            folder.append(&again);
            folder.checkpoint();
            all.extend(again);
        }
    }
    let whole = folder.follow();
    assert_eq!(
        (whole.phase, whole.waiting, whole.problem),
        (CopyPhase::Following, 0, None)
    );
    let rest: Vec<_> = live.chain(late).collect();
    folder.append(&rest);
    folder.checkpoint();
    all.extend(rest);
    // A clean end, then a start that switches.
    folder.store.settle(true).unwrap();
    drop(folder);
    assert!(switch(path, to, configs).unwrap());
}

/// What a start with another `store.kind` does.
fn switch(path: &TempDir, to: StoreKind, configs: &StoreConfigs) -> Result<bool, StoreError> {
    let database = Database::open(path.path(), &nhip_database::Config::default()).unwrap();
    StoreCopy::finish(&database, to, configs, NOW_US)
}

#[test]
fn a_city_moves_to_questdb_and_back_while_readings_come_and_through_crashes() {
    let bench = Bench::start(&[]);
    let configs = configs(&bench);
    let path = tempfile::tempdir().unwrap();
    let mut all = history();
    let folder = Folder::open(&path, StoreKind::Embedded, &configs).unwrap();
    folder.append(&all);
    folder.checkpoint();
    drop(folder);
    for (to, live_day) in [(StoreKind::QuestDb, 20), (StoreKind::Embedded, 30)] {
        move_with_crashes(&path, to, &configs, &mut all, live_day);
        let refused = Folder::open(&path, to.other(), &configs).err().unwrap();
        assert!(refused.to_string().contains("store.kind"), "{refused}");
        let folder = Folder::open(&path, to, &configs).unwrap();
        assert_has(&folder.store, &all);
        assert_eq!(folder.store.state(0, b"h").unwrap().unwrap(), b"folded");
        assert_eq!(folder.copy.progress(), None);
        // What comes then is one more.
        let next = rows_of(live_day + 1);
        folder.append(&next);
        folder.checkpoint();
        all.extend(next);
        assert_has(&folder.store, &all);
        folder.store.settle(false).unwrap();
        drop(folder);
    }
    // The older copy on the server does not come back.
    move_with_crashes(&path, StoreKind::QuestDb, &configs, &mut all, 40);
    let folder = Folder::open(&path, StoreKind::QuestDb, &configs).unwrap();
    assert_has(&folder.store, &all);
    assert_eq!(bench.count(), all.len());
}

#[test]
fn what_is_missing_or_wrong_in_questdb_is_found() {
    let bench = Bench::start(&[]);
    let configs = configs(&bench);
    let path = tempfile::tempdir().unwrap();
    let folder = Folder::open(&path, StoreKind::Embedded, &configs).unwrap();
    folder.append(&history());
    folder.checkpoint();
    folder.begin(StoreKind::QuestDb, false);
    let whole = folder.follow();
    assert_eq!(whole.readings, history().len() as u64);
    let check = || {
        folder.begin(StoreKind::QuestDb, true);
        folder.follow()
    };
    let sound = check();
    assert_eq!((sound.differences, sound.phase), (0, CopyPhase::Following));
    assert_eq!(sound.checksum, whole.checksum.wrapping_mul(2));

    bench.ask(
        "UPDATE readings SET received = dateadd('u', 1, received) WHERE series = 4 AND seq = 100007",
    );
    let wrong = check();
    assert_eq!((wrong.differences, wrong.phase), (1, CopyPhase::Following));

    // All of one UTC day, of every series that has readings on it.
    bench.ask("ALTER TABLE readings DROP PARTITION WHERE timestamp < '2025-11-23T00:00:00Z'");
    let missing = check();
    assert_eq!(
        (missing.differences, missing.phase),
        (6, CopyPhase::Following)
    );
    assert_eq!(bench.count(), history().len());
    assert_eq!(check().differences, 0);

    // Nothing can take this one away.
    let time_us = MIDNIGHT_US + DAY_US;
    bench.ask(&format!(
        "INSERT INTO readings VALUES ({time_us}, 2, 1, 99999, 0.5, {time_us}, 'good', false)"
    ));
    let broken = check();
    assert_eq!(broken.phase, CopyPhase::Failed);
    let problem = broken.problem.unwrap();
    assert!(problem.contains("series 2 on day"), "{problem}");
    drop(folder);
    let refused = switch(&path, StoreKind::QuestDb, &configs).unwrap_err();
    assert!(
        refused.to_string().contains("not whole (failed)"),
        "{refused}"
    );
    // Begun anew it is whole.
    let folder = Folder::open(&path, StoreKind::Embedded, &configs).unwrap();
    assert!(
        folder
            .copy
            .progress()
            .unwrap()
            .problem
            .unwrap()
            .contains("series 2")
    );
    folder.begin(StoreKind::QuestDb, false);
    assert_eq!(folder.follow().phase, CopyPhase::Following);
    assert_eq!(bench.count(), history().len());
}

#[test]
fn what_comes_while_everything_is_compared_is_no_difference() {
    let bench = Bench::start(&[]);
    let configs = configs(&bench);
    let path = tempfile::tempdir().unwrap();
    let folder = Folder::open(&path, StoreKind::Embedded, &configs).unwrap();
    folder.append(&rows_of(0));
    folder.checkpoint();
    folder.begin(StoreKind::QuestDb, false);
    folder.follow();
    folder.begin(StoreKind::QuestDb, true);
    folder.append(&[reading(1, MIDNIGHT_US + 5_000_000, 1, 0.5)]);
    let checked = folder.follow();
    assert_eq!(
        (checked.differences, checked.phase),
        (0, CopyPhase::Following)
    );
    assert_eq!(bench.count(), rows_of(0).len() + 1);
}

#[test]
fn what_is_missing_in_the_embedded_store_is_found() {
    let bench = Bench::start(&[]);
    let configs = configs(&bench);
    let path = tempfile::tempdir().unwrap();
    let folder = Folder::open(&path, StoreKind::QuestDb, &configs).unwrap();
    folder.append(&history());
    folder.checkpoint();
    folder.begin(StoreKind::Embedded, false);
    assert_eq!(folder.follow().readings, history().len() as u64);
    for name in ["store.parts", "store.chunks"] {
        let keyspace = folder.database.keyspace(name, Default::default).unwrap();
        let first = keyspace.iter().next().map(|pair| pair.key().unwrap());
        if let Some(key) = first {
            let mut batch = folder.database.batch();
            batch.remove(&keyspace, key);
            batch.commit(None).unwrap();
        }
    }
    folder.begin(StoreKind::Embedded, true);
    let missing = folder.follow();
    assert!(missing.differences > 0);
    assert_eq!(missing.phase, CopyPhase::Following);
    folder.begin(StoreKind::Embedded, true);
    assert_eq!(folder.follow().differences, 0);
}

#[test]
fn a_switch_waits_for_what_it_needs() {
    let bench = Bench::start(&[]);
    let configs = configs(&bench);
    let path = tempfile::tempdir().unwrap();
    let none = Folder::open(&path, StoreKind::QuestDb, &configs).unwrap();
    none.append(&rows_of(0));
    none.checkpoint();
    let wrong = none
        .copy
        .begin(order(StoreKind::QuestDb, false))
        .unwrap_err();
    assert!(
        wrong.to_string().contains("copy from questdb to embedded"),
        "{wrong}"
    );
    drop(none);
    let refused = |what: &str| {
        let error = switch(&path, StoreKind::Embedded, &configs).unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
    };
    assert!(!switch(&path, StoreKind::Embedded, &configs).unwrap());
    let folder = Folder::open(&path, StoreKind::QuestDb, &configs).unwrap();
    folder.begin(StoreKind::Embedded, false);
    folder.append(&rows_of(1));
    drop(folder);
    refused("not whole (emptying)");
    let folder = Folder::open(&path, StoreKind::QuestDb, &configs).unwrap();
    folder.follow();
    // Ended without a checkpoint, and then once with one but not all of the log.
    drop(folder);
    refused("without a last checkpoint");
    let folder = Folder::open(&path, StoreKind::QuestDb, &configs).unwrap();
    folder.checkpoint();
    folder.store.settle(false).unwrap();
    drop(folder);
    refused("without a last checkpoint");
    let folder = Folder::open(&path, StoreKind::QuestDb, &configs).unwrap();
    folder.append(&rows_of(1));
    folder.store.settle(true).unwrap();
    drop(folder);
    refused("without a last checkpoint");
    let folder = Folder::open(&path, StoreKind::QuestDb, &configs).unwrap();
    folder.append(&rows_of(1));
    folder.checkpoint();
    folder.store.settle(true).unwrap();
    drop(folder);
    assert!(switch(&path, StoreKind::Embedded, &configs).unwrap());
    let folder = Folder::open(&path, StoreKind::Embedded, &configs).unwrap();
    assert_has(&folder.store, &[rows_of(0), rows_of(1)].concat());
}

#[test]
fn a_copy_waits_for_its_server_and_takes_no_tables_of_another_city() {
    let mut bench = Bench::start(&[]);
    let configs = configs(&bench);
    let other = tempfile::tempdir().unwrap();
    let owner = Folder::open(&other, StoreKind::QuestDb, &configs).unwrap();
    owner.append(&rows_of(0));
    owner.checkpoint();
    let path = tempfile::tempdir().unwrap();
    let folder = Folder::open(&path, StoreKind::Embedded, &configs).unwrap();
    folder.append(&rows_of(1));
    folder.checkpoint();
    bench.server.kill();
    folder.begin(StoreKind::QuestDb, false);
    assert_eq!(folder.copy.turn(NOW_US), Turn::Waiting);
    assert!(folder.copy.progress().unwrap().problem.is_some());
    assert!(!folder.copy.progress().unwrap().is_stuck);
    bench.server.restart();
    let problem = folder.stuck();
    assert!(problem.contains("another data folder"), "{problem}");
    assert!(problem.contains("nhip_schema"), "{problem}");
    eventually("the other's readings", || {
        (bench.count() == rows_of(0).len()).then_some(())
    });
    assert!(folder.copy.cancel().unwrap());
    assert_eq!(folder.copy.turn(NOW_US), Turn::Idle);
    assert_eq!(folder.copy.progress(), None);
    assert!(!folder.copy.cancel().unwrap(), "there was none");
}

#[test]
fn a_copy_says_what_has_to_be_mended_and_goes_on_when_it_is() {
    let bench = Bench::start(&[]);
    let configs = configs(&bench);
    for to in [StoreKind::QuestDb, StoreKind::Embedded] {
        for table in ["readings", "hours", "datastreams", "nhip_schema"] {
            bench.ask(&format!("DROP TABLE IF EXISTS {table}"));
        }
        let path = tempfile::tempdir().unwrap();
        let folder = Folder::open(&path, to.other(), &configs).unwrap();
        folder.append(&rows_of(0));
        folder.checkpoint();
        folder.begin(to, false);
        // As far as the target's tables are there.
        folder.copy.turn(NOW_US);
        bench.ask("ALTER TABLE readings RENAME COLUMN quality TO q2");
        let problem = folder.stuck();
        assert!(
            problem.contains("readings has no column quality"),
            "{problem}"
        );
        bench.ask("ALTER TABLE readings RENAME COLUMN q2 TO quality");
        let whole = folder.follow();
        assert_eq!((whole.phase, whole.problem), (CopyPhase::Following, None));
        assert_has(&folder.store, &rows_of(0));

        // While it follows, also when everything is to be compared again.
        bench.ask("ALTER TABLE readings RENAME COLUMN quality TO q2");
        for check in [false, true] {
            let refused = folder.copy.begin(order(to, check)).unwrap_err();
            assert!(
                matches!(refused, StoreError::Unusable { .. }),
                "{refused:?}"
            );
        }
        bench.ask("ALTER TABLE readings RENAME COLUMN q2 TO quality");
        folder.begin(to, true);
        let checked = folder.follow();
        assert_eq!((checked.differences, checked.problem), (0, None));
    }
}
