//! Every format that devices and other people's servers publish, from the topic to the API.

use nhip_tests::{
    City,
    mqtt::{self, Client, Version},
    wait,
};
use nhip_wire::{
    Quality,
    compact::{Channel, Encoder, Header, Sample, Tick},
};
use serde_json::{Value, json};

const CHIRPSTACK: &[u8] = include_bytes!("../../ingest/src/mapping/fixtures/chirpstack_v4_up.json");
const THE_THINGS_STACK: &[u8] =
    include_bytes!("../../ingest/src/mapping/fixtures/the_things_stack_v3_up.json");

/// 2025-11-13T02:13:20Z.
const THEN_MS: u64 = 1_763_000_000_000;

fn publish(city: &City, topic: &str, payload: &[u8]) {
    let mut client = Client::connect(city.addresses().mqtt, "sender", Version::V5);
    assert_eq!(client.publish(topic, payload).unwrap(), 0, "{topic}");
    let figures = city.settle();
    assert_eq!(figures["rejected"], 0, "{topic}: {figures}");
}

/// The newest readings of a device by datastream: value, unit, time.
fn latest(city: &City, device: &str) -> Value {
    let items = city.items(&format!("/api/v1/latest?device={device}"));
    let entry = |item: &Value| {
        let name = item["datastream"].as_str().unwrap().to_owned();
        (name, json!([item["value"], item["unit"], item["time"]]))
    };
    Value::Object(items.iter().map(entry).collect())
}

#[test]
fn a_chirpstack_uplink_is_stored() {
    let city = City::start();
    let topic = "application/17c82e96/device/0101010101010101/event/up";
    publish(&city, topic, CHIRPSTACK);
    let time = "2022-07-18T09:34:15.775023Z";
    assert_eq!(
        latest(&city, "0101010101010101"),
        json!({
            "temperature": [31.2, "Cel", time],
            "humidity": [74.0, "%", time],
            "alarm": [0.0, "1", time],
            "gps_sats": [7.0, "1", time],
            "rssi": [-36.0, "dB[mW]", time],
            "snr": [10.5, "dB", time],
        })
    );
    // The network server sends again what it isn't sure of.
    publish(&city, topic, CHIRPSTACK);
    let figures = city.get("/api/v1/reconciliation?device=0101010101010101");
    assert_eq!(
        (&figures["stored"], &figures["duplicate"]),
        (&json!(6), &json!(6))
    );
}

#[test]
fn a_the_things_stack_uplink_is_stored() {
    let city = City::start();
    publish(&city, "v3/app1@ttn/devices/dev1/up", THE_THINGS_STACK);
    let time = "2020-02-12T15:15:45.789585Z";
    assert_eq!(
        latest(&city, "dev1"),
        json!({
            "temperature": [1.0, "Cel", time],
            "luminosity": [0.64, "1", time],
            "rssi": [-35.0, "dB[mW]", time],
            "snr": [5.0, "dB", time],
        })
    );
}

#[test]
fn senml_in_json_and_in_cbor_give_the_same_readings() {
    let city = City::start();
    let pack = json!([
        {"bn": "urn:dev:mac:0024befffe804ff1/", "bt": THEN_MS / 1000, "n": "temp", "u": "Cel", "v": 31.25},
        {"n": "humidity", "u": "%RH", "v": 74, "t": -60},
        {"n": "open", "vb": true},
    ]);
    publish(
        &city,
        "devices/in-json/readings/senml-json",
        pack.to_string().as_bytes(),
    );

    let text = |text: &[u8]| [&[0x60 | text.len() as u8], text].concat();
    let mut name = vec![0x78, 29];
    name.extend(b"urn:dev:mac:0024befffe804ff1/");
    let cbor = [
        vec![0x83, 0xa5, 0x21],
        name,
        vec![0x22, 0x1a],
        ((THEN_MS / 1000) as u32).to_be_bytes().to_vec(),
        [vec![0x00], text(b"temp"), vec![0x01], text(b"Cel")].concat(),
        // 31.25 as a half float.
        vec![0x02, 0xf9, 0x4f, 0xd0],
        [
            vec![0xa4, 0x00],
            text(b"humidity"),
            vec![0x01],
            text(b"%RH"),
        ]
        .concat(),
        vec![0x02, 0x18, 74, 0x06, 0x38, 59],
        [vec![0xa2, 0x00], text(b"open"), vec![0x04, 0xf5]].concat(),
    ]
    .concat();
    publish(&city, "devices/in-cbor/readings/senml-cbor", &cbor);

    let expected = json!({
        "temp": [31.25, "Cel", "2025-11-13T02:13:20.000000Z"],
        "humidity": [74.0, "%", "2025-11-13T02:12:20.000000Z"],
        "open": [1.0, "1", "2025-11-13T02:13:20.000000Z"],
    });
    assert_eq!(latest(&city, "in-json"), expected);
    assert_eq!(latest(&city, "in-cbor"), expected);
}

