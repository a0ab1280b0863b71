//! Readings that differ in their number alone: each is kept, paged and exported once.

use nhip_tests::{
    City, command,
    mqtt::{Client, Version},
};
use serde_json::{Value, json};

/// 2025-11-13T02:13:20Z.
const THEN_MS: u64 = 1_763_000_000_000;
const TWINS: u64 = 700;

/// A device all of whose readings are of one instant and one value, but the first and last.
fn send_twins(city: &City) {
    let mut client = Client::connect(city.addresses().mqtt, "twins", Version::V4);
    let messages: Vec<Value> = (0..TWINS)
        .map(|seq| {
            let second = match seq {
                0 => 0,
                last if last == TWINS - 1 => 2,
                _ => 1,
            };
            json!({"boot": 1, "seq": seq, "time": THEN_MS + second * 1000, "readings": {"v": 5.5}})
        })
        .collect();
    for part in messages.chunks(100) {
        let payload = Value::from(part.to_vec()).to_string();
        client
            .publish("devices/twins/readings/json", payload.as_bytes())
            .unwrap();
    }
    assert_eq!(city.settle()["stored"], TWINS);
}

fn numbers(readings: &[Value]) -> Vec<u64> {
    readings
        .iter()
        .map(|reading| reading["seq"].as_u64().unwrap())
        .collect()
}

#[test]
fn twins_are_each_paged_once_in_both_orders_from_memory_and_from_the_disk() {
    let mut city = City::start();
    send_twins(&city);
    for _ in 0..2 {
        for limit in [1, 7, 100, 699] {
            let path = "/api/v1/readings?device=twins&order=";
            let up = numbers(&city.items_by(&format!("{path}asc"), limit));
            assert!(up.iter().copied().eq(0..TWINS), "by {limit}");
            let down = numbers(&city.items_by(&format!("{path}desc"), limit));
            assert!(down.iter().copied().eq((0..TWINS).rev()), "by {limit}");
        }
        assert_eq!(city.terminate().code(), Some(0));
        city.launch();
    }
}

#[test]
fn twins_are_each_exported_once() {
    let city = City::start();
    send_twins(&city);
    let folder = tempfile::tempdir().unwrap();
    let url = format!("http://{}", city.addresses().http);
    for format in ["csv", "ndjson"] {
        let file = folder.path().join(format);
        let name = file.to_str().unwrap();
        let arguments = [
            "export", "--output", name, "--format", format, "--device", "twins", "--url", &url,
        ];
        let ended = command::run(&arguments, folder.path(), &[]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let said = format!("{TWINS} readings");
        let told = [&ended.output, &ended.errors];
        assert!(told.iter().any(|text| text.contains(&said)), "{ended:?}");
        let text = std::fs::read_to_string(&file).unwrap();
        let mut found: Vec<u64> = match format {
            "csv" => text
                .lines()
                .skip(1)
                .map(|row| row.split(',').nth(8).unwrap().parse().unwrap())
                .collect(),
            _ => text
                .lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap()["seq"].clone())
                .map(|seq| seq.as_u64().unwrap())
                .collect(),
        };
        found.sort_unstable();
        assert!(found.into_iter().eq(0..TWINS), "{format}");
    }
}
