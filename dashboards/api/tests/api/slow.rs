//! Clients that read or write slowly, over real connections.

use crate::kit::{City, reading, until};
use futures_util::StreamExt;
use nhip_api::Config;
use nhip_store::Observation;
use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};
use tokio_tungstenite::tungstenite::Message;

fn hasty() -> Config {
    Config {
        live_queue_bytes_max: 64 << 10,
        live_write_timeout_s: 1,
        write_timeout_s: 2,
        header_timeout_s: 1,
        body_timeout_s: 1,
        ..Config::default()
    }
}

/// A connection that takes little before it is full.
async fn narrow(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    socket.connect(address).await.unwrap()
}

/// More than the buffers of any connection hold.
fn many(city: &City) -> Vec<Observation> {
    let series = city.stream("a", "rain");
    (0..60_000).map(|at| reading(series, at, 1.0)).collect()
}

#[tokio::test]
async fn a_subscriber_that_never_reads_costs_only_itself() {
    let city = City::with(hasty());
    let address = city.serve().await;
    let readings = many(&city);
    let mut stuck = narrow(address).await;
    let request = "GET /api/v1/live HTTP/1.1\r\nhost: localhost\r\n\r\n";
    stuck.write_all(request.as_bytes()).await.unwrap();
    until("the first subscribed", || city.subscribers() == 1).await;
    let url = format!("ws://{address}/api/v1/live/ws");
    let (mut stuck_socket, _) = tokio_tungstenite::client_async(&url, narrow(address).await)
        .await
        .unwrap();
    let plain = TcpStream::connect(address).await.unwrap();
    let (mut reader, _) = tokio_tungstenite::client_async(&url, plain).await.unwrap();
    until("all subscribed", || city.subscribers() == 3).await;

    city.fold.publish(&readings);
    let mut ids = Vec::new();
    while ids.len() < readings.len() {
        if let Message::Text(text) = reader.next().await.unwrap().unwrap() {
            let batch: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
            ids.extend(
                batch
                    .iter()
                    .map(|item| item["id"].as_str().unwrap().to_owned()),
            );
        }
    }
    assert!(
        ids.iter()
            .enumerate()
            .all(|(number, id)| *id == format!("{number}.0"))
    );
    until("the others were dropped", || {
        city.dropped() == 2 && city.subscribers() == 1
    })
    .await;

    // Both connections end, though nothing was read before.
    let mut sink = Vec::new();
    let _ = stuck.read_to_end(&mut sink).await;
    while let Some(Ok(_)) = stuck_socket.next().await {}
}

#[tokio::test]
async fn an_answer_that_nobody_reads_is_given_up() {
    let city = City::with(Config {
        queries_max: 1,
        ..hasty()
    });
    let address = city.serve().await;
    city.fold.store(&many(&city));
    let mut stuck = narrow(address).await;
    let request = "GET /api/v1/readings?format=ndjson HTTP/1.1\r\nhost: localhost\r\n\r\n";
    stuck.write_all(request.as_bytes()).await.unwrap();
    // The only turn is taken, and given back, so that the next query gets it.
    stuck.peek(&mut [0]).await.unwrap();
    let page = city.json("/api/v1/readings?limit=1").await;
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    let mut sink = Vec::new();
    let _ = stuck.read_to_end(&mut sink).await;
    assert!(
        !sink.ends_with(b"0\r\n\r\n"),
        "half an answer ended as a whole one"
    );
}

#[tokio::test]
async fn slow_requests_are_cut_off() {
    let city = City::with(hasty());
    let address = city.serve().await;
    let mut heads = TcpStream::connect(address).await.unwrap();
    heads
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: local")
        .await
        .unwrap();
    let mut body = TcpStream::connect(address).await.unwrap();
    let request = "PUT /api/v1/devices/a HTTP/1.1\r\nhost: localhost\r\n\
                   content-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    body.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    heads.read_to_end(&mut answer).await.unwrap();
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
    let mut answer = [0; 12];
    body.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
}

#[tokio::test]
async fn a_stop_ends_live_streams_and_then_the_server() {
    let city = City::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (_, router) = tokio::sync::watch::channel(city.router.clone());
    let served = tokio::spawn(nhip_api::serve(
        listener,
        router,
        city.config.clone(),
        city.shutdown.clone(),
    ));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = "GET /api/v1/live HTTP/1.1\r\nhost: localhost\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    until("it subscribed", || city.subscribers() == 1).await;
    city.shutdown.cancel();
    served.await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert!(
        text.contains("event: dropped") && text.ends_with("0\r\n\r\n"),
        "{text}"
    );
}
