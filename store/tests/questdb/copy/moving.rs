//! A city that moves there and back.

use super::{Folder, NOW_US, assert_has, configs, history, order, rows_of};
use crate::kit::Bench;
use nhip_database::Database;
use nhip_store::{CopyPhase, Observation, Store, StoreConfigs, StoreCopy, StoreError, StoreKind};
use tempfile::TempDir;

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

/// What a start with another `store.kind` does.
pub(super) fn switch(
    path: &TempDir,
    to: StoreKind,
    configs: &StoreConfigs,
) -> Result<bool, StoreError> {
    let database = Database::open(path.path(), &nhip_database::Config::default()).unwrap();
    StoreCopy::finish(&database, to, configs, NOW_US)
}
