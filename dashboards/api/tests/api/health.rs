//! Health, figures and dead letters.

use crate::kit::{City, NOW_US, problem, text};
use nhip_ingest::{DeadLetter, Reconciliation};
use serde_json::json;
use std::sync::atomic::Ordering;

#[tokio::test]
async fn readiness_names_the_part_that_is_not() {
    let city = City::new();
    assert_eq!(text(city.get("/healthz").await).await, "ok\n");
    assert_eq!(city.json("/readyz").await["ready"], true);
    city.fold.is_ready.store(false, Ordering::Relaxed);
    let response = city.get("/readyz").await;
    assert_eq!(response.status(), 503);
    let body: serde_json::Value = serde_json::from_str(&text(response).await).unwrap();
    let ingest = json!({"ready": false, "detail": "reading the log again, 40 %"});
    assert_eq!(
        body,
        json!({"ready": false, "parts": {"log": {"ready": true}, "ingest": ingest}})
    );
}

#[tokio::test]
async fn a_platform_that_starts_says_so() {
    let city = City::new();
    city.fold.is_ready.store(false, Ordering::Relaxed);
    let router = nhip_api::starting(city.fold.clone());
    for (path, status) in [
        ("/healthz", 200),
        ("/readyz", 503),
        ("/api/v1/devices", 503),
        ("/", 503),
    ] {
        let request = axum::http::Request::get(path)
            .body(axum::body::Body::empty())
            .unwrap();
        let response = tower::ServiceExt::oneshot(router.clone(), request)
            .await
            .unwrap();
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(response.headers()["connection"], "close");
    }
}

#[tokio::test]
async fn metrics_and_health_show_what_there_is() {
    let city = City::new();
    city.stream("a", "rain");
    let metrics = text(city.get("/metrics").await).await;
    assert!(metrics.contains("nhip_live_subscribers 0"), "{metrics}");
    let health = city.json("/api/v1/health").await;
    assert_eq!(
        health["lag"],
        json!({"records": 3, "seconds": 0.5, "store_unavailable": false})
    );
    assert_eq!(
        health["counts"],
        json!({"devices": 1, "datastreams": 1, "live_subscribers": 0})
    );
    assert_eq!(health["store"]["bytes"], 5_096, "with its journal");
    assert_eq!(health["reconciliation"]["received"], 10);
}

#[tokio::test]
async fn figures_are_of_the_platform_a_device_or_every_device() {
    let city = City::new();
    let figures = Reconciliation {
        received: 5,
        stored: 4,
        rejected: 1,
        ..Reconciliation::default()
    };
    for name in ["a", "b", "c"] {
        city.fold.figures.lock().insert(name.into(), figures);
    }
    let all = city.json("/api/v1/reconciliation").await;
    let expected = json!({
        "received": 10, "stored": 7, "duplicate": 2, "rejected": 1, "pending": 0, "unread": 3,
    });
    assert_eq!(all, expected);
    let one = city.json("/api/v1/reconciliation?device=b").await;
    assert_eq!((&one["device"], &one["stored"]), (&"b".into(), &4.into()));
    city.stream("quiet", "rain");
    let quiet = city.json("/api/v1/reconciliation?device=quiet").await;
    assert_eq!(
        (&quiet["received"], &quiet["unread"]),
        (&0.into(), &3.into())
    );
    assert_eq!(
        city.problem("/api/v1/reconciliation?device=none").await.0,
        404
    );
    let page = city.json("/api/v1/reconciliation?by=device&limit=2").await;
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    let next = page["next"].as_str().unwrap();
    let page = city
        .json(&format!(
            "/api/v1/reconciliation?by=device&limit=2&cursor={next}"
        ))
        .await;
    assert_eq!(page["items"][0]["device"], "c");
    assert!(page.get("next").is_none());
    for (query, parameter) in [
        ("limit=3", "limit"),
        ("by=place", "by"),
        ("by=device&device=a", "by"),
    ] {
        let (status, problem) = city
            .problem(&format!("/api/v1/reconciliation?{query}"))
            .await;
        assert_eq!(
            (status, &problem["parameter"]),
            (400, &parameter.into()),
            "{query}"
        );
    }
}

