//! History and charts, through late readings, counted hours and retention.

use crate::is_ready;
use nhip_tests::{
    City,
    mqtt::{Client, Version},
    questdb::QuestDb,
    wait,
};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

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

/// Readings of `level` every ten minutes, of the numbers that `of` takes.
fn send(city: &City, from_ms: u64, numbers: impl Iterator<Item = u64>) {
    let mut client = Client::connect(city.addresses().mqtt, "gauge", Version::V4);
    let readings: Vec<Value> = numbers
        .map(|number| json!({"time": from_ms + number * 10 * MINUTE_MS, "readings": {"level": value(number)}}))
        .collect();
    for some in readings.chunks(100) {
        let message = Value::from(some.to_vec()).to_string();
        let reason = client.publish("devices/gauge/readings/json", message.as_bytes());
        assert_eq!(reason.unwrap(), 0);
    }
    city.settle();
}

fn value(number: u64) -> f64 {
    ((number * 7919) % 613) as f64 / 10.0
}

/// Count, smallest, largest and last of each of `points` buckets.
fn buckets(city: &City, from_ms: u64, to_ms: u64, points: u64) -> Vec<(u64, f64, f64, f64)> {
    let path = format!(
        "/api/v1/series?device=gauge&datastream=level&from={from_ms}&to={to_ms}&points={points}"
    );
    let answer = city.get(&path);
    let number = |bucket: &Value, name: &str| bucket[name].as_f64().unwrap();
    answer["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bucket| {
            let of = |name| number(bucket, name);
            (
                bucket["count"].as_u64().unwrap(),
                of("min"),
                of("max"),
                of("last"),
            )
        })
        .collect()
}

/// The same from the readings that were sent.
fn expected(numbers: std::ops::Range<u64>, in_each: u64) -> Vec<(u64, f64, f64, f64)> {
    let values: Vec<f64> = numbers.map(value).collect();
    let least = |some: &[f64]| some.iter().copied().fold(f64::INFINITY, f64::min);
    let most = |some: &[f64]| some.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    values
        .chunks(in_each as usize)
        .map(|some| {
            (
                some.len() as u64,
                least(some),
                most(some),
                some[some.len() - 1],
            )
        })
        .collect()
}

/// Whole hours, from six local days ago on.
fn begin_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let today_ms = (now.as_millis() as u64 + 7 * HOUR_MS) / DAY_MS * DAY_MS - 7 * HOUR_MS;
    today_ms - 6 * DAY_MS
}

#[test]
fn late_readings_are_in_charts_and_charts_outlive_what_retention_drops() {
    const NUMBERS: u64 = 6 * 24 * 6;
    let questdb = QuestDb::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let counting = || {
        let city = questdb.city().data(folder.path());
        city.set("STORE__LATE_MERGE_AFTER_S", "0")
    };
    let mut city = counting().start();
    let from_ms = begin_ms();
    let to_ms = from_ms + 6 * DAY_MS;
    let is_late = |number: &u64| number % 7 == 3 || (200..260).contains(number);
    send(
        &city,
        from_ms,
        (0..NUMBERS).filter(|number| !is_late(number)),
    );
    let newest = city.items("/api/v1/latest?device=gauge");
    // The hours are counted, then those late ones are in them again.
    let is_counted = |readings: u64| {
        let counted = "SELECT sum(count) FROM hours";
        wait::until("the hours to be counted", || {
            (questdb.number(counted) == Some(readings)).then_some(())
        });
    };
    is_counted(NUMBERS - (0..NUMBERS).filter(is_late).count() as u64);
    send(&city, from_ms, (0..NUMBERS).filter(is_late));
    assert_eq!(buckets(&city, from_ms, to_ms, 144), expected(0..NUMBERS, 6));
    is_counted(NUMBERS);
    assert_eq!(buckets(&city, from_ms, to_ms, 144), expected(0..NUMBERS, 6));
    assert_eq!(city.readings("device=gauge").len() as u64, NUMBERS);
    assert_eq!(city.items("/api/v1/latest?device=gauge"), newest);

    assert!(city.terminate().success());
    let city = counting().set("STORE__RETENTION_AGE_DAYS", "2").start();
    let oldest = "SELECT cast(min(timestamp) as long) / 1000 FROM readings";
    wait::until("the old days to go", || {
        questdb.number(oldest).filter(|time_ms| *time_ms > from_ms)
    });
    // Midnight in Việt Nam is 17:00 of a UTC day, which is kept whole.
    let kept = (3 * 24 + 7) * 6;
    let kept_ms = from_ms + kept * 10 * MINUTE_MS;
    assert_eq!(questdb.number(oldest), Some(kept_ms));
    let stored = city.readings("device=gauge");
    let values: Vec<f64> = stored
        .iter()
        .map(|row| row["value"].as_f64().unwrap())
        .collect();
    assert_eq!(values, (kept..NUMBERS).map(value).collect::<Vec<_>>());
    assert_eq!(buckets(&city, from_ms, to_ms, 144), expected(0..NUMBERS, 6));
    assert_eq!(buckets(&city, from_ms, to_ms, 6), expected(0..NUMBERS, 144));
    assert_eq!(
        buckets(&city, kept_ms, to_ms, (NUMBERS - kept) / 3),
        expected(kept..NUMBERS, 3)
    );
    assert_eq!(city.items("/api/v1/latest?device=gauge"), newest);
    assert_exported(&city, kept);
    assert!(is_ready(&city));
}

/// Fails unless an export has what is stored, in order.
fn assert_exported(city: &City, first: u64) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("http://{}", city.addresses().http);
    let words = [
        "export",
        "--url",
        &url,
        "-o",
        "all.ndjson",
        "--device",
        "gauge",
    ];
    let ended = nhip_tests::command::run(&words, folder.path(), &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let text = std::fs::read_to_string(folder.path().join("all.ndjson")).unwrap();
    let values: Vec<f64> = text
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["value"]
                .as_f64()
                .unwrap()
        })
        .collect();
    assert_eq!(
        values,
        (first..first + values.len() as u64)
            .map(value)
            .collect::<Vec<_>>()
    );
    assert_eq!(values.len(), city.readings("device=gauge").len());
}
