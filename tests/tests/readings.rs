//! What is stored is what was sent: once, converted, in order, page by page.

use nhip_tests::{
    City,
    mqtt::{Client, Version},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;
/// 2025-11-13T02:13:20Z, some day in the past.
const THEN_MS: u64 = 1_763_000_000_000;

/// Publishes payloads of a device in JSON and waits until they can be queried.
fn send(city: &City, device: &str, payloads: &[Value]) {
    let mut client = Client::connect(city.addresses().mqtt, device, Version::V4);
    for payload in payloads {
        client
            .publish(
                &format!("devices/{device}/readings/json"),
                payload.to_string().as_bytes(),
            )
            .unwrap();
    }
    city.settle();
}

fn figures(city: &City, device: &str) -> (u64, u64, u64, u64) {
    let figures = city.get(&format!("/api/v1/reconciliation?device={device}"));
    let count = |name: &str| figures[name].as_u64().unwrap();
    (
        count("received"),
        count("stored"),
        count("duplicate"),
        count("rejected"),
    )
}

/// Two devices with two datastreams each, 240 readings.
fn some_readings(city: &City) {
    for device in ["east", "west"] {
        let payloads: Vec<Value> = (0..60)
            .map(|seq| {
                json!({"boot": 1, "seq": seq, "time": THEN_MS + seq * 1000 / 3,
                    "readings": {"a": seq, "b": {"value": seq as f64 / 7.0, "quality": "suspect"}}})
            })
            .collect();
        send(city, device, &payloads);
    }
}

#[test]
fn pages_of_any_size_and_order_together_are_everything_once() {
    let city = City::start();
    some_readings(&city);
    let queries = [
        "device=east",
        "",
        "datastream=b",
        "device=west&datastream=a&from=1763000003000&to=1763000010000",
    ];
    for query in queries {
        for order in ["asc", "desc"] {
            let path = format!("/api/v1/readings?{query}&order={order}").replace("?&", "?");
            let whole = city.get(&format!("{path}&limit=100000"));
            assert!(whole.get("next").is_none(), "{path}: all on one page");
            let whole = whole["items"].as_array().unwrap().clone();
            let times: Vec<&str> = whole.iter().map(|r| r["time"].as_str().unwrap()).collect();
            let sorted = match order {
                "asc" => times.is_sorted(),
                _ => times.is_sorted_by(|a, b| a >= b),
            };
            assert!(sorted, "{path}");
            for limit in [1, 7, 60, whole.len()] {
                let (mut paged, mut cursor) = (Vec::new(), String::new());
                loop {
                    let page = city.get(&format!("{path}&limit={limit}{cursor}"));
                    let items = page["items"].as_array().unwrap();
                    assert!(items.len() <= limit);
                    paged.extend(items.iter().cloned());
                    let Some(next) = page.get("next") else { break };
                    assert_eq!(items.len(), limit, "only the last page is short");
                    cursor = format!("&cursor={}", next.as_str().unwrap());
                }
                assert_eq!(paged, whole, "{path} by {limit}");
            }
        }
    }
    assert_eq!(city.readings("device=east").len(), 120);
    let range = city.readings(queries[3]);
    assert!(
        range
            .iter()
            .all(|r| r["device"] == "west" && r["datastream"] == "a")
    );
    assert_eq!(range.len(), 21, "9 to 29: `from` is in it, `to` is not");
}

#[test]
fn csv_and_ndjson_say_the_same_as_json() {
    let city = City::start();
    some_readings(&city);
    let whole = city.readings("");
    let ndjson = city.ask("GET", "/api/v1/readings?format=ndjson", None);
    assert_eq!(ndjson.content_type, "application/x-ndjson");
    let lines: Vec<Value> = ndjson
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines, whole);

    let csv = city.ask("GET", "/api/v1/readings?format=csv", None);
    assert!(csv.content_type.starts_with("text/csv"));
    let mut rows = csv
        .text
        .lines()
        .map(|line| line.split(',').collect::<Vec<_>>());
    let header = rows.next().unwrap();
    assert_eq!(
        header[..9],
        [
            "device",
            "datastream",
            "time",
            "received",
            "value",
            "unit",
            "quality",
            "boot",
            "seq"
        ]
    );
    let rows: Vec<_> = rows.collect();
    assert_eq!(rows.len(), whole.len());
    for (row, reading) in rows.iter().zip(&whole) {
        for (name, text) in header.iter().zip(row) {
            let shown = match &reading[*name] {
                Value::String(text) => text.clone(),
                Value::Number(number) if *name == "value" => {
                    assert_eq!(text.parse::<f64>().ok(), number.as_f64());
                    continue;
                }
                other => other.to_string(),
            };
            assert_eq!(*text, shown, "{name}");
        }
    }

    // Their pages are joined by a header, and make the same whole.
    let (mut paged, mut cursor) = (String::new(), String::new());
    loop {
        let path = format!("/api/v1/readings?format=ndjson&limit=100{cursor}");
        let page = city.ask("GET", &path, None);
        paged.push_str(&page.text);
        let Some(next) = page.next else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(paged, ndjson.text);
}

#[test]
fn a_parameter_that_is_not_understood_is_refused_by_name() {
    let city = City::start();
    some_readings(&city);
    for (query, parameter) in [
        ("readings?devise=east", "devise"),
        ("readings?limit=0", "limit"),
        ("readings?limit=100001", "limit"),
        ("readings?order=up", "order"),
        ("readings?format=xml", "format"),
        ("readings?from=yesterday", "from"),
        ("readings?from=2000&to=1000", "to"),
        ("readings?cursor=forged", "cursor"),
        ("readings?device=east&device=west", "device"),
        ("latest?bbox=1,2,3", "bbox"),
        ("series?device=east", "datastream"),
        ("live?after=never", "after"),
    ] {
        let answer = city.ask("GET", &format!("/api/v1/{query}"), None);
        assert_eq!(answer.status, 400, "{query}: {}", answer.text);
        assert_eq!(answer.content_type, "application/problem+json", "{query}");
        assert_eq!(answer.json()["parameter"], parameter, "{query}");
    }
    let answer = city.ask("GET", "/api/v1/series?device=nobody&datastream=a", None);
    assert_eq!(answer.status, 404);
}

#[test]
fn a_numbered_reading_sent_again_is_a_duplicate_also_after_restarts() {
    let mut city = City::start();
    let one = json!({"boot": 3, "seq": 9, "readings": {"a": 1, "b": 2}});
    send(&city, "twice", &[one.clone(), one.clone()]);
    assert_eq!(figures(&city, "twice"), (4, 2, 2, 0));
    // Another value under the same number is the same reading all the same.
    let changed = json!({"boot": 3, "seq": 9, "readings": {"a": 100}});
    assert_eq!(city.terminate().code(), Some(0));
    city.launch();
    send(&city, "twice", &[one.clone(), changed]);
    assert_eq!(figures(&city, "twice"), (7, 2, 5, 0));
    city.kill_and_launch();
    send(&city, "twice", &[one]);
    assert_eq!(figures(&city, "twice"), (9, 2, 7, 0));
    // The next boot begins its numbers anew.
    let next = json!({"boot": 4, "seq": 9, "readings": {"a": 1}});
    send(&city, "twice", &[next.clone(), next]);
    assert_eq!(figures(&city, "twice"), (11, 3, 8, 0));
    assert_eq!(city.readings("device=twice").len(), 3);
}

#[test]
fn without_numbers_time_and_value_tell_a_duplicate() {
    let mut city = City::start();
    let at = |ms: u64, value: f64| json!({"time": ms, "readings": {"v": value}});
    let first: Vec<Value> = (0..20).map(|n| at(THEN_MS + n * 1000, 1.5)).collect();
    send(&city, "plain", &first);
    city.kill_and_launch();
    send(&city, "plain", &first);
    assert_eq!(figures(&city, "plain"), (40, 20, 20, 0));
    // Another value at an instant is another reading.
    send(&city, "plain", &[at(THEN_MS, 2.5)]);
    assert_eq!(figures(&city, "plain"), (41, 21, 20, 0));
}

#[test]
fn two_readings_of_one_instant_are_both_kept_if_their_numbers_differ() {
    let mut city = City::start();
    let at = |seq: u64, value: f64| json!({"boot": 1, "seq": seq, "time": THEN_MS, "readings": {"v": value}});
    send(
        &city,
        "burst",
        &[at(1, 5.0), at(2, 5.0), at(3, 6.0), at(2, 5.0)],
    );
    for _ in 0..2 {
        let readings = city.readings("device=burst");
        let numbers: Vec<_> = readings
            .iter()
            .map(|r| r["seq"].as_u64().unwrap())
            .collect();
        assert_eq!(numbers, [1, 2, 3]);
        // After a checkpoint they come from the disk.
        assert_eq!(city.terminate().code(), Some(0));
        city.launch();
    }
    assert_eq!(figures(&city, "burst"), (4, 3, 1, 0));
}

#[test]
fn units_become_those_of_the_datastream() {
    let city = City::start();
    let readings = json!({
        "temperature": {"value": 86.0, "unit": "[degF]"},
        "wind_speed": {"value": 10.0, "unit": "[mi_i]/h"},
        "no2": {"value": 20.0, "unit": "[ppb]"},
        "pressure": {"value": 101_325.0, "unit": "Pa"},
        "humidity": 74.0,
    });
    send(&city, "units", &[json!({"readings": readings})]);
    let stored: BTreeMap<String, (f64, String)> = city
        .readings("device=units")
        .iter()
        .map(|reading| {
            let text = |name: &str| reading[name].as_str().unwrap().to_owned();
            let value = reading["value"].as_f64().unwrap();
            (text("datastream"), (value, text("unit")))
        })
        .collect();
    for (name, value, unit) in [
        ("temperature", 30.0, "Cel"),
        ("wind_speed", 4.4704, "m/s"),
        ("no2", 37.61, "ug/m3"),
        ("pressure", 1013.25, "hPa"),
        ("humidity", 74.0, "%"),
    ] {
        let (found, in_unit) = &stored[name];
        assert!((found - value).abs() < 0.005, "{name}: {found} {in_unit}");
        assert_eq!(in_unit, unit, "{name}");
    }
    // Where the substance is not known a share of volume can't become a mass.
    let at = |unit: &str| json!({"readings": {"pm2_5": {"value": 1.0, "unit": unit}}});
    send(&city, "units", &[at("ug/m3"), at("[ppb]")]);
    assert_eq!(figures(&city, "units"), (7, 6, 0, 1));
}

#[test]
fn what_comes_60_days_late_is_in_history_and_charts_and_not_the_latest() {
    let mut city = City::start();
    let at = |ms: u64, value: u64| json!({"time": ms, "readings": {"level": value}});
    // Now: an hour of minutes; then 60 days back, and 30, each in two goes that interleave.
    let minutes = |from: u64, first: u64| -> Vec<Value> {
        (0..30)
            .map(|n| first + 2 * n)
            .map(|n| at(from + n * 60_000, n))
            .collect()
    };
    let (sixty, thirty) = (THEN_MS - 60 * DAY_MS, THEN_MS - 30 * DAY_MS);
    for (from, first) in [
        (THEN_MS, 0),
        (THEN_MS, 1),
        (sixty, 1),
        (thirty, 0),
        (sixty, 0),
        (thirty, 1),
    ] {
        send(&city, "late", &minutes(from, first));
        // Each go becomes a part of its own on the disk.
        assert_eq!(city.terminate().code(), Some(0));
        city.launch();
    }
    let stored = city.readings("device=late");
    let values: Vec<u64> = stored
        .iter()
        .map(|r| r["value"].as_f64().unwrap() as u64)
        .collect();
    assert_eq!(values, (0..60).cycle().take(180).collect::<Vec<_>>());
    let latest = city.items("/api/v1/latest?device=late");
    assert_eq!(latest[0]["value"], 59.0);
    assert_eq!(latest[0]["time"], "2025-11-13T03:12:20.000000Z");

    let series = |from: u64, to: u64, points: u32| -> Vec<Value> {
        let path = format!(
            "/api/v1/series?device=late&datastream=level&from={from}&to={to}&points={points}"
        );
        city.get(&path)["items"].as_array().unwrap().clone()
    };
    // Drawn from the readings themselves, and, over 100 days, from rollups.
    for (from, to, points) in [
        (sixty, sixty + HOUR_MS, 6),
        (sixty, sixty + HOUR_MS, 60),
        (THEN_MS - 99 * DAY_MS, THEN_MS + DAY_MS, 100),
        (THEN_MS - 99 * DAY_MS, THEN_MS + DAY_MS, 2400),
    ] {
        let buckets = series(from, to, points);
        let hours = if to - from == HOUR_MS { 1 } else { 3 };
        let count: u64 = buckets.iter().map(|b| b["count"].as_u64().unwrap()).sum();
        assert_eq!(count, hours * 60, "{points} points");
        let sum: f64 = buckets
            .iter()
            .map(|b| b["mean"].as_f64().unwrap() * b["count"].as_f64().unwrap())
            .sum();
        assert!(
            (sum - (hours * 59 * 30) as f64).abs() < 1e-6,
            "{points} points: {sum}"
        );
        for (name, end) in [("min", 0.0), ("max", 59.0)] {
            let of = |a: f64, b: f64| if name == "min" { a.min(b) } else { a.max(b) };
            let found = buckets.iter().map(|b| b[name].as_f64().unwrap()).reduce(of);
            assert_eq!(found, Some(end), "{points} points");
        }
        assert_eq!(buckets.last().unwrap()["last"], 59.0);
        assert!(buckets.len() <= points as usize);
    }
    // A gap stays a gap.
    assert!(series(sixty + DAY_MS, thirty, 50).is_empty());
}
