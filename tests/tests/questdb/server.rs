//! A server that is killed, away, or stands still.

use crate::{assert_stored, is_ready, wait_for_stored};
use nhip_tests::{city::signal, publishers::Publishers, questdb::QuestDb, wait};
use rand::{Rng, SeedableRng};
use std::time::Duration;

/// Readings a second where a test asks what becomes of them, not how many there are.
const PER_S: usize = 3_000;

#[test]
fn killed_twenty_times_under_load_the_server_has_everything_acknowledged_once() {
    let mut questdb = QuestDb::start(&[]);
    let city = questdb
        .city()
        .set("INGEST__CHECKPOINT_ROWS", "2000")
        .set("STORE__QUESTDB__REQUEST_TIMEOUT_S", "2")
        .start();
    let publishers = Publishers::start_bounded(city.addresses().mqtt, "load", 20);
    // The load itself makes the moments random; the seed makes a failure's steps known.
    let mut random = rand::rngs::StdRng::seed_from_u64(20);
    for _ in 0..20 {
        // More than is waited for, so that there is load when it is killed.
        publishers.allow(6_000);
        publishers.wait_for(random.random_range(1..4_000));
        questdb.server.kill();
        // The broker goes on without it.
        publishers.allow(4_000);
        publishers.wait_for(random.random_range(1..4_000));
        questdb.server.restart();
    }
    let ledger = publishers.stop();
    assert_stored(&city, &questdb, &ledger);
}

#[test]
fn killed_with_its_platform_each_reading_is_there_once() {
    let mut questdb = QuestDb::start(&[]);
    let mut city = questdb
        .city()
        .set("INGEST__CHECKPOINT_ROWS", "2000")
        .start();
    let publishers = Publishers::start_bounded(city.addresses().mqtt, "both", 20);
    for round in 0..6 {
        publishers.allow(8_000);
        publishers.wait_for(1500);
        if round % 2 == 0 {
            questdb.server.kill();
            city.kill_and_launch();
            questdb.server.restart();
        } else {
            city.kill_and_launch();
        }
    }
    let ledger = publishers.stop();
    assert_stored(&city, &questdb, &ledger);
}

#[test]
fn while_the_server_is_away_the_broker_acknowledges_and_memory_is_bounded() {
    let mut questdb = QuestDb::start(&[]);
    let city = questdb.city().start();
    let publishers = Publishers::start_bounded(city.addresses().mqtt, "away", 50);
    publishers.allow(5_000);
    let newest = || city.get("/api/v1/latest?limit=100");
    let count = || newest()["items"].as_array().map_or(0, Vec::len);
    wait::until("a reading of each device", || (count() == 50).then_some(()));
    questdb.server.kill();
    publishers.allow(60_000);
    wait::until("everything allowed", || {
        (publishers.acknowledged() == 65_000).then_some(())
    });
    assert!(!is_ready(&city));
    assert!(
        city.resident_bytes() < 300 << 20,
        "{} MiB",
        city.resident_bytes() >> 20
    );
    let figures = city.get("/api/v1/reconciliation");
    assert!(figures["unread"].as_u64().unwrap() > 0, "{figures}");
    assert!(city.metric("nhip_questdb_reachable") < 0.5);
    // The newest readings are known without the server.
    assert_eq!(count(), 50);
    assert_eq!(
        city.ask("GET", "/api/v1/readings?limit=1", None).status,
        503
    );
    questdb.server.restart();
    let ledger = publishers.stop();
    assert_stored(&city, &questdb, &ledger);
    wait::until("it to be ready again", || is_ready(&city).then_some(()));
}

#[test]
fn a_server_that_stands_still_holds_readings_up_and_loses_none() {
    let questdb = QuestDb::start(&[]);
    let city = questdb
        .city()
        .set("STORE__QUESTDB__REQUEST_TIMEOUT_S", "1")
        .set("STORE__QUESTDB__QUERY_TIMEOUT_S", "1")
        .start();
    let publishers = Publishers::start_paced(city.addresses().mqtt, "still", 20, PER_S);
    wait_for_stored(&city, 2_000);
    let id = questdb.server.id().unwrap();
    signal(id, "STOP");
    wait::until("it to be told", || (!is_ready(&city)).then_some(()));
    publishers.wait_for(10_000);
    signal(id, "CONT");
    let ledger = publishers.stop();
    assert_stored(&city, &questdb, &ledger);
}

#[test]
fn a_terminated_platform_ends_in_time_while_the_server_is_away() {
    let mut questdb = QuestDb::start(&[]);
    let mut city = questdb.city().start();
    let publishers = Publishers::start_paced(city.addresses().mqtt, "ends", 5, PER_S);
    publishers.wait_for(500);
    questdb.server.kill();
    publishers.wait_for(500);
    let begun = std::time::Instant::now();
    assert!(city.terminate().success());
    assert!(
        begun.elapsed() < Duration::from_secs(12),
        "{:?}",
        begun.elapsed()
    );
    // It starts without its server too, and what it acknowledged is stored once that is back.
    city.launch();
    questdb.server.restart();
    let ledger = publishers.stop();
    assert_stored(&city, &questdb, &ledger);
}
