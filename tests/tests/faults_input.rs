//! Faults 12 and 14 to 19: what comes in is harmless, whatever it is.

use nhip_tests::{
    City,
    city::Builder,
    mqtt::{self, Client, Version},
};
use serde_json::{Value, json};

const NOW_MS: u64 = 1_763_000_000_000;

/// A connection of a device, and the figures of what it sends.
struct Sender {
    city: City,
    client: Client,
}

impl Sender {
    fn new() -> Self {
        Self::with(City::builder())
    }

    fn with(builder: Builder) -> Self {
        let city = builder.start();
        let client = Client::connect(city.addresses().mqtt, "tester", Version::V5);
        Self { city, client }
    }

    /// Publishes a payload from `device`, expects its acknowledgement, and returns what
    /// stored and rejected are of the device afterwards.
    fn send(&mut self, device: &str, payload: impl AsRef<[u8]>) -> (u64, u64) {
        let topic = format!("devices/{device}/readings/json");
        let code = self.client.publish(&topic, payload.as_ref()).unwrap();
        assert_eq!(code, 0, "an acknowledged publish");
        self.city.settle();
        let figures = self
            .city
            .get(&format!("/api/v1/reconciliation?device={device}"));
        nhip_tests::city::assert_adds_up(&figures);
        let count = |name: &str| figures[name].as_u64().unwrap();
        (count("stored"), count("rejected"))
    }

    /// The reason of the newest dead letter.
    fn reason(&self) -> String {
        let letters = self.city.items_by("/api/v1/dead-letters", 1000);
        letters.last().unwrap()["reason"].as_str().unwrap().into()
    }

    /// Others are still served: an ordinary reading goes all the way.
    fn assert_serves(&mut self) {
        let (stored, rejected) =
            self.send("witness", json!({"readings": {"sample": 1}}).to_string());
        assert_eq!(rejected, 0);
        assert!(stored >= 1);
    }
}

#[test]
fn fault_12_topics_that_kill_other_brokers_are_refused_or_carried() {
    let mut sender = Sender::new();
    let refused = 0x90;
    let mut publish = |topic: &str| sender.client.publish(topic, b"1").unwrap();
    // A Vietnamese first letter and empty levels are ordinary topics.
    assert_eq!(publish("đo/1"), 0);
    assert_eq!(publish("é/x"), 0);
    assert_eq!(publish("//"), 0);
    assert_eq!(publish(&format!("a/{}", "b".repeat(1022))), 0);
    // Beyond `mqtt.topic_bytes_max`, up to the longest that MQTT has.
    for length in [1023, 60_000, 65_533] {
        assert_eq!(publish(&format!("a/{}", "b".repeat(length))), refused);
    }
    assert_eq!(publish("$SYS/broker"), refused);
    assert_eq!(publish("devices/ĐO/readings/json"), refused);
    assert_eq!(publish("devices/a/readings/xml"), refused);
    // Wildcards in a publish are a protocol error: the connection ends.
    for topic in ["a/+", "#", "a\0b"] {
        let mut client = Client::connect(sender.city.addresses().mqtt, "wild", Version::V4);
        client.send(&mqtt::publish(topic, b"1", Some(1), Version::V4, false));
        assert!(client.is_ended(), "{topic:?}");
    }
    sender.assert_serves();
}

#[test]
fn fault_12_a_million_distinct_topics_leave_memory_bounded() {
    let mut sender = Sender::new();
    // Somebody is there for whom they are fanned out.
    let mut listener = Client::connect(sender.city.addresses().mqtt, "all", Version::V4);
    assert_eq!(listener.subscribe("many/#", 0), 0);
    sender.assert_serves();
    let before = sender.city.resident_bytes();
    for numbers in (0..1_000_000u32).collect::<Vec<_>>().chunks(4000) {
        let mut batch = Vec::new();
        for number in numbers {
            let topic = format!("many/{number}/{}", number.reverse_bits());
            // QoS 0 goes to subscribers alone, QoS 1 through the log too.
            let id = (number % 4 == 0).then_some((number % 4000) as u16 + 1);
            batch.extend(mqtt::publish(&topic, b"1", id, Version::V5, false));
        }
        sender.client.send(&batch);
        for _ in 0..1000 {
            let answer = sender.client.receive().unwrap();
            assert_eq!((answer.kind(), answer.body.len()), (4, 2), "{answer:?}");
        }
    }
    sender.assert_serves();
    let grown = sender.city.resident_bytes().saturating_sub(before);
    assert!(grown < 64 << 20, "a million topics took {grown} B");
}

