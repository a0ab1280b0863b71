//! What a copy does when its target has lost what was made for it.

use super::moving::switch;
use super::{Folder, NOW_US, assert_has, configs, differences, history, order};
use crate::kit::{Bench, TABLES, eventually};
use nhip_store::{CopyPhase, StoreError, StoreKind, Turn};

/// A city whose copy on the server is whole.
fn copied(bench: &Bench, path: &tempfile::TempDir) -> Folder {
    let folder = Folder::open(path, StoreKind::Embedded, &configs(bench)).unwrap();
    folder.append(&history());
    folder.checkpoint();
    folder.begin(StoreKind::QuestDb, false);
    assert_eq!(folder.follow().phase, CopyPhase::Following);
    folder
}

#[test]
fn a_table_that_the_target_has_lost_is_made_anew_when_the_copy_is_ordered_again() {
    let bench = Bench::start(&[]);
    let path = tempfile::tempdir().unwrap();
    let folder = copied(&bench, &path);
    for table in TABLES {
        bench.ask(&format!("DROP TABLE {table}"));
        let problem = folder.stuck();
        assert!(
            problem.contains(&format!("lost the table {table}")),
            "{problem}"
        );
        assert!(problem.contains("order the copy once more"), "{problem}");
        let refused = folder.copy.begin(order(StoreKind::QuestDb, true));
        assert!(
            matches!(&refused, Err(StoreError::Unusable { reason }) if reason.contains(table)),
            "{refused:?}"
        );
        // Nothing is taken for granted by the first look.
        let begun = folder.begin(StoreKind::QuestDb, false);
        assert!(begun.problem.is_some() && !begun.is_stuck, "{begun:?}");
        assert_eq!(folder.copy.turn(NOW_US), Turn::Waiting);
        let whole = folder.follow();
        assert_eq!((whole.phase, whole.problem), (CopyPhase::Following, None));
        assert_eq!(bench.count(), history().len());
        folder.begin(StoreKind::QuestDb, true);
        assert_eq!(differences(&folder.follow()), 0);
        eventually("the hours to be counted", || {
            folder.copy.turn(NOW_US);
            (charted(&bench) == measured()).then_some(())
        });
    }
}

/// How many readings the server has counted in hours.
fn charted(bench: &Bench) -> usize {
    bench.ask("SELECT sum(count) FROM hours")[0]
        .parse()
        .unwrap_or_default()
}

fn measured() -> usize {
    let rows = history();
    rows.iter().filter(|row| row.quality.is_measured()).count()
}

#[test]
fn nothing_is_switched_to_a_server_that_has_lost_a_table() {
    let bench = Bench::start(&[]);
    let path = tempfile::tempdir().unwrap();
    let folder = copied(&bench, &path);
    folder.store.settle(true).unwrap();
    drop(folder);
    for (table, column) in [("hours", "count"), ("readings", "value")] {
        bench.ask(&format!("RENAME TABLE {table} TO away"));
        let refused = switch(&path, StoreKind::QuestDb, &configs(&bench)).unwrap_err();
        assert!(
            refused
                .to_string()
                .contains(&format!("lost the table {table}")),
            "{refused}"
        );
        bench.ask(&format!("RENAME TABLE away TO {table}"));
        assert!(bench.ask(&format!("SELECT count({column}) FROM {table}"))[0] != "0");
    }
    assert!(switch(&path, StoreKind::QuestDb, &configs(&bench)).unwrap());
    let folder = Folder::open(&path, StoreKind::QuestDb, &configs(&bench)).unwrap();
    assert_has(&folder.store, &history());
}

#[test]
fn a_copy_that_was_cancelled_makes_what_is_lost_anew() {
    let bench = Bench::start(&[]);
    let path = tempfile::tempdir().unwrap();
    let folder = copied(&bench, &path);
    bench.ask("DROP TABLE readings");
    assert!(folder.copy.cancel(None).unwrap());
    folder.begin(StoreKind::QuestDb, false);
    assert_eq!(folder.follow().phase, CopyPhase::Following);
    assert_eq!(bench.count(), history().len());
}

#[test]
fn a_table_of_somebody_in_the_place_of_ours_is_left_alone() {
    let bench = Bench::start(&[]);
    let path = tempfile::tempdir().unwrap();
    let folder = copied(&bench, &path);
    bench.ask("DROP TABLE readings");
    bench.ask(
        "CREATE TABLE readings (timestamp TIMESTAMP, worked DOUBLE) TIMESTAMP(timestamp) \
         PARTITION BY DAY",
    );
    bench.ask("INSERT INTO readings VALUES (1, 7.5)");
    folder.begin(StoreKind::QuestDb, false);
    assert_eq!(folder.copy.turn(NOW_US), Turn::Waiting);
    assert!(matches!(folder.copy.turn(NOW_US), Turn::Copied { .. }));
    let problem = folder.stuck();
    assert!(problem.contains("rename or drop it"), "{problem}");
    assert_eq!(bench.ask("SELECT worked FROM readings"), ["7.5"]);
    bench.ask("DROP TABLE readings");
    assert_eq!(folder.follow().phase, CopyPhase::Following);
    assert_eq!(bench.count(), history().len());
}
