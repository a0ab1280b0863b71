//! The platform with its readings in a real QuestDB, through the server's failures.

use nhip_tests::{
    City,
    city::signal,
    ledger::Ledger,
    mqtt::{Client, Version},
    publishers::Publishers,
    questdb::QuestDb,
    wait,
};
use rand::Rng;
use serde_json::json;
use std::time::Duration;

/// Fails unless what was acknowledged is stored, each reading once: by the API, and by the
/// server's own count of rows and of different ones.
fn assert_stored(city: &City, questdb: &QuestDb, ledger: &Ledger) {
    let figures = city.settle();
    ledger.assert_stored(city);
    let stored = figures["stored"].as_u64().unwrap();
    let count = "SELECT count() FROM readings";
    wait::until("the server to show every reading", || {
        (questdb.number(count) == Some(stored)).then_some(())
    });
    let distinct = "SELECT count() FROM (SELECT DISTINCT series, boot, seq FROM readings)";
    assert_eq!(questdb.number(distinct), Some(stored));
    assert_in_order(questdb);
}

/// Fails if a device's later reading arrived, and was stored, before an earlier one.
fn assert_in_order(questdb: &QuestDb) {
    let disorder = "SELECT count() FROM (SELECT received, lag(received) OVER \
                    (PARTITION BY series ORDER BY seq) AS before FROM readings) \
                    WHERE received < before";
    if let Some(rows) = questdb.ask(disorder)
        && let Some(count) = rows.first().and_then(|row| row[0].as_u64())
    {
        assert_eq!(count, 0);
    }
}

fn is_ready(city: &City) -> bool {
    city.ask("GET", "/readyz", None).status == 200
}

fn store_detail(city: &City) -> String {
    let answer = city.ask("GET", "/readyz", None).json();
    answer.to_string()
}

#[test]
fn a_reading_goes_the_whole_way_and_is_asked_for_by_name() {
    let questdb = QuestDb::start(&[]);
    let city = questdb.city().start();
    let mut client = Client::connect(city.addresses().mqtt, "one", Version::V4);
    for seq in 0..10 {
        let payload = json!({"boot": 1, "seq": seq, "readings": {"temperature": 20.5}});
        let topic = "devices/one/readings/json";
        let reason = client.publish(topic, payload.to_string().as_bytes());
        assert_eq!(reason.unwrap(), 0);
    }
    city.settle();
    assert_eq!(city.readings("device=one").len(), 10);
    assert_eq!(city.get("/api/v1/latest")["items"][0]["value"], 20.5);
    let sql = "SELECT count() FROM readings r JOIN datastreams d ON r.series = d.series \
               WHERE d.device = 'one' AND d.datastream = 'temperature' AND d.unit = 'Cel'";
    wait::until("the readings under their names", || {
        (questdb.number(sql) == Some(10)).then_some(())
    });
    assert!(is_ready(&city));
}

#[test]
fn killed_twenty_times_under_load_the_server_has_everything_acknowledged_once() {
    let mut questdb = QuestDb::start(&[]);
    let city = questdb
        .city()
        .set("INGEST__CHECKPOINT_ROWS", "2000")
        .set("STORE__QUESTDB__REQUEST_TIMEOUT_S", "2")
        .start();
    let publishers = Publishers::start(city.addresses().mqtt, "load", 20);
    let mut random = rand::rng();
    for _ in 0..20 {
        publishers.wait_for(random.random_range(1..3000));
        questdb.server.kill();
        // The broker goes on without it.
        publishers.wait_for(random.random_range(1..2000));
        questdb.server.restart();
    }
    publishers.wait_for(100);
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
    let publishers = Publishers::start(city.addresses().mqtt, "both", 20);
    for round in 0..6 {
        publishers.wait_for(1500);
        if round % 2 == 0 {
            questdb.server.kill();
            city.kill_and_launch();
            questdb.server.restart();
        } else {
            city.kill_and_launch();
        }
    }
    publishers.wait_for(100);
    let ledger = publishers.stop();
    assert_stored(&city, &questdb, &ledger);
}

#[test]
fn while_the_server_is_away_the_broker_acknowledges_and_memory_is_bounded() {
    let mut questdb = QuestDb::start(&[]);
    let city = questdb.city().start();
    let publishers = Publishers::start(city.addresses().mqtt, "away", 50);
    let newest = || city.get("/api/v1/latest?limit=100");
    let count = || newest()["items"].as_array().map_or(0, Vec::len);
    wait::until("a reading of each device", || (count() == 50).then_some(()));
    questdb.server.kill();
    publishers.wait_for(60_000);
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
    let publishers = Publishers::start(city.addresses().mqtt, "still", 20);
    publishers.wait_for(2_000);
    let id = questdb.server.id().unwrap();
    signal(id, "STOP");
    wait::until("it to be told", || (!is_ready(&city)).then_some(()));
    publishers.wait_for(10_000);
    signal(id, "CONT");
    let ledger = publishers.stop();
    assert_stored(&city, &questdb, &ledger);
}

#[test]
fn a_suspended_table_fails_readiness_and_raises_an_alarm() {
    let questdb = QuestDb::start(&[("DEV_MODE_ENABLED", "true")]);
    let city = questdb.city().set("INGEST__CHECKPOINT_ROWS", "500").start();
    let publishers = Publishers::start(city.addresses().mqtt, "held", 20);
    publishers.wait_for(2_000);
    questdb.ask("ALTER TABLE readings SUSPEND WAL").unwrap();
    wait::until("the alarm", || {
        (city.metric("nhip_questdb_suspended") > 0.5).then_some(())
    });
    assert!(!is_ready(&city));
    let detail = store_detail(&city);
    assert!(detail.contains("RESUME WAL"), "{detail}");
    publishers.wait_for(2_000);
    questdb.ask("ALTER TABLE readings RESUME WAL").unwrap();
    let ledger = publishers.stop();
    assert_stored(&city, &questdb, &ledger);
    assert!(city.metric("nhip_questdb_suspended") < 0.5);
}

#[test]
fn a_terminated_platform_ends_in_time_while_the_server_is_away() {
    let mut questdb = QuestDb::start(&[]);
    let mut city = questdb.city().start();
    let publishers = Publishers::start(city.addresses().mqtt, "ends", 5);
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
