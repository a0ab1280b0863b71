//! What a copy finds when it compares.

use super::{Folder, configs, history, moving::switch, rows_of};
use crate::kit::Bench;
use nhip_store::conformance::{DAY_US, MIDNIGHT_US, reading};
use nhip_store::{CopyPhase, StoreKind};

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
