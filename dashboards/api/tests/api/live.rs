//! Live streams.

use crate::kit::{City, reading, text, until};
use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt;
use nhip_api::Config;
use nhip_ingest::Cursor;
use serde_json::Value;
use std::time::Duration;

/// The events of a stream of server-sent events.
struct Events {
    body: BodyDataStream,
    text: String,
}

impl Events {
    async fn open(city: &City, query: &str) -> Self {
        let response = city.get(&format!("/api/v1/live?{query}")).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self::of(response.into_body())
    }

    fn of(body: Body) -> Self {
        Self {
            body: body.into_data_stream(),
            text: String::new(),
        }
    }

    /// The next event: id, name, data. None at the end.
    async fn next(&mut self) -> Option<(String, String, Value)> {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| {
                    let line = event.lines().find_map(|line| line.strip_prefix(name));
                    line.map(|value| value.trim_start_matches(": ").to_owned())
                };
                if let Some(data) = field("data") {
                    let name = field("event").unwrap_or_else(|| "message".to_owned());
                    return Some((
                        field("id").unwrap_or_default(),
                        name,
                        serde_json::from_str(&data).unwrap(),
                    ));
                }
            }
            let chunk = self.body.next().await?.unwrap();
            self.text += std::str::from_utf8(&chunk).unwrap();
        }
    }

    async fn values(&mut self, count: usize) -> Vec<f64> {
        let mut values = Vec::new();
        while values.len() < count {
            let (_, name, data) = self.next().await.unwrap();
            assert_eq!(name, "message");
            values.push(data["value"].as_f64().unwrap());
        }
        values
    }
}

#[tokio::test]
async fn readings_come_as_events_and_the_id_resumes() {
    let city = City::new();
    let series = city.stream("a", "pm2_5");
    let mut events = Events::open(&city, "").await;
    let readings: Vec<_> = (0..2_500)
        .map(|at| reading(series, at, at as f64))
        .collect();
    city.fold.publish(&readings);
    let (id, name, data) = events.next().await.unwrap();
    assert_eq!((id.as_str(), name.as_str()), ("0.0", "message"));
    let typed: nhip_api::model::Reading = serde_json::from_value(data.clone()).unwrap();
    assert_eq!(serde_json::to_value(&typed).unwrap(), data);
    assert_eq!(typed.property.as_deref(), Some("pm2_5"));
    let rest = events.values(2_499).await;
    assert_eq!(rest[2_498], 2_499.0);
    let mut resumed = Events::open(&city, "after=1999.0").await;
    assert_eq!(resumed.values(500).await, rest[1_999..]);
    let request = axum::http::Request::get("/api/v1/live").header("last-event-id", "2498.0");
    let response = city.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(Events::of(response.into_body()).values(1).await, [2_499.0]);
}

