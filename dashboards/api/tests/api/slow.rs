//! Clients that read or write slowly, over real connections.

use crate::kit::{City, reading, until};
use futures_util::StreamExt;
use nhip_api::Config;
use nhip_store::Observation;
use parking_lot::Mutex;
use std::{net::SocketAddr, sync::Arc};
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

/// Drops a subscriber at once when its queue is full, but keeps its connection.
fn impatient() -> Config {
    Config {
        live_queue_bytes_max: 64 << 10,
        live_write_timeout_s: 0,
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
            let reading: serde_json::Value = serde_json::from_str(&text).unwrap();
            ids.push(reading["id"].as_str().unwrap().to_owned());
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
async fn a_slow_reader_gets_whole_events_and_the_reason_when_it_reads_again() {
    let city = City::with(impatient());
    let address = city.serve().await;
    let readings = many(&city);
    let mut slow = narrow(address).await;
    let request = "GET /api/v1/live HTTP/1.1\r\nhost: localhost\r\n\r\n";
    slow.write_all(request.as_bytes()).await.unwrap();
    until("it subscribed", || city.subscribers() == 1).await;
    city.fold.publish(&readings);
    until("it was dropped", || city.dropped() == 1).await;

    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n0\r\n\r\n") {
        let read = slow.read_buf(&mut answer).await.unwrap();
        assert!(read > 0, "cut off behind {} bytes", answer.len());
    }
    let events = unchunked(&answer);
    assert!(
        events.ends_with("\n\n"),
        "{}",
        &events[events.len() - 200..]
    );
    let last = events.trim_end().rsplit("\n\n").next().unwrap();
    assert!(
        last.starts_with("event: dropped\ndata: ") && last.contains("too slowly"),
        "{last}"
    );
}

#[tokio::test]
async fn the_log_says_which_slow_reader_was_dropped() {
    let lines = Lines::default();
    let log = tracing_subscriber::fmt().with_writer(lines.clone()).json();
    let _until_the_end = tracing::subscriber::set_default(log.finish());
    let city = City::with(impatient());
    let address = city.serve().await;
    let readings = many(&city);
    let mut slow = narrow(address).await;
    let request = "GET /api/v1/live?property=rain HTTP/1.1\r\nhost: localhost\r\n\r\n";
    slow.write_all(request.as_bytes()).await.unwrap();
    until("it subscribed", || city.subscribers() == 1).await;
    city.fold.publish(&readings);
    until("it was dropped", || city.dropped() == 1).await;

    let line = lines.with("dropped");
    let fields = &line["fields"];
    let peer = slow.local_addr().unwrap().to_string();
    assert_eq!(fields["peer"], peer.as_str(), "{line}");
    assert_eq!(
        (&fields["stream"], &fields["query"]),
        (&"sse".into(), &"property=rain".into())
    );
    let written = fields["readings"].as_u64().unwrap();
    assert!((1..readings.len() as u64).contains(&written), "{line}");
}

/// Log lines, in memory.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// The only line that has this text, as JSON.
    fn with(&self, text: &str) -> serde_json::Value {
        let lines = String::from_utf8(self.0.lock().clone()).unwrap();
        let found: Vec<&str> = lines.lines().filter(|line| line.contains(text)).collect();
        assert_eq!(found.len(), 1, "{lines}");
        serde_json::from_str(found[0]).unwrap()
    }
}

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> tracing_subscriber::fmt::MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_slow_socket_gets_whole_messages_and_the_reason_when_it_reads_again() {
    let city = City::with(impatient());
    let address = city.serve().await;
    let readings = many(&city);
    let url = format!("ws://{address}/api/v1/live/ws");
    let (mut slow, _) = tokio_tungstenite::client_async(&url, narrow(address).await)
        .await
        .unwrap();
    until("it subscribed", || city.subscribers() == 1).await;
    city.fold.publish(&readings);
    until("it was dropped", || city.dropped() == 1).await;

    let close = loop {
        match slow.next().await.expect("an end with a reason").unwrap() {
            Message::Text(text) => {
                let reading: serde_json::Value = serde_json::from_str(&text).unwrap();
                assert!(reading["value"].is_number(), "{reading}");
            }
            Message::Close(close) => break close.unwrap(),
            _ => {}
        }
    };
    assert_eq!(u16::from(close.code), 1013);
    assert!(close.reason.contains("too slowly"), "{}", close.reason);
}

/// What the chunks of an answer hold (RFC 9112, section 7.1).
fn unchunked(answer: &[u8]) -> String {
    let answer = std::str::from_utf8(answer).unwrap();
    let (_, mut rest) = answer.split_once("\r\n\r\n").unwrap();
    let mut text = String::new();
    while let Some((size, behind)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        text += &behind[..size];
        rest = &behind[size + 2..];
        if size == 0 {
            break;
        }
    }
    text
}

#[tokio::test]
async fn an_answer_that_is_read_late_is_whole_or_broken_off() {
    let city = City::with(Config {
        queries_max: 1,
        ..hasty()
    });
    let address = city.serve().await;
    city.fold.store(&many(&city));
    let mut stuck = narrow(address).await;
    let request = "GET /api/v1/readings?format=ndjson HTTP/1.1\r\nhost: localhost\r\n\r\n";
    stuck.write_all(request.as_bytes()).await.unwrap();
    // The only turn is taken, and given back while nobody reads, so that the next query gets it.
    stuck.peek(&mut [0]).await.unwrap();
    let page = city.json("/api/v1/readings?limit=1").await;
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    let mut sink = Vec::new();
    let _ = stuck.read_to_end(&mut sink).await;
    if sink.ends_with(b"0\r\n\r\n") {
        let rows = unchunked(&sink).lines().count();
        assert_eq!(rows, 60_000, "half an answer ended as a whole one");
    }
}

#[tokio::test]
async fn downloads_that_nobody_reads_keep_nobody_from_an_answer() {
    let city = City::with(Config {
        queries_max: 2,
        ..Config::default()
    });
    let address = city.serve().await;
    city.fold.store(&many(&city));
    let mut stuck = Vec::new();
    for _ in 0..6 {
        let mut one = narrow(address).await;
        let request = "GET /api/v1/readings?format=ndjson HTTP/1.1\r\nhost: localhost\r\n\r\n";
        one.write_all(request.as_bytes()).await.unwrap();
        let mut begin = [0; 12];
        one.read_exact(&mut begin).await.unwrap();
        assert_eq!(&begin, b"HTTP/1.1 200");
        stuck.push(one);
    }
    for path in [
        "/api/v1/latest",
        "/api/v1/series?device=a&datastream=rain&from=0&to=60000",
        "/api/v1/readings?limit=1",
        "/api/v1/readings?limit=1&format=csv",
    ] {
        assert_eq!(city.get(path).await.status(), 200, "{path}");
    }
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
