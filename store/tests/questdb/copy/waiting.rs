//! What a copy waits for.

use super::{Folder, NOW_US, assert_has, configs, differences, order, rows_of};
use crate::kit::{Bench, eventually};
use nhip_store::{CopyPhase, StoreError, StoreKind, Turn};

/// Renames a column, and waits until the server shows it so.
fn rename(bench: &Bench, from: &str, to: &str) {
    bench.ask(&format!(
        "ALTER TABLE readings RENAME COLUMN {from} TO {to}"
    ));
    let named = format!("SELECT count() FROM table_columns('readings') WHERE \"column\" = '{to}'");
    eventually("the new name", || {
        (bench.ask(&named) == ["1"]).then_some(())
    });
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
    assert!(folder.copy.cancel(None).unwrap());
    assert_eq!(folder.copy.turn(NOW_US), Turn::Idle);
    assert_eq!(folder.copy.progress(), None);
    assert!(!folder.copy.cancel(None).unwrap(), "there was none");
}

#[test]
fn a_copy_says_what_has_to_be_mended_and_goes_on_when_it_is() {
    // Else it makes another column for what a step sends.
    let bench = Bench::start(&[("LINE_AUTO_CREATE_NEW_COLUMNS", "false")]);
    let configs = configs(&bench);
    for to in [StoreKind::QuestDb, StoreKind::Embedded] {
        bench.clear();
        let path = tempfile::tempdir().unwrap();
        let folder = Folder::open(&path, to.other(), &configs).unwrap();
        folder.append(&rows_of(0));
        folder.checkpoint();
        folder.begin(to, false);
        // As far as the target's tables are there.
        folder.copy.turn(NOW_US);
        rename(&bench, "quality", "q2");
        let problem = folder.stuck();
        assert!(
            problem.contains("readings has no column quality"),
            "{problem}"
        );
        rename(&bench, "q2", "quality");
        let whole = folder.follow();
        assert_eq!((whole.phase, whole.problem), (CopyPhase::Following, None));
        assert_has(&folder.store, &rows_of(0));

        // While it follows, also when everything is to be compared again.
        rename(&bench, "quality", "q2");
        for check in [false, true] {
            let refused = folder.copy.begin(order(to, check)).unwrap_err();
            assert!(
                matches!(refused, StoreError::Unusable { .. }),
                "{refused:?}"
            );
        }
        rename(&bench, "q2", "quality");
        folder.begin(to, true);
        let checked = folder.follow();
        assert_eq!(differences(&checked), 0);
        assert_eq!(checked.problem, None);
    }
}