#[tokio::test]
async fn a_filter_takes_devices_that_come_later() {
    let city = City::new();
    let (other, early) = (city.stream("a", "rain"), city.stream("a", "pm10"));
    let mut events = Events::open(&city, "property=pm10&place=phuong-phu-loi").await;
    city.write("PUT", "/api/v1/devices/a", r#"{"place": "phuong-phu-loi"}"#)
        .await;
    city.fold
        .publish(&[reading(other, 1, 1.0), reading(early, 2, 2.0)]);
    let late = city.stream("b", "pm10");
    city.fold.publish(&[reading(late, 3, 3.0)]);
    city.write("PUT", "/api/v1/devices/b", r#"{"place": "phuong-phu-loi"}"#)
        .await;
    city.fold.publish(&[reading(late, 4, 4.0)]);
    // The third is only taken if the stream saw it after the device was placed.
    let mut values = events.values(2).await;
    if values[1] == 3.0 {
        values.remove(1);
        values.extend(events.values(1).await);
    }
    assert_eq!(values, [2.0, 4.0]);
}

#[tokio::test]
async fn places_in_the_feed_that_are_none_are_refused() {
    let city = City::new();
    let series = city.stream("a", "rain");
    city.fold
        .publish(&[reading(series, 1, 1.0), reading(series, 2, 2.0)]);
    *city.fold.trimmed.lock() = Cursor {
        offset: 1,
        index: 0,
    };
    for (after, status) in [("x", 400), ("7.0", 400), ("0.0", 410)] {
        let (got, problem) = city.problem(&format!("/api/v1/live?after={after}")).await;
        assert_eq!(
            (got, &problem["parameter"]),
            (status, &"after".into()),
            "{after}"
        );
    }
}

#[tokio::test]
async fn the_header_of_a_client_that_comes_back_is_newer_than_its_address() {
    let city = City::new();
    let series = city.stream("a", "rain");
    let readings: Vec<_> = (0..3).map(|at| reading(series, at, at as f64)).collect();
    city.fold.publish(&readings);
    let request = axum::http::Request::get("/api/v1/live?after=0.0").header("last-event-id", "1.0");
    let response = city.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(Events::of(response.into_body()).values(1).await, [2.0]);
}

#[tokio::test]
async fn a_bad_event_id_is_blamed_on_the_header_that_gave_it() {
    let city = City::new();
    let series = city.stream("a", "rain");
    city.fold
        .publish(&[reading(series, 1, 1.0), reading(series, 2, 2.0)]);
    *city.fold.trimmed.lock() = Cursor {
        offset: 1,
        index: 0,
    };
    for (id, status) in [("x", 400), ("7.0", 400), ("0.0", 410), ("\u{e9}", 400)] {
        let request = axum::http::Request::get("/api/v1/live").header("last-event-id", id);
        let response = city.send(request.body(Body::empty()).unwrap()).await;
        let (got, problem) = crate::kit::problem(response).await;
        assert_eq!(
            (got, &problem["parameter"]),
            (status, &"Last-Event-ID".into()),
            "{id}"
        );
    }
}

#[tokio::test]
async fn subscribers_are_bounded_and_counted() {
    let city = City::with(Config {
        live_subscribers_max: 1,
        ..Config::default()
    });
    let events = Events::open(&city, "").await;
    assert_eq!(city.subscribers(), 1);
    assert_eq!(city.problem("/api/v1/live").await.0, 503);
    drop(events);
    until("the subscriber left", || city.subscribers() == 0).await;
    Events::open(&city, "").await;
    assert_eq!(city.dropped(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_quiet_stream_says_that_it_is_there() {
    let city = City::new();
    let response = city.get("/api/v1/live").await;
    let mut body = response.into_body().into_data_stream();
    assert_eq!(body.next().await.unwrap().unwrap(), ": nhip\n\n");
    for _ in 0..3 {
        let before = tokio::time::Instant::now();
        assert_eq!(body.next().await.unwrap().unwrap(), ":\n\n");
        assert_eq!(before.elapsed().as_secs(), 15);
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_does_not_read_is_dropped_with_a_reason() {
    let config = Config {
        live_queue_bytes_max: 64 << 10,
        ..Config::default()
    };
    let city = City::with(config);
    let series = city.stream("a", "rain");
    let mut events = Events::open(&city, "").await;
    let readings: Vec<_> = (0..10_000).map(|at| reading(series, at, 1.0)).collect();
    city.fold.publish(&readings);
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!((city.dropped(), city.subscribers()), (1, 0));
    let (_, name, data) = events.next().await.unwrap();
    assert_eq!(name, "dropped");
    assert!(
        data["reason"].as_str().unwrap().contains("too slowly"),
        "{data}"
    );
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn streams_end_when_the_platform_stops() {
    let city = City::new();
    let series = city.stream("a", "rain");
    let mut events = Events::open(&city, "").await;
    city.fold.publish(&[reading(series, 1, 1.0)]);
    assert_eq!(events.values(1).await, [1.0]);
    city.shutdown.cancel();
    let (_, name, data) = events.next().await.unwrap();
    assert_eq!(name, "dropped");
    assert!(data["reason"].as_str().unwrap().contains("stopping"));
    assert!(events.next().await.is_none());
    assert_eq!(city.dropped(), 0);
}

#[tokio::test]
async fn a_page_elsewhere_can_not_open_a_socket() {
    let city = City::new();
    let address = city.serve().await;
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let mut request =
        tokio_tungstenite::tungstenite::client::IntoClientRequest::into_client_request(format!(
            "ws://{address}/api/v1/live/ws"
        ))
        .unwrap();
    request
        .headers_mut()
        .insert("origin", "http://evil.example".parse().unwrap());
    let error = tokio_tungstenite::client_async(request, stream)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("403"), "{error}");
    let refused = text(city.get("/api/v1/live/ws").await).await;
    assert!(refused.contains("upgrade"), "{refused}");
}
