//! Live events: resumed without a gap or a repeat, and harmless when nobody reads them.

use nhip_tests::{
    City,
    mqtt::{Client, Version},
    publishers::Publishers,
    wait,
};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// A reader of server-sent events over a plain socket.
struct Events {
    lines: std::io::Lines<BufReader<TcpStream>>,
}

impl Events {
    fn open(address: SocketAddr, query: &str, last_id: Option<&str>) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        let resume = last_id.map_or(String::new(), |id| format!("Last-Event-ID: {id}\r\n"));
        write!(
            stream,
            "GET /api/v1/live?{query} HTTP/1.1\r\nHost: {address}\r\nAccept: text/event-stream\r\n{resume}\r\n"
        )
        .unwrap();
        let mut lines = BufReader::new(stream).lines();
        let status = lines.next().unwrap().unwrap();
        assert!(status.contains("200"), "{status}");
        assert!(
            lines.by_ref().any(|line| line.unwrap().is_empty()),
            "headers end"
        );
        Self { lines }
    }

    /// The next reading with its id.
    fn next(&mut self) -> (String, Value) {
        let mut id = String::new();
        loop {
            let line = self.lines.next().expect("the stream goes on").unwrap();
            if let Some(text) = line.strip_prefix("id:") {
                id = text.trim().into();
            } else if let Some(text) = line.strip_prefix("data:") {
                return (id, serde_json::from_str(text).unwrap());
            }
        }
    }
}

fn publish(city: &City, numbers: std::ops::Range<u64>) {
    let mut client = Client::connect(city.addresses().mqtt, "live", Version::V4);
    for seq in numbers {
        let payload = json!({"boot": 1, "seq": seq, "readings": {"a": seq, "b": seq}});
        client
            .publish("devices/live/readings/json", payload.to_string().as_bytes())
            .unwrap();
    }
}

#[test]
fn events_resume_behind_any_cursor_without_gap_or_repeat_across_a_kill() {
    let mut city = City::start();
    let mut events = Events::open(city.addresses().http, "device=live", None);
    publish(&city, 0..50);
    // Duplicates are no events.
    publish(&city, 40..60);
    let seen: Vec<(String, Value)> = (0..120).map(|_| events.next()).collect();
    for (index, (_, reading)) in seen.iter().enumerate() {
        assert_eq!(reading["seq"], index as u64 / 2);
    }
    drop(events);
    city.kill_and_launch();
    publish(&city, 60..70);
    for from in [0, 1, 79, 98, 119] {
        let mut events = Events::open(city.addresses().http, "device=live", Some(&seen[from].0));
        for expected in from + 1..140 {
            let (id, reading) = events.next();
            assert_eq!(reading["seq"], expected as u64 / 2, "behind {from}");
            if let Some((known, before)) = seen.get(expected) {
                assert_eq!((&id, &reading), (known, before));
            }
        }
    }
}

#[test]
fn fault_24_readers_that_do_not_read_are_dropped_and_slow_nobody_down() {
    let city = City::builder()
        .set("HTTP__LIVE_QUEUE_BYTES_MAX", "256 KiB")
        .start();
    let address = city.addresses().http;
    let publishers = Publishers::start(city.addresses().mqtt, "slow", 30);
    publishers.wait_for(500);
    let readers: Vec<Events> = (0..5).map(|_| Events::open(address, "", None)).collect();
    let sockets: Vec<TcpStream> = (0..5).map(|_| websocket(address, "")).collect();
    wait::until("the readers to be dropped", || {
        (city.metric("nhip_live_dropped_total") >= 10.0).then_some(())
    });
    publishers.wait_for(500);
    wait::until("their places to be free", || {
        (city.metric("nhip_live_subscribers") == 0.0).then_some(())
    });
    drop((readers, sockets));
    let ledger = publishers.stop();
    city.settle();
    ledger.assert_stored(&city);
}

#[test]
fn a_burst_waits_for_an_mqtt_subscriber_that_is_slow() {
    let city = City::builder()
        .set("MQTT__SESSION_QUEUE_MAX", "100")
        .start();
    let mut subscriber = Client::connect(city.addresses().mqtt, "slow", Version::V4);
    assert_eq!(subscriber.subscribe("live/#", 1), 1);
    publish(&city, 0..2_000);
    city.settle();
    for number in 0..4_000 {
        let message = subscriber.message();
        let reading: Value = serde_json::from_slice(&message.payload).unwrap();
        assert_eq!(reading["seq"], number / 2);
    }
    publish(&city, 2_000..2_001);
    let message = subscriber.message();
    let reading: Value = serde_json::from_slice(&message.payload).unwrap();
    assert_eq!(reading["seq"], 2_000, "nothing comes twice");
}

#[test]
fn a_websocket_resumes_behind_any_id_across_a_kill_and_agrees_with_the_events() {
    let mut city = City::start();
    let mut socket = Socket::open(city.addresses().http, "device=live");
    publish(&city, 0..30);
    publish(&city, 20..30);
    let seen: Vec<(String, Value)> = (0..60).map(|_| socket.next()).collect();
    let mut events = Events::open(city.addresses().http, "device=live", Some(&seen[0].0));
    for entry in &seen[1..] {
        assert_eq!(&events.next(), entry);
    }
    drop((socket, events));
    city.kill_and_launch();
    publish(&city, 30..40);
    for from in [0, 17, 59] {
        let query = format!("device=live&after={}", seen[from].0);
        let mut socket = Socket::open(city.addresses().http, &query);
        for expected in from + 1..80 {
            let (id, reading) = socket.next();
            assert_eq!(reading["seq"], expected as u64 / 2, "behind {from}");
            if let Some((known, before)) = seen.get(expected) {
                assert_eq!((&id, &reading), (known, before));
            }
        }
    }
}

/// A reader of live readings over a WebSocket.
struct Socket {
    stream: BufReader<TcpStream>,
}

impl Socket {
    fn open(address: SocketAddr, query: &str) -> Self {
        let stream = websocket(address, query);
        let patience = Some(Duration::from_secs(60));
        stream.set_read_timeout(patience).unwrap();
        let mut stream = BufReader::new(stream);
        let mut lines = stream.by_ref().lines().map(Result::unwrap);
        let status = lines.next().unwrap();
        assert!(status.contains("101"), "{status}");
        assert!(lines.any(|line| line.is_empty()), "headers end");
        Self { stream }
    }

    /// The next reading, without its id, and the id.
    fn next(&mut self) -> (String, Value) {
        let payload = loop {
            let (kind, payload) = self.frame();
            // Pings are passed over: no test is longer than the patience of the platform.
            if kind == 1 {
                break payload;
            }
        };
        let mut reading: Value = serde_json::from_slice(&payload).unwrap();
        let id = reading.as_object_mut().unwrap().remove("id").unwrap();
        (id.as_str().unwrap().to_owned(), reading)
    }

    /// One frame (RFC 6455): the platform's are whole and not masked.
    fn frame(&mut self) -> (u8, Vec<u8>) {
        let mut bytes = |count: usize| {
            let mut bytes = vec![0; count];
            self.stream.read_exact(&mut bytes).unwrap();
            bytes
        };
        let head = bytes(2);
        let length = match head[1] {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let length = match bytes(length).as_slice() {
            [] => usize::from(head[1]),
            long => long
                .iter()
                .fold(0, |sum, byte| sum << 8 | usize::from(*byte)),
        };
        (head[0] & 15, bytes(length))
    }
}

/// A WebSocket of live readings that nobody has read from.
fn websocket(address: SocketAddr, query: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET /api/v1/live/ws?{query} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .unwrap();
    stream
}
