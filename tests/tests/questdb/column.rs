//! A column that is away for a moment, on a server that makes what is missing by itself.

use crate::{is_ready, wait_for_reason, wait_for_stored};
use nhip_tests::{City, publishers::Publishers, questdb::QuestDb, wait};

/// Whether so many readings are stored, or the platform has noticed and holds them up.
fn is_sent(city: &City, readings: u64) -> bool {
    let figures = city.get("/api/v1/reconciliation");
    figures["stored"].as_u64() >= Some(readings) || !is_ready(city)
}

#[test]
fn a_column_renamed_and_renamed_back_under_load_loses_no_values() {
    let questdb = QuestDb::start(&[]);
    let mut city = questdb
        .city()
        .set("INGEST__CHECKPOINT_ROWS", "2000")
        .start();
    let publishers = Publishers::start_bounded(city.addresses().mqtt, "away", 20);
    publishers.allow(4_000);
    wait_for_stored(&city, 4_000);
    let rename = |from: &str, to: &str| {
        let sql = format!("ALTER TABLE readings RENAME COLUMN {from} TO {to}");
        questdb.ask(&sql).unwrap();
    };
    rename("value", "v2");
    let mut allowed = 4_000;
    wait::until("the server to make another", || {
        publishers.allow(20);
        allowed += 20;
        wait::until("them to be sent", || is_sent(&city, allowed).then_some(()));
        let columns = "SELECT count() FROM table_columns('readings')";
        (questdb.number(columns) == Some(9)).then_some(())
    });
    questdb
        .ask("ALTER TABLE readings DROP COLUMN value")
        .unwrap();
    rename("v2", "value");
    publishers.allow(50_000);
    wait_for_reason(&city, "restart the platform");
    assert!(city.terminate().success());
    city.launch();
    publishers.wait_for(1_000);
    let ledger = publishers.stop();
    let figures = city.settle();
    ledger.assert_stored(&city);
    let whole = "SELECT count() FROM readings WHERE value IS NOT NULL";
    wait::until("the server to show every reading", || {
        (questdb.number(whole) == figures["stored"].as_u64()).then_some(())
    });
    wait::until("it to be ready again", || is_ready(&city).then_some(()));
}