#[test]
fn a_compact_payload_is_stored_and_known_when_it_comes_again() {
    let city = City::start();
    let mut buffer = [0; 256];
    let header = Header {
        numbered: Some((7, 1234)),
        base_ms: Some(THEN_MS),
        tick: Tick::Second,
        clock_doubtful: false,
    };
    let channels = [Channel {
        name: "pm2_5",
        unit: None,
        decimals: 1,
    }];
    let mut encoder = Encoder::new(&mut buffer, &header, &channels).unwrap();
    for minute in 0..10 {
        encoder
            .push(&Sample {
                channel: 0,
                time_ms: (THEN_MS + minute * 60_000) as i64,
                value: (312 + minute) as f64 / 10.0,
                quality: Some(Quality::Good),
                seq: Some(1234 + minute),
            })
            .unwrap();
    }
    let length = encoder.len();
    for _ in 0..2 {
        publish(&city, "devices/small/readings/compact", &buffer[..length]);
    }
    let readings = city.readings("device=small");
    let found: Vec<_> = readings
        .iter()
        .map(|r| (r["boot"].as_u64(), r["seq"].as_u64(), r["value"].as_f64()))
        .collect();
    let expected: Vec<_> = (0..10)
        .map(|n| (Some(7), Some(1234 + n), Some((312 + n) as f64 / 10.0)))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(readings[9]["time"], "2025-11-13T02:22:20.000000Z");
    assert_eq!(readings[9]["unit"], "ug/m3");
    assert_eq!(city.settle()["duplicate"], 10);
}

#[test]
fn json_may_be_a_list_and_say_quality_and_times_of_its_own() {
    let city = City::start();
    let payload = json!([
        {"boot": 1, "seq": 1, "time": THEN_MS, "readings": {
            "a": {"value": 1, "quality": "suspect"}, "b": null,
            "c": {"value": true, "time": "2025-11-13T09:13:19.5+07:00"}}},
        {"boot": 1, "seq": 2, "readings": {"a": 2}},
    ]);
    publish(
        &city,
        "devices/list/readings/json",
        payload.to_string().as_bytes(),
    );
    let of = |name: &str| city.readings(&format!("device=list&datastream={name}"));
    let (a, b, c) = (of("a"), of("b"), of("c"));
    assert_eq!(a[0]["quality"], "suspect");
    assert_eq!(a[0]["time_source"], "device");
    assert_eq!(
        (&a[1]["time"], &a[1]["time_source"]),
        (&a[1]["received"], &json!("arrival"))
    );
    assert_eq!(
        (&b[0]["quality"], &b[0]["value"]),
        (&json!("missing"), &Value::Null)
    );
    assert_eq!(
        (&c[0]["value"], &c[0]["time"]),
        (&json!(1.0), &json!("2025-11-13T02:13:19.500000Z"))
    );
}

#[test]
fn a_reading_of_qos_0_is_stored_too_and_survives_a_kill() {
    let mut city = City::start();
    let mut client = Client::connect(city.addresses().mqtt, "light", Version::V4);
    for seq in 0..10 {
        let payload = json!({"boot": 1, "seq": seq, "readings": {"v": seq}}).to_string();
        let topic = "devices/light/readings/json";
        client.send(&mqtt::publish(
            topic,
            payload.as_bytes(),
            None,
            Version::V4,
            false,
        ));
    }
    wait::until("ten readings to be stored", || {
        (city.get("/api/v1/reconciliation")["stored"] == 10).then_some(())
    });
    city.kill_and_launch();
    assert_eq!(city.settle()["stored"], 10);
    assert_eq!(city.readings("device=light").len(), 10);
}
