//! What a copy finds when it compares.

use super::{Folder, NOW_US, configs, differences, history, moving::switch, order, rows_of};
use crate::kit::Bench;
use nhip_database::Database;
use nhip_store::conformance::{DAY_US, MIDNIGHT_US, reading};
use nhip_store::{Comparison, CopyCheck, CopyPhase, StoreConfigs, StoreError, StoreKind, Turn};
use tempfile::TempDir;

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
    assert_eq!(whole.check, None);
    for _ in 0..2 {
        let sound = check();
        assert_eq!(
            (differences(&sound), sound.phase),
            (0, CopyPhase::Following)
        );
        // Its own figures, and the copy's as they were.
        let compared = sound.check.unwrap();
        let of_copy = (whole.readings, whole.pairs, whole.checksum);
        let of_check = (compared.readings, compared.pairs, compared.checksum);
        assert_eq!(of_check, of_copy);
        assert_eq!((sound.readings, sound.pairs, sound.checksum), of_copy);
    }

    bench.ask(
        "UPDATE readings SET received = dateadd('u', 1, received) WHERE series = 4 AND seq = 100007",
    );
    let wrong = check();
    assert_eq!(
        (differences(&wrong), wrong.phase),
        (1, CopyPhase::Following)
    );

    // All of one UTC day, of every series that has readings on it.
    bench.ask("ALTER TABLE readings DROP PARTITION WHERE timestamp < '2025-11-23T00:00:00Z'");
    let missing = check();
    assert_eq!(
        (differences(&missing), missing.phase),
        (6, CopyPhase::Following)
    );
    assert_eq!(bench.count(), history().len());
    assert_eq!(differences(&check()), 0);

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
        (differences(&checked), checked.phase),
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
    assert!(differences(&missing) > 0);
    assert_eq!(missing.phase, CopyPhase::Following);
    folder.begin(StoreKind::Embedded, true);
    assert_eq!(differences(&folder.follow()), 0);
}

#[test]
fn comparing_waits_for_the_server_and_for_a_whole_copy() {
    let mut bench = Bench::start(&[]);
    let configs = configs(&bench);
    let path = tempfile::tempdir().unwrap();
    let folder = Folder::open(&path, StoreKind::Embedded, &configs).unwrap();
    folder.append(&history());
    folder.checkpoint();
    folder.begin(StoreKind::QuestDb, false);
    folder.copy.turn(NOW_US);
    let early = folder.copy.begin(order(StoreKind::QuestDb, true));
    assert!(
        matches!(&early, Err(StoreError::Refused { reason, .. }) if reason.contains("not whole")),
        "{early:?}"
    );
    folder.follow();
    bench.server.kill();
    let begun = folder.begin(StoreKind::QuestDb, true);
    assert_eq!(begun.phase, CopyPhase::Checking);
    assert!(begun.problem.is_some() && !begun.is_stuck, "{begun:?}");
    assert_eq!(folder.copy.turn(NOW_US), Turn::Waiting);
    bench.server.restart();
    let checked = folder.follow();
    assert_eq!(checked.check.unwrap().readings, history().len() as u64);
    assert_eq!(differences(&checked), 0);
}

/// Compares the two stores of a folder whose readings are in `to` by now.
fn compare(path: &TempDir, to: StoreKind, configs: &StoreConfigs) -> Result<CopyCheck, StoreError> {
    let database = Database::open(path.path(), &nhip_database::Config::default()).unwrap();
    let mut comparison = Comparison::open(&database, to, configs.clone())?;
    while comparison.turn()? {}
    Ok(comparison.progress().check.unwrap())
}

#[test]
fn after_the_switch_the_older_store_is_looked_for_in_the_other() {
    let bench = Bench::start(&[]);
    let configs = configs(&bench);
    let path = tempfile::tempdir().unwrap();
    let folder = Folder::open(&path, StoreKind::Embedded, &configs).unwrap();
    folder.append(&history());
    folder.checkpoint();
    drop(folder);
    // Nothing is made on a server for it.
    let never = compare(&path, StoreKind::Embedded, &configs).unwrap_err();
    assert!(never.to_string().contains("has no readings"), "{never}");
    assert!(
        bench
            .ask("SELECT table_name FROM tables() WHERE table_name = 'readings'")
            .is_empty()
    );

    let folder = Folder::open(&path, StoreKind::Embedded, &configs).unwrap();
    folder.begin(StoreKind::QuestDb, false);
    let whole = folder.follow();
    folder.store.settle(true).unwrap();
    drop(folder);
    assert!(switch(&path, StoreKind::QuestDb, &configs).unwrap());
    let same = CopyCheck {
        readings: whole.readings,
        pairs: whole.pairs,
        checksum: whole.checksum,
        differences: 0,
    };
    assert_eq!(compare(&path, StoreKind::QuestDb, &configs).unwrap(), same);

    // What comes then is in one store alone, also on days and of series that both have.
    let folder = Folder::open(&path, StoreKind::QuestDb, &configs).unwrap();
    folder.append(&[reading(1, MIDNIGHT_US + 5_000_000, 1, 0.5)]);
    folder.append(&rows_of(9));
    folder.checkpoint();
    drop(folder);
    assert_eq!(compare(&path, StoreKind::QuestDb, &configs).unwrap(), same);

    bench.ask("UPDATE readings SET received = dateadd('u', 1, received) WHERE series = 4 AND seq = 100007");
    let wrong = compare(&path, StoreKind::QuestDb, &configs).unwrap();
    assert_eq!((wrong.differences, wrong.pairs), (1, same.pairs - 1));
    bench.ask("ALTER TABLE readings DROP PARTITION WHERE timestamp < '2025-11-23T00:00:00Z'");
    let missing = compare(&path, StoreKind::QuestDb, &configs).unwrap();
    assert!(
        missing.differences > 1 && missing.readings < same.readings,
        "{missing:?}"
    );
}