#[test]
fn fault_14_names_that_are_code_elsewhere_are_data_or_refused() {
    let mut sender = Sender::new();
    for device in [
        "x'; DROP TABLE t;--",
        "a\"b",
        "a%00",
        "раураl",
        "<script>",
        "../../etc",
    ] {
        let topic = format!("devices/{device}/readings/json");
        let code = sender.client.publish(&topic, b"{}").unwrap();
        assert_eq!(code, 0x90, "{device}");
    }
    let (stored, rejected) = sender.send(
        "injected",
        json!({"readings": {"x'; DROP TABLE t;--": 1, "<script>alert(1)</script>": 2, "fine": 3}})
            .to_string(),
    );
    assert_eq!((stored, rejected), (1, 2));
    let (_, rejected) = sender.send(
        "injected",
        json!({"readings": {"fine": {"value": 1, "unit": "Cel'; DROP"}}}).to_string(),
    );
    assert_eq!(rejected, 3);
    sender.assert_serves();
}

#[test]
fn fault_15_line_protocol_marks_in_names_go_nowhere() {
    let mut sender = Sender::new();
    for name in ["a\nb", "a,b", "a b", "a=b", "a\\", "..", "../t"] {
        let (stored, _) = sender.send("lines", json!({"readings": {name: 1}}).to_string());
        assert_eq!(stored, 0, "{name:?}");
    }
    sender.assert_serves();
}

#[test]
fn fault_16_hostile_json_becomes_dead_letters_and_blocks_nobody() {
    let mut sender = Sender::new();
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let keys: Vec<String> = (0..8_000).map(|key| format!("\"k{key}\":1")).collect();
    let wide = format!("{{\"readings\":{{{}}}}}", keys.join(","));
    let payloads: Vec<Vec<u8>> = vec![
        deep.into_bytes(),
        wide.into_bytes(),
        b"{\"readings\":{\"a\":1},\"readings\":{\"a\":2}}".to_vec(),
        b"{\"readings\":{\"a\xff\":1}}".to_vec(),
        b"{\"readings\":{\"a\":\"\\ud800\"}}".to_vec(),
        b"{\"readings\":".to_vec(),
        b"".to_vec(),
        b"null".to_vec(),
        b"\xef\xbb\xbf".to_vec(),
    ];
    for payload in &payloads {
        let shown = String::from_utf8_lossy(&payload[..payload.len().min(60)]).into_owned();
        let before = sender.send("hostile", b"{}").1;
        let (_, rejected) = sender.send("hostile", payload);
        assert!(rejected > before, "{shown}");
        sender.assert_serves();
    }
    let letters = sender
        .city
        .items_by("/api/v1/dead-letters?device=hostile", 10);
    assert!(letters.len() >= payloads.len());
}

#[test]
fn fault_16_a_million_keys_and_100_k_levels_in_one_message_are_one_dead_letter_each() {
    let mut sender = Sender::with(
        City::builder()
            .set("MQTT__PACKET_BYTES_MAX", "16 MiB")
            .set("LOG__RECORD_BYTES_MAX", "16 MiB"),
    );
    let keys: Vec<String> = (0..1_000_000).map(|key| format!("\"k{key}\":1")).collect();
    let payload = format!("{{\"readings\":{{{}}}}}", keys.join(","));
    assert_eq!(sender.send("keys", payload), (0, 1));
    assert_eq!(sender.reason(), "too_many_readings");
    let deep = "{\"readings\":".repeat(100_000);
    assert_eq!(sender.send("levels", deep), (0, 1));
    assert_eq!(sender.reason(), "undecodable");
    sender.assert_serves();
}