fn letter(offset: u64, reason: &str, payload: &[u8]) -> DeadLetter {
    DeadLetter {
        offset,
        received_us: NOW_US,
        device: None,
        topic: "devices/a/readings/json".into(),
        reasons: vec![reason.into()],
        detail: "no value".into(),
        readings: 1,
        payload: payload.to_vec(),
        replayed_us: None,
    }
}

#[tokio::test]
async fn dead_letters_show_their_payload_as_it_came() {
    let city = City::new();
    let letters = [
        letter(4, "undecodable", b"{\"a\""),
        letter(9, "undecodable", b"\xff\x00"),
        letter(11, "clock", b""),
    ];
    city.fold.letters.lock().extend(letters);
    let page = city
        .json("/api/v1/dead-letters?reason=undecodable&limit=1")
        .await;
    let first = &page["items"][0];
    assert_eq!(
        (&first["id"], &first["payload"]),
        (&4.into(), &"{\"a\"".into())
    );
    let next = page["next"].as_str().unwrap();
    let page = city
        .json(&format!(
            "/api/v1/dead-letters?reason=undecodable&limit=1&cursor={next}"
        ))
        .await;
    let second = &page["items"][0];
    assert_eq!(second["payload"], serde_json::Value::Null);
    assert_eq!(second["payload_base64"], "/wA=");
    assert!(page.get("next").is_none());
}

#[tokio::test]
async fn the_newest_dead_letters_come_first_where_that_is_asked_for() {
    let city = City::new();
    let letters = [4, 9, 11].map(|offset| letter(offset, "undecodable", b"{"));
    city.fold.letters.lock().extend(letters);
    let page = city.json("/api/v1/dead-letters?order=desc&limit=2").await;
    let ids = |page: &serde_json::Value| -> Vec<u64> {
        let items = page["items"].as_array().unwrap();
        items
            .iter()
            .map(|item| item["id"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(ids(&page), [11, 9]);
    let next = page["next"].as_str().unwrap();
    let page = city
        .json(&format!(
            "/api/v1/dead-letters?order=desc&limit=2&cursor={next}"
        ))
        .await;
    assert_eq!(ids(&page), [4]);
    assert!(page.get("next").is_none());
}

#[tokio::test]
async fn a_replay_says_which_and_what_it_did() {
    let city = City::new();
    let path = "/api/v1/dead-letters/replay";
    let done = city.write("POST", path, r#"{"ids": [4, 9]}"#).await;
    assert_eq!(text(done).await, r#"{"replayed":2,"until_offset":99}"#);
    for times in [
        r#"{"ids": [4, 9], "from": 1795327200000}"#,
        r#"{"ids": [4, 9], "from": "2026-11-22T06:00:00Z", "to": 1795327200000}"#,
    ] {
        let done = city.write("POST", path, times).await;
        assert_eq!(done.status(), 200, "{times}");
    }
    for (body, status, parameter) in [
        ("{}", 400, Some("ids")),
        (r#"{"all": true}"#, 400, Some("all")),
        (r#"{"ids": [4, "nine"]}"#, 400, Some("ids[1]")),
        (r#"{"from": "then"}"#, 400, Some("from")),
        (r#"{"to": true}"#, 400, Some("to")),
        (r#"{"from": 2000, "to": 1999}"#, 400, Some("to")),
        (r#"{"reason": "x", "limit": 0}"#, 400, Some("limit")),
        (r#"{"reason": "stalled"}"#, 503, None),
    ] {
        let (got, problem) = problem(city.write("POST", path, body).await).await;
        assert_eq!(
            (got, problem["parameter"].as_str()),
            (status, parameter),
            "{body}"
        );
    }
}
