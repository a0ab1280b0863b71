//! Stored readings and the course of a datastream.

use crate::kit::{City, problem, reading, text};
use axum::{
    body::{Body, to_bytes},
    http::Request,
};
use nhip_store::{Observation, SeriesId};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

#[tokio::test]
async fn every_format_has_the_same_readings() {
    let city = City::new();
    let series = city.stream("a", "noise");
    city.fold
        .store(&[reading(series, 1, 50.5), reading(series, 2, -1e-7)]);
    let page = city.json("/api/v1/readings?device=a").await;
    let first = json!({
        "device": "a", "datastream": "noise", "time": "1970-01-01T00:00:01.000000Z",
        "received": "1970-01-01T00:00:01.250000Z", "value": 50.5, "unit": "dB[SPL]",
        "quality": "good", "boot": 7, "seq": 1, "time_source": "device",
    });
    assert_eq!(page["items"][0], first);
    assert!(page.get("next").is_none());
    let ndjson = text(city.get("/api/v1/readings?device=a&format=ndjson").await).await;
    let lines: Vec<Value> = ndjson
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(Value::from(lines), page["items"]);
    let request = Request::get("/api/v1/readings?device=a").header("accept", "text/csv");
    let csv = text(city.send(request.body(Body::empty()).unwrap()).await).await;
    assert_eq!(
        csv,
        "device,datastream,time,received,value,unit,quality,boot,seq,time_source\r\n\
         a,noise,1970-01-01T00:00:01.000000Z,1970-01-01T00:00:01.250000Z,50.5,dB[SPL],good,7,1,device\r\n\
         a,noise,1970-01-01T00:00:02.000000Z,1970-01-01T00:00:02.250000Z,-1e-7,dB[SPL],good,7,2,device\r\n"
    );
}