#[test]
fn fault_17_numbers_that_are_none_are_rejected_one_by_one() {
    let mut sender = Sender::new();
    let values = [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e400",
        "\"12,5\"",
        "\"\"",
        "[]",
        "{}",
    ];
    for (index, value) in values.iter().enumerate() {
        let payload = format!("{{\"readings\":{{\"v\":{value}}}}}");
        let (stored, rejected) = sender.send("numbers", payload);
        assert_eq!((stored, rejected), (0, index as u64 + 1), "{value}");
    }
    for (index, (value, number)) in [
        ("-0.0", 0.0),
        ("9223372036854775808", 9_223_372_036_854_775_808.0),
        ("true", 1.0),
        ("false", 0.0),
        ("5e-324", 5e-324),
    ]
    .iter()
    .enumerate()
    {
        let time = NOW_MS + index as u64;
        let payload = format!("{{\"time\":{time},\"readings\":{{\"w\":{value}}}}}");
        let (stored, _) = sender.send("numbers", payload);
        assert_eq!(stored, index as u64 + 1, "{value}");
        let newest = sender
            .city
            .readings("device=numbers&datastream=w&order=desc");
        assert_eq!(newest[0]["value"].as_f64(), Some(*number), "{value}");
    }
}

#[test]
fn fault_18_times_are_kept_quarantined_or_known_as_duplicates() {
    let mut sender = Sender::new();
    let mut send = |time: Value, value: f64| {
        let payload = json!({"time": time, "readings": {"v": value}}).to_string();
        sender.send("clock", payload)
    };
    assert_eq!(send(json!(NOW_MS), 1.0), (1, 0));
    // Out of order by days: welcome.
    assert_eq!(send(json!(NOW_MS - 5 * 86_400_000), 2.0), (2, 0));
    // An exact duplicate is not stored again, nor is it rejected.
    assert_eq!(send(json!(NOW_MS), 1.0), (2, 0));
    for (index, time) in [
        json!("9999-12-31T23:59:59Z"),
        json!(-1),
        json!(NOW_MS * 1000),
        json!(NOW_MS * 1_000_000),
        json!("yesterday"),
        json!("2038-01-19T03:14:08Z"),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(send(time.clone(), 3.0), (2, index as u64 + 1), "{time}");
    }
    let latest = sender.city.items("/api/v1/latest?device=clock");
    assert_eq!(latest[0]["value"], 1.0, "the newest by measured time");
}

#[test]
fn fault_19_schema_explosion_stops_at_its_bound_and_flips_reject_readings_only() {
    let mut sender = Sender::new();
    for number in 0..400 {
        let payload = json!({"readings": {format!("metric-{number}"): 1, "steady": number}});
        sender
            .client
            .publish(
                "devices/explosive/readings/json",
                payload.to_string().as_bytes(),
            )
            .unwrap();
    }
    sender.city.settle();
    let device = sender.city.get("/api/v1/devices/explosive");
    let datastreams = device["datastreams"].as_array().unwrap().len();
    assert!(datastreams <= 256, "{datastreams} datastreams");
    assert_eq!(sender.reason(), "too_many_datastreams");
    // A reading of each of the 400 messages is of a datastream that was there before.
    let steady = sender.city.readings("device=explosive&datastream=steady");
    assert_eq!(steady.len(), 400);

    let (stored, _) = sender.send(
        "flipping",
        json!({"readings": {"a": 1, "b": 1}}).to_string(),
    );
    assert_eq!(stored, 2);
    let payload = json!({"readings": {"a": "high", "b": 2}}).to_string();
    assert_eq!(sender.send("flipping", payload), (3, 1));
}
