//! Fault 1: `kill -9` at each stage of a reading's way, one stage a test.

use nhip_tests::{
    City,
    city::signal,
    mqtt::{self, Client, Version},
    publishers::Publishers,
    wait,
};
use serde_json::json;

const TOPIC: &str = "devices/one/readings/json";

fn reading(seq: u64) -> String {
    json!({"boot": 1, "seq": seq, "time": 1_763_000_000_000 + seq, "readings": {"v": seq}})
        .to_string()
}

fn connect(city: &City) -> Client {
    Client::connect(city.addresses().mqtt, "one", Version::V4)
}

/// Sends readings without waiting for an acknowledgement.
fn send(client: &mut Client, numbers: std::ops::Range<u64>) {
    let mut bytes = Vec::new();
    for seq in numbers {
        let id = Some(seq as u16 + 1);
        bytes.extend(mqtt::publish(
            TOPIC,
            reading(seq).as_bytes(),
            id,
            Version::V4,
            false,
        ));
    }
    client.send(&bytes);
}

/// Fails unless the readings from 0 to `count` are stored, each once, and nothing else.
fn assert_stored(city: &City, count: u64) {
    let numbers: Vec<u64> = city
        .readings("device=one")
        .iter()
        .map(|reading| reading["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (0..count).collect::<Vec<_>>());
    assert_eq!(city.settle()["stored"], count);
}

#[test]
fn received_and_not_logged_nothing_is_acknowledged_and_sending_again_stores_once() {
    // A commit waits a second for company, so the kill falls before it.
    let mut city = City::builder()
        .set("LOG__COMMIT_DELAY_US", "1000000")
        .start();
    let mut client = connect(&city);
    send(&mut client, 0..100);
    wait::until("the publishes to be queued", || {
        (city.get("/api/v1/health")["log"]["queued_bytes"] != 0).then_some(())
    });
    city.kill();
    assert!(client.is_ended(), "no acknowledgement came");
    city.launch();
    let mut client = connect(&city);
    send(&mut client, 0..100);
    for _ in 0..100 {
        assert_eq!(client.receive().unwrap().kind(), 4);
    }
    city.kill_and_launch();
    city.settle();
    assert_stored(&city, 100);
}

#[test]
fn logged_and_acknowledged_or_not_sending_again_stores_once() {
    let mut city = City::start();
    let mut expected = 0;
    for round in 0..10 {
        let mut client = connect(&city);
        // Killed with everything between a socket and the fold, the acknowledgements unread.
        send(&mut client, expected..expected + 500);
        for _ in 0..round * 50 {
            assert_eq!(client.receive().unwrap().kind(), 4);
        }
        city.kill_and_launch();
        let mut client = connect(&city);
        send(&mut client, expected..expected + 500);
        for _ in 0..500 {
            assert_eq!(client.receive().unwrap().kind(), 4);
        }
        expected += 500;
    }
    city.settle();
    assert_stored(&city, expected);
}

#[test]
fn acknowledged_a_kill_right_behind_keeps_the_reading() {
    let mut city = City::start();
    for seq in 0..5 {
        let mut client = connect(&city);
        assert_eq!(client.publish(TOPIC, reading(seq).as_bytes()).unwrap(), 0);
        city.kill_and_launch();
        city.settle();
        assert_stored(&city, seq + 1);
    }
}

#[test]
fn folded_into_memory_and_not_checkpointed_it_is_folded_again() {
    // By default a checkpoint is minutes away: what the API shows is in memory only.
    let mut city = City::start();
    for round in 1..4 {
        let mut client = connect(&city);
        for seq in (round - 1) * 50..round * 50 {
            assert_eq!(client.publish(TOPIC, reading(seq).as_bytes()).unwrap(), 0);
        }
        city.settle();
        assert_stored(&city, round * 50);
        city.kill_and_launch();
        city.settle();
        assert_stored(&city, round * 50);
    }
}

#[test]
fn checkpointed_it_is_not_folded_again() {
    // A checkpoint behind each batch: a kill finds everything stored, or just being so.
    let mut city = City::builder().set("INGEST__CHECKPOINT_ROWS", "1").start();
    for round in 1..4 {
        let mut client = connect(&city);
        for seq in (round - 1) * 50..round * 50 {
            assert_eq!(client.publish(TOPIC, reading(seq).as_bytes()).unwrap(), 0);
        }
        city.kill_and_launch();
        let figures = city.settle();
        assert_eq!(figures["duplicate"], 0, "{figures}");
        assert_stored(&city, round * 50);
    }
}

#[test]
fn frozen_at_many_stages_at_once_and_killed_there_it_folds_the_rest_at_its_start() {
    let mut city = City::builder()
        .set("INGEST__CHECKPOINT_ROWS", "500")
        .start();
    let publishers = Publishers::start(city.addresses().mqtt, "stage", 20);
    for _ in 0..3 {
        publishers.wait_for(2000);
        signal(city.pid(), "STOP");
        city.kill_and_launch();
    }
    publishers.wait_for(100);
    let ledger = publishers.stop();
    city.settle();
    ledger.assert_stored(&city);
}