#[tokio::test]
async fn a_range_is_half_open_and_both_kinds_of_time_are_taken() {
    let city = City::new();
    let series = city.stream("a", "rain");
    let readings: Vec<Observation> = (0..10).map(|at| reading(series, at, at as f64)).collect();
    city.fold.store(&readings);
    for query in [
        "from=3000&to=6000",
        "from=1970-01-01T00:00:03Z&to=1970-01-01T07:00:06%2B07:00",
    ] {
        let page = city
            .json(&format!("/api/v1/readings?{query}&order=desc"))
            .await;
        let values: Vec<_> = page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["seq"].as_u64())
            .collect();
        assert_eq!(values, [Some(5), Some(4), Some(3)], "{query}");
    }
    for (query, parameter) in [
        ("from=yesterday", "from"),
        ("from=5000&to=4000", "to"),
        ("order=up", "order"),
        ("format=xml", "format"),
        ("limit=1000000", "limit"),
    ] {
        let (status, problem) = city.problem(&format!("/api/v1/readings?{query}")).await;
        assert_eq!(
            (status, &problem["parameter"]),
            (400, &parameter.into()),
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_cursor_belongs_to_its_list_and_order() {
    let city = City::new();
    let series = city.stream("a", "rain");
    city.fold
        .store(&[reading(series, 1, 1.0), reading(series, 2, 2.0)]);
    let page = city.json("/api/v1/readings?limit=1").await;
    let next = page["next"].as_str().unwrap();
    assert_eq!(
        city.problem(&format!("/api/v1/readings?order=desc&cursor={next}"))
            .await
            .0,
        400
    );
    assert_eq!(
        city.problem(&format!("/api/v1/latest?cursor={next}"))
            .await
            .0,
        400
    );
}

#[tokio::test]
async fn a_store_that_can_not_answer_is_told_before_anything_is_sent() {
    let city = City::new();
    let series = city.stream("a", "rain");
    city.fold.store(&[reading(series, 1, 1.0)]);
    city.fold.blocks_until_failure.store(1, Ordering::Relaxed);
    let (status, problem) = problem(city.get("/api/v1/readings").await).await;
    assert_eq!(status, 503, "{problem}");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("the disk is away")
    );
}

#[tokio::test]
async fn half_an_answer_can_not_be_taken_for_a_whole_one() {
    let city = City::new();
    let series = city.stream("a", "rain");
    let readings: Vec<Observation> = (0..5_000).map(|at| reading(series, at, 1.0)).collect();
    city.fold.store(&readings);
    city.fold
        .blocks_until_failure
        .store(1_500, Ordering::Relaxed);
    let response = city.get("/api/v1/readings?format=ndjson").await;
    assert_eq!(response.status(), 200);
    assert!(to_bytes(response.into_body(), usize::MAX).await.is_err());
}

#[tokio::test]
async fn a_course_has_its_buckets_and_needs_its_datastream() {
    let city = City::new();
    city.stream("a", "rain");
    let path = "/api/v1/series?device=a&datastream=rain&from=0&to=60000&points=6";
    let course = city.json(path).await;
    assert_eq!(
        (&course["bucket_s"], &course["unit"]),
        (&15.0.into(), &"mm".into()),
        "what the store chose"
    );
    let bucket = json!({
        "time": "1970-01-01T00:00:00.000000Z", "min": 1.0, "mean": 1.5, "max": 2.0, "last": 2.0,
        "count": 2,
    });
    assert_eq!(course["items"], json!([bucket]));
    assert_eq!(
        city.problem("/api/v1/series?device=a").await.1["parameter"],
        "datastream"
    );
    assert_eq!(
        city.problem("/api/v1/series?device=a&datastream=b").await.0,
        404
    );
    assert_eq!(
        city.problem(&format!("{path}0000")).await.1["parameter"],
        "points"
    );
}

/// A stored reading of few series at few instants, so that every tie comes up, that of
/// readings which say the same included.
fn crowded() -> impl Strategy<Value = Observation> {
    (
        0..3u32,
        0..4i64,
        0..2u32,
        proptest::option::of(0..2u64),
        0..2i64,
        0..2i32,
    )
        .prop_map(|(series, at, boot, seq, late_us, value)| {
            let reading = reading(SeriesId(series), at, f64::from(value));
            Observation {
                boot,
                seq,
                received_us: reading.received_us + late_us,
                ..reading
            }
        })
}

fn identity(item: &Value) -> String {
    ["datastream", "time", "received", "boot", "seq", "value"]
        .map(|field| item[field].to_string())
        .join(" ")
}

#[tokio::test]
async fn readings_that_say_the_same_are_each_on_one_page() {
    let city = City::new();
    let (rain, noise) = (city.stream("a", "rain"), city.stream("a", "noise"));
    let twin = |series, boot| Observation {
        boot,
        seq: None,
        ..reading(series, 1, 0.5)
    };
    let mut readings = vec![twin(rain, 0); 10];
    readings.extend(vec![twin(noise, 0); 7]);
    readings.extend(vec![twin(rain, 3); 4]);
    city.fold.store(&readings);
    for order in ["asc", "desc"] {
        let whole = city.json(&format!("/api/v1/readings?order={order}")).await;
        assert_eq!(whole["items"].as_array().unwrap().len(), readings.len());
        for limit in 1..=8 {
            let path = format!("/api/v1/readings?order={order}&limit={limit}");
            let (mut paged, mut cursor) = (Vec::new(), String::new());
            loop {
                let page = city.json(&format!("{path}{cursor}")).await;
                paged.extend(page["items"].as_array().unwrap().clone());
                let Some(next) = page.get("next") else { break };
                cursor = format!("&cursor={}", next.as_str().unwrap());
            }
            assert_eq!(Value::from(paged), whole["items"], "{path}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// What was there from the first page to the last is on exactly one page, whatever is
    /// stored in between, and every page goes on in order.
    #[test]
    fn pages_have_neither_gap_nor_repeat_while_readings_come_in(
        before in proptest::collection::vec(crowded(), 0..60),
        between in proptest::collection::vec(crowded(), 0..20),
        limit in 1..9usize,
        descending: bool,
        by_series: bool,
        format in prop_oneof!["json", "ndjson"],
    ) {
        let config = nhip_api::Config {
            merge_series_max: if by_series { 2 } else { 256 },
            ..nhip_api::Config::default()
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let city = City::with(config);
            for name in ["x", "y", "z"] {
                city.stream("a", name);
            }
            city.fold.store(&before);
            let mut later = between.iter();
            let order = if descending { "desc" } else { "asc" };
            let path = format!("/api/v1/readings?limit={limit}&order={order}&format={format}");
            let (mut seen, mut cursor) = (Vec::new(), None::<String>);
            loop {
                let cursor_text = cursor.as_ref().map(|c| format!("&cursor={c}")).unwrap_or_default();
                let response = city.get(&format!("{path}{cursor_text}")).await;
                let header = response.headers().get("nhip-next").map(|next| next.to_str().unwrap().to_owned());
                let text = text(response).await;
                let (items, next) = if format == "json" {
                    let page: Value = serde_json::from_str(&text).unwrap();
                    let next = page.get("next").map(|next| next.as_str().unwrap().to_owned());
                    (page["items"].as_array().unwrap().clone(), next)
                } else {
                    (text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), header)
                };
                assert!(items.len() <= limit);
                seen.extend(items.iter().map(|item| (item["time"].to_string(), identity(item), item["datastream"].to_string())));
                cursor = next;
                if cursor.is_none() { break }
                if let Some(row) = later.next() {
                    city.fold.store(&[*row]);
                }
            }
            let count = |rows: &[Observation], identity: &String| {
                rows.iter().filter(|row| wanted(row) == *identity).count()
            };
            for identity in seen.iter().map(|(_, identity, _)| identity).chain(&before.iter().map(wanted).collect::<Vec<_>>()) {
                let given = seen.iter().filter(|(_, seen, _)| seen == identity).count();
                assert!(given >= count(&before, identity), "a gap: {identity}");
                assert!(given <= count(&before, identity) + count(&between, identity), "a repeat: {identity}");
            }
            let in_order = seen.windows(2).all(|pair| {
                let (a, b) = (&pair[0], &pair[1]);
                let by_time = if descending { a.0 >= b.0 } else { a.0 <= b.0 };
                if by_series && a.2 != b.2 { a.2 < b.2 } else { by_time }
            });
            assert!(in_order, "{seen:?}");
        });
    }
}

/// The identity of a row as the API writes it.
fn wanted(row: &Observation) -> String {
    let number =
        |number: Option<u64>| number.map_or("null".to_owned(), |number| number.to_string());
    let boot = (row.boot != 0).then_some(u64::from(row.boot));
    format!(
        "\"{}\" \"1970-01-01T00:00:{:02}.000000Z\" \"1970-01-01T00:00:{:02}.{:06}Z\" {} {} {:?}",
        ["x", "y", "z"][row.series.0 as usize],
        row.time_us / 1_000_000,
        row.received_us / 1_000_000,
        row.received_us % 1_000_000,
        number(boot),
        number(row.seq),
        row.value
    )
}

#[tokio::test]
async fn the_accept_header_is_read_with_its_weights() {
    let city = City::new();
    for (accept, expected) in [
        ("application/json;q=0.1, text/csv", "text/csv"),
        (
            "text/csv;q=0.5, application/x-ndjson;q=0.6",
            "application/x-ndjson",
        ),
        ("text/html, */*;q=0.8", "application/json"),
    ] {
        let request = axum::http::Request::get("/api/v1/readings").header("accept", accept);
        let response = city
            .send(request.body(axum::body::Body::empty()).unwrap())
            .await;
        let got = response.headers()["content-type"].to_str().unwrap();
        assert_eq!(got.split(';').next(), Some(expected), "{accept}");
    }
}

#[tokio::test]
async fn a_range_may_end_at_the_end_of_time() {
    let city = City::new();
    let series = city.stream("a", "rain");
    city.fold.store(&[reading(series, 1, 1.0)]);
    for to in [
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59.999999Z",
        "253402300799000",
    ] {
        let page = city
            .json(&format!(
                "/api/v1/readings?from=0000-01-01T00:00:00Z&to={to}"
            ))
            .await;
        assert_eq!(page["items"].as_array().unwrap().len(), 1, "{to}");
    }
}
