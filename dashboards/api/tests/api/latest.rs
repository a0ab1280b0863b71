//! The newest readings.

use crate::kit::{City, reading};
use nhip_store::{Observation, Source};
use nhip_wire::Quality;
use serde_json::json;

#[tokio::test]
async fn the_newest_by_measured_time_is_shown_with_its_fields() {
    let city = City::new();
    let series = city.stream("a", "pm2_5");
    let put = r#"{"place": "phuong-ben-thanh", "simulated": true}"#;
    city.write("PUT", "/api/v1/devices/a", put).await;
    city.fold.store(&[
        reading(series, 1_795_327_200, 31.2),
        reading(series, 5, 1.0),
    ]);
    let latest = city.json("/api/v1/latest").await;
    assert_eq!(
        latest,
        json!({"items": [{
            "device": "a", "datastream": "pm2_5",
            "time": "2026-11-22T06:00:00.000000Z", "received": "2026-11-22T06:00:00.250000Z",
            "value": 31.2, "unit": "ug/m3", "quality": "good",
            "boot": 7, "seq": 1_795_327_200, "time_source": "device",
            "property": "pm2_5", "place": "phuong-ben-thanh", "simulated": true,
        }]})
    );
}

#[tokio::test]
async fn what_a_reading_lacks_is_null() {
    let city = City::new();
    let series = city.stream("a", "rain");
    city.fold.store(&[Observation {
        boot: 0,
        seq: None,
        quality: Quality::Missing,
        source: Source::Arrival,
        ..reading(series, 5, 0.0)
    }]);
    let item = &city.json("/api/v1/latest?device=a").await["items"][0];
    for field in ["value", "boot", "seq"] {
        assert!(item[field].is_null(), "{field}: {item}");
    }
    assert_eq!(
        (&item["quality"], &item["time_source"]),
        (&"missing".into(), &"arrival".into())
    );
    assert!(item.get("place").is_none() && item.get("simulated").is_none());
}

#[tokio::test]
async fn a_sequence_without_a_boot_has_no_boot() {
    let city = City::new();
    let series = city.stream("a", "rain");
    city.fold.store(&[Observation {
        boot: 0,
        seq: Some(3),
        ..reading(series, 5, 0.0)
    }]);
    let item = &city.json("/api/v1/latest?device=a").await["items"][0];
    assert!(item["boot"].is_null(), "{item}");
    assert_eq!(item["seq"], 3);
}

#[tokio::test]
async fn a_change_of_the_device_shows_at_once() {
    let city = City::new();
    let series = city.stream("a", "rain");
    city.fold.store(&[reading(series, 5, 1.0)]);
    assert!(
        city.json("/api/v1/latest").await["items"][0]
            .get("place")
            .is_none()
    );
    city.write("PUT", "/api/v1/devices/a", r#"{"place": "phuong-phu-loi"}"#)
        .await;
    assert_eq!(
        city.json("/api/v1/latest").await["items"][0]["place"],
        "phuong-phu-loi"
    );
}

#[tokio::test]
async fn pages_hold_every_datastream_with_a_reading_once() {
    let city = City::new();
    for number in 0..3_000 {
        let series = city.stream(&format!("d{}", number / 10), &format!("x{}", number % 10));
        if number % 3 != 1 {
            city.fold.store(&[reading(series, number, number as f64)]);
        }
    }
    let mut values = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = city
            .json(&format!("/api/v1/latest?limit=500{cursor}"))
            .await;
        values.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["value"].as_f64()),
        );
        let Some(next) = page.get("next") else { break };
        cursor = format!("&cursor={}", next.as_str().unwrap());
    }
    let expected: Vec<Option<f64>> = (0..3_000)
        .filter(|number| number % 3 != 1)
        .map(|number| Some(f64::from(number)))
        .collect();
    assert_eq!(values, expected);
}

#[tokio::test]
async fn what_was_rendered_before_is_shown_only_while_it_holds() {
    let city = City::new();
    let streams: Vec<_> = (0..1_100)
        .map(|number| city.stream(&format!("d{}", number / 100), &format!("x{}", number % 100)))
        .collect();
    let store = |number: usize, at_s, value| {
        city.fold.store(&[reading(streams[number], at_s, value)]);
    };
    let values = async || {
        let page = city.json("/api/v1/latest?limit=2000").await;
        let value = |item: &serde_json::Value| (item["value"].as_f64(), item["place"].is_null());
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(value)
            .collect::<Vec<_>>()
    };
    let mut expected = Vec::new();
    for number in (0..1_100).filter(|number| number % 2 == 0) {
        store(number, 10, number as f64);
        expected.push((Some(number as f64), true));
    }
    assert_eq!(values().await, expected);
    assert_eq!(values().await, expected);
    // A newer reading, an older one, one where there was none, and a device that was moved.
    store(500, 20, -1.0);
    store(502, 5, -2.0);
    store(1_051, 10, -3.0);
    expected[250].0 = Some(-1.0);
    expected.insert(526, (Some(-3.0), true));
    assert_eq!(values().await, expected);
    city.write(
        "PUT",
        "/api/v1/devices/d0",
        r#"{"place": "phuong-phu-loi"}"#,
    )
    .await;
    expected[..50].iter_mut().for_each(|item| item.1 = false);
    assert_eq!(values().await, expected);
}
