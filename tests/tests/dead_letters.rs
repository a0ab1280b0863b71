//! What can't be taken is kept, mended and replayed, and the figures add up throughout.

use nhip_tests::{
    City,
    city::assert_adds_up,
    mqtt::{Client, Version},
    wait,
};
use serde_json::{Value, json};

fn publish(city: &City, topic: &str, payload: &Value) {
    let mut client = Client::connect(city.addresses().mqtt, "sender", Version::V5);
    let code = client.publish(topic, payload.to_string().as_bytes());
    assert_eq!(code.unwrap(), 0);
    city.settle();
}

/// Received, stored, duplicate, rejected, of a device or of the platform.
fn figures(city: &City, query: &str) -> [u64; 4] {
    let figures = city.get(&format!("/api/v1/reconciliation{query}"));
    assert_adds_up(&figures);
    ["received", "stored", "duplicate", "rejected"].map(|name| figures[name].as_u64().unwrap())
}

/// Replays what the request names; how many were sent again.
fn replay(city: &City, request: &Value) -> u64 {
    let answer = city.ask("POST", "/api/v1/dead-letters/replay", Some(request));
    assert_eq!(answer.status, 200, "{}", answer.text);
    city.settle();
    answer.json()["replayed"].as_u64().unwrap()
}

fn reasons(city: &City) -> Vec<String> {
    let letters = city.items_by("/api/v1/dead-letters", 100);
    let reason = |letter: &Value| letter["reason"].as_str().unwrap().to_owned();
    letters.iter().map(reason).collect()
}

