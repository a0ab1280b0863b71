//! A table of readings that is suspended, has no room, or is gone.

use crate::{assert_stored, is_ready, wait_for_reason, wait_for_stored};
use nhip_tests::{
    City, disk::SmallDisk, ledger::Ledger, publishers::Publishers, questdb::QuestDb, wait,
};
use std::{collections::BTreeSet, path::Path};

/// Readings that a server with a full disk has no room for, by far.
const HELD_UP_AFTER_MAX: usize = 200_000;

#[test]
fn a_suspended_table_fails_readiness_and_raises_an_alarm() {
    let questdb = QuestDb::start(&[("DEV_MODE_ENABLED", "true")]);
    let city = questdb.city().set("INGEST__CHECKPOINT_ROWS", "500").start();
    let publishers = Publishers::start_paced(city.addresses().mqtt, "held", 20, 2_000);
    wait_for_stored(&city, 2_000);
    wait::until("the alarm", || {
        // Again, since a transaction that is being applied takes it back.
        questdb.ask("ALTER TABLE readings SUSPEND WAL").unwrap();
        (city.metric("nhip_questdb_suspended") > 0.5).then_some(())
    });
    wait_for_reason(&city, "RESUME WAL");
    wait_for_stored(&city, 2_000);
    questdb.ask("ALTER TABLE readings RESUME WAL").unwrap();
    let ledger = publishers.stop();
    assert_stored(&city, &questdb, &ledger);
    assert!(city.metric("nhip_questdb_suspended") < 0.5);
}

#[test]
fn a_full_disk_of_the_server_holds_readings_up_and_they_go_on_by_themselves() {
    let Some(disk) = SmallDisk::mount(1024) else {
        return;
    };
    // Little room in files that are there already, so that readings soon need more.
    let small = ("CAIRO_WAL_WRITER_DATA_APPEND_PAGE_SIZE", "65536");
    let questdb = QuestDb::start_in(&disk.path().join("server"), &[small]);
    let city = questdb.city().set("INGEST__CHECKPOINT_ROWS", "500").start();
    let publishers = Publishers::start_bounded(city.addresses().mqtt, "full", 20);
    publishers.allow(4_000);
    wait_for_stored(&city, 2_000);
    disk.fill(0);
    // Whichever table feels it first: on until it is the one of readings.
    let mut allowed = 4_000;
    wait::until("readings to be held up", || {
        let told = city.ask("GET", "/readyz", None);
        let is_held = ["takes no readings", "the table readings"].map(|it| told.text.contains(it));
        if told.status == 503 && is_held.contains(&true) {
            return Some(());
        }
        if allowed < HELD_UP_AFTER_MAX {
            publishers.allow(500);
            allowed += 500;
        }
        None
    });
    // The broker goes on, and nothing is given up.
    wait::until("everything allowed", || {
        (publishers.acknowledged() == allowed as u64).then_some(())
    });
    assert!(!is_ready(&city));
    disk.free();
    wait::until("it to be ready again", || is_ready(&city).then_some(()));
    publishers.allow(1_000);
    let ledger = publishers.stop();
    assert_stored(&city, &questdb, &ledger);
    assert_eq!(city.get("/api/v1/reconciliation")["rejected"], 0);
}

/// Publishes until `enough` returns, drops the table under it, and fills a new one; what the command said.
fn drop_and_refill(questdb: &QuestDb, city: &mut City, enough: impl Fn(&City)) -> (String, Ledger) {
    let publishers = Publishers::start_paced(city.addresses().mqtt, "lost", 20, 4_000);
    enough(city);
    questdb.ask("DROP TABLE readings").unwrap();
    wait_for_reason(city, "nhip store refill");
    publishers.wait_for(2_000);
    let ledger = publishers.stop();
    let folder = city.folder().to_owned();
    let folder = folder.to_str().unwrap();
    let refill = || questdb.run(&["store", "refill", "--data", folder], Path::new("/"));
    let refused = refill();
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.errors.contains("in use by another"), "{refused:?}");
    assert!(city.terminate().success());
    let refilled = refill();
    assert_eq!(refilled.code, Some(0), "{refilled:?}");
    // There is a table now, and it is left alone.
    let refused = refill();
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.errors.contains("has lost no table"), "{refused:?}");
    city.launch();
    city.settle();
    (refilled.output, ledger)
}

#[test]
fn a_dropped_table_is_told_and_filled_again_from_the_log() {
    let questdb = QuestDb::start(&[]);
    let mut city = questdb.city().set("INGEST__CHECKPOINT_ROWS", "500").start();
    let (told, ledger) = drop_and_refill(&questdb, &mut city, |city| {
        wait_for_stored(city, 5_000);
    });
    assert!(told.contains("everything that was ever received"), "{told}");
    assert_stored(&city, &questdb, &ledger);
    assert!(is_ready(&city));
}

/// Whether the log's first segments, which are there once anything is stored, are gone.
fn is_trimmed(city: &City) -> bool {
    let first = city.folder().join("log/00000000000000000001.log");
    let second = city.folder().join("log/00000000000000000002.log");
    !first.exists() && !second.exists()
}

#[test]
fn what_the_log_no_longer_has_is_told_to_be_lost() {
    let questdb = QuestDb::start(&[]);
    let mut city = questdb
        .city()
        .set("INGEST__CHECKPOINT_ROWS", "500")
        .set("LOG__SEGMENT_BYTES", "1 MiB")
        .set("LOG__RETENTION_BYTES", "1 MiB")
        .start();
    let (told, ledger) = drop_and_refill(&questdb, &mut city, |city| {
        wait_for_stored(city, 1_000);
        wait::until("the log to be trimmed", || is_trimmed(city).then_some(()));
    });
    assert!(told.contains("what was received before is lost"), "{told}");
    // Of each device everything from some reading on, and nothing twice.
    for (device, acknowledged) in &ledger.acknowledged {
        let stored: Vec<u64> = city
            .readings(&format!("device={device}"))
            .iter()
            .map(|reading| reading["seq"].as_u64().unwrap())
            .collect();
        let numbers: BTreeSet<u64> = stored.iter().copied().collect();
        assert_eq!(numbers.len(), stored.len(), "{device}");
        let first = *numbers.first().expect("the newest are in the log");
        let missing: Vec<_> = acknowledged
            .range(first..)
            .filter(|seq| !numbers.contains(seq))
            .collect();
        assert!(missing.is_empty(), "{device}: {missing:?}");
    }
}