#[test]
fn in_strict_mode_what_is_unknown_waits_as_dead_letters_until_it_is_registered() {
    let mut city = City::builder()
        .set("REGISTRY__REGISTRATION", "strict")
        .start();
    let topic = "devices/gauge-1/readings/json";
    for seq in 0..3 {
        let readings = json!({"level": 1.5, "odd": {"value": seq, "unit": "m"}});
        publish(
            &city,
            topic,
            &json!({"boot": 1, "seq": seq, "readings": readings}),
        );
    }
    assert_eq!(figures(&city, "?device=gauge-1"), [6, 0, 0, 6]);
    assert_eq!(reasons(&city), ["unknown_device"; 3]);
    let letters = city.items_by("/api/v1/dead-letters?device=gauge-1", 2);
    assert_eq!(letters.len(), 3);
    assert_eq!(letters[0]["readings"], 2);
    assert!(
        letters[0]["payload"]
            .as_str()
            .unwrap()
            .contains("\"seq\":0")
    );
    assert_eq!(city.ask("GET", "/api/v1/devices/gauge-1", None).status, 404);

    // Nothing was mended yet: a replay finds the same, and counts nothing twice.
    assert_eq!(replay(&city, &json!({"device": "gauge-1"})), 3);
    assert_eq!(figures(&city, "?device=gauge-1"), [6, 0, 0, 6]);
    assert_eq!(reasons(&city).len(), 3);

    // One of the two datastreams is registered.
    let device = json!({"title": "Gauge 1", "datastreams": [{"name": "level", "unit": "m"}]});
    let answer = city.ask("PUT", "/api/v1/devices/gauge-1", Some(&device));
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(city.terminate().code(), Some(0));
    city.launch();
    assert_eq!(figures(&city, "?device=gauge-1"), [6, 0, 0, 6]);
    assert_eq!(replay(&city, &json!({"reason": "unknown_device"})), 3);
    assert_eq!(figures(&city, "?device=gauge-1"), [6, 3, 0, 3]);
    assert_eq!(figures(&city, ""), [6, 3, 0, 3]);
    assert_eq!(reasons(&city), ["unknown_datastream"; 3]);
    let numbers: Vec<_> = city
        .readings("device=gauge-1")
        .iter()
        .map(|reading| reading["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, [0, 1, 2]);

    // What the device sends again meanwhile is known, so the replay of the rest is not a
    // second helping of the first.
    let more = json!({"datastreams": [{"name": "odd", "unit": "m"}]});
    assert_eq!(
        city.ask("PUT", "/api/v1/devices/gauge-1", Some(&more))
            .status,
        200
    );
    assert_eq!(replay(&city, &json!({"device": "gauge-1"})), 3);
    assert_eq!(figures(&city, "?device=gauge-1"), [6, 6, 0, 0]);
    assert!(reasons(&city).is_empty());
    assert_eq!(replay(&city, &json!({"device": "gauge-1"})), 0);
    city.kill_and_launch();
    city.settle();
    assert_eq!(figures(&city, ""), [6, 6, 0, 0]);
    assert_eq!(city.readings("device=gauge-1").len(), 6);
}

#[test]
fn a_kill_between_a_replay_and_the_next_checkpoint_counts_nothing_twice() {
    let mut city = City::builder()
        .set("REGISTRY__REGISTRATION", "strict")
        .start();
    let readings = json!({"level": 1.5, "odd": 2});
    let payload = json!({"boot": 1, "seq": 1, "readings": readings});
    publish(&city, "devices/gauge-2/readings/json", &payload);
    assert_eq!(replay(&city, &json!({"device": "gauge-2"})), 1);
    assert_eq!(figures(&city, ""), [2, 0, 0, 2]);
    for (name, expected) in [("level", [2, 1, 0, 1]), ("odd", [2, 2, 0, 0])] {
        let device = json!({"datastreams": [{"name": name}]});
        let answer = city.ask("PUT", "/api/v1/devices/gauge-2", Some(&device));
        assert_eq!(answer.status / 100, 2, "{}", answer.text);
        // The log is folded again with what is registered by now, the replay included: it
        // finds less to take back than when it was sent.
        city.kill_and_launch();
        city.settle();
        assert_eq!(figures(&city, ""), expected, "{name}");
        assert_eq!(figures(&city, "?device=gauge-2"), expected, "{name}");
    }
    assert_eq!(city.readings("device=gauge-2").len(), 2);
}

#[test]
fn a_mapping_rule_that_was_missing_takes_what_came_before_it() {
    let mut city = City::start();
    let configuration = city.folder().join("nhip.toml");
    let rule = |pointer: &str| {
        let text = format!(
            "[[mapping]]\nname = \"gauges\"\nfilter = \"gauges/+/data\"\ndevice = \"topic:2\"\n\
             time = \"/ts\"\ntime_format = \"s\"\n\
             fields = [{{ pointer = \"{pointer}\", datastream = \"water_level\", unit = \"cm\" }}]\n"
        );
        std::fs::write(&configuration, text).unwrap();
    };
    let restart = |city: &mut City| {
        assert_eq!(city.terminate().code(), Some(0));
        city.launch();
    };
    // Without a rule it is an ordinary topic between clients.
    publish(
        &city,
        "gauges/G7/data",
        &json!({"ts": 1_763_000_000, "level": 140}),
    );
    assert_eq!(figures(&city, ""), [0; 4]);
    // A rule that looks in the wrong place.
    rule("/height");
    restart(&mut city);
    let first = json!({"ts": 1_763_000_000, "level": 152});
    publish(&city, "gauges/G7/data", &first);
    assert_eq!(figures(&city, "")[..2], [1, 0]);
    let letters = city.items_by("/api/v1/dead-letters", 10);
    assert_eq!(letters[0]["topic"], "gauges/G7/data");
    assert_eq!(letters[0]["payload"], first.to_string());
    // Mended.
    rule("/level");
    restart(&mut city);
    publish(
        &city,
        "gauges/G7/data",
        &json!({"ts": 1_763_000_060, "level": 155}),
    );
    let id = letters[0]["id"].as_u64().unwrap();
    assert_eq!(replay(&city, &json!({"ids": [id]})), 1);
    assert_eq!(figures(&city, ""), [2, 2, 0, 0]);
    assert_eq!(figures(&city, "?device=g7"), [2, 2, 0, 0]);
    let levels: Vec<_> = city
        .readings("device=g7&datastream=water_level")
        .iter()
        .map(|reading| (reading["time"].clone(), reading["value"].as_f64().unwrap()))
        .collect();
    let expected = [
        (json!("2025-11-13T02:13:20.000000Z"), 1.52),
        (json!("2025-11-13T02:14:20.000000Z"), 1.55),
    ];
    assert_eq!(levels, expected);
}

#[test]
fn a_retired_device_keeps_its_history_and_comes_back_with_its_dead_letters() {
    let city = City::start();
    let topic = "devices/old/readings/json";
    publish(
        &city,
        topic,
        &json!({"boot": 1, "seq": 1, "readings": {"v": 1}}),
    );
    assert_eq!(
        city.ask("DELETE", "/api/v1/devices/old", None).status / 100,
        2
    );
    publish(
        &city,
        topic,
        &json!({"boot": 1, "seq": 2, "readings": {"v": 2}}),
    );
    assert_eq!(figures(&city, "?device=old"), [2, 1, 0, 1]);
    assert_eq!(reasons(&city), ["retired_device"]);
    assert_eq!(city.readings("device=old").len(), 1);
    assert_eq!(
        city.ask("PUT", "/api/v1/devices/old", Some(&json!({})))
            .status,
        200
    );
    assert_eq!(replay(&city, &json!({"device": "old"})), 1);
    assert_eq!(figures(&city, "?device=old"), [2, 2, 0, 0]);
}

#[test]
fn dead_letters_stay_within_their_bound_and_block_nothing() {
    let city = City::builder()
        .set("INGEST__DEAD_LETTERS_MAX", "50")
        .start();
    let mut client = Client::connect(city.addresses().mqtt, "poison", Version::V4);
    for number in 0..300 {
        let payload = format!("poison {number}");
        client
            .publish("devices/poison/readings/json", payload.as_bytes())
            .unwrap();
        let payload = json!({"boot": 1, "seq": number, "readings": {"v": number}});
        client
            .publish(
                "devices/poison/readings/json",
                payload.to_string().as_bytes(),
            )
            .unwrap();
    }
    city.settle();
    assert_eq!(figures(&city, "?device=poison"), [600, 300, 0, 300]);
    let letters = city.items_by("/api/v1/dead-letters", 20);
    assert!(letters.len() <= 50, "{}", letters.len());
    assert_eq!(letters.last().unwrap()["payload"], "poison 299");
}

#[test]
fn a_replay_that_a_kill_cuts_short_leaves_nothing_twice_and_nothing_out() {
    let mut city = City::builder()
        .set("REGISTRY__REGISTRATION", "strict")
        .start();
    let mut client = Client::connect(city.addresses().mqtt, "many", Version::V4);
    for seq in 0..200 {
        let payload = json!({"boot": 1, "seq": seq, "readings": {"v": seq}});
        client
            .publish("devices/many/readings/json", payload.to_string().as_bytes())
            .unwrap();
    }
    city.settle();
    let device = json!({"datastreams": [{"name": "v"}]});
    assert_eq!(
        city.ask("PUT", "/api/v1/devices/many", Some(&device))
            .status,
        201
    );
    for _ in 0..5 {
        let request = json!({"device": "many", "limit": 40});
        let answer = city.ask("POST", "/api/v1/dead-letters/replay", Some(&request));
        assert_eq!(answer.status, 200, "{}", answer.text);
        city.kill_and_launch();
    }
    wait::until("every dead letter to be replayed", || {
        city.settle();
        replay(&city, &json!({"device": "many"}));
        reasons(&city).is_empty().then_some(())
    });
    assert_eq!(figures(&city, "?device=many"), [200, 200, 0, 0]);
    assert_eq!(city.readings("device=many").len(), 200);
}
