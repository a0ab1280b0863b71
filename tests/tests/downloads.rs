//! Downloads that nobody reads: they keep nobody else from an answer, and are cut in time.

use nhip_tests::{
    City,
    mqtt::{Client, Version},
    wait,
};
use serde_json::{Value, json};
use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

/// Enough that no socket's buffers take a download of all of them.
const READINGS: u64 = 60_000;
const A_MESSAGE: u64 = 1000;
const QUERIES_MAX: usize = 3;
/// How long others may wait for an answer meanwhile.
const ANSWER_MAX: Duration = Duration::from_secs(10);

fn send(city: &City) {
    let mut client = Client::connect(city.addresses().mqtt, "large", Version::V4);
    for first in (0..READINGS).step_by(A_MESSAGE as usize) {
        let message: Vec<Value> = (first..first + A_MESSAGE)
            .map(|seq| json!({"boot": 1, "seq": seq, "readings": {"v": seq}}))
            .collect();
        client
            .publish(
                "devices/large/readings/json",
                Value::from(message).to_string().as_bytes(),
            )
            .unwrap();
    }
    assert_eq!(city.settle()["stored"], READINGS);
}

/// Asks for everything and reads no more than that there is an answer.
fn stall(city: &City) -> TcpStream {
    let address = city.addresses().http;
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET /api/v1/readings?format=ndjson&limit={READINGS} HTTP/1.1\r\nHost: {address}\r\n\r\n"
    )
    .unwrap();
    let mut begin = [0; 12];
    stream.read_exact(&mut begin).unwrap();
    assert_eq!(&begin, b"HTTP/1.1 200");
    stream
}

/// How many of these connections the platform has not closed.
fn held(city: &City, connections: &[TcpStream]) -> usize {
    const ESTABLISHED: &str = "01";
    let http = format!(":{:04X}", city.addresses().http.port());
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let rows: Vec<Vec<&str>> = table
        .lines()
        .map(|row| row.split_whitespace().take(4).collect())
        .collect();
    let is_held = |connection: &&TcpStream| {
        let ours = format!(":{:04X}", connection.local_addr().unwrap().port());
        rows.iter()
            .any(|row| row[1].ends_with(&http) && row[2].ends_with(&ours) && row[3] == ESTABLISHED)
    };
    connections.iter().filter(is_held).count()
}

#[test]
fn stalled_downloads_keep_nobody_from_an_answer_and_are_cut_in_time() {
    let city = City::builder()
        .set("HTTP__QUERIES_MAX", &QUERIES_MAX.to_string())
        .start();
    send(&city);
    let stalled: Vec<TcpStream> = (0..2 * QUERIES_MAX).map(|_| stall(&city)).collect();
    assert_eq!(held(&city, &stalled), stalled.len());
    for path in [
        "/api/v1/latest",
        "/api/v1/series?device=large&datastream=v&points=10",
        "/api/v1/readings?device=large&limit=10",
    ] {
        let asked = Instant::now();
        assert!(!city.get(path)["items"].as_array().unwrap().is_empty());
        assert!(
            asked.elapsed() < ANSWER_MAX,
            "{path}: {:?}",
            asked.elapsed()
        );
    }
    assert_eq!(held(&city, &stalled), stalled.len(), "cut too early");
    wait::until("the stalled downloads to be cut", || {
        (held(&city, &stalled) == 0).then_some(())
    });
    for mut stream in stalled {
        let mut rest = Vec::new();
        // It ends with what was under way, by a reset or without the end of its body.
        let _ = stream.read_to_end(&mut rest);
        assert!(!rest.ends_with(b"\r\n0\r\n\r\n"), "it is taken for a whole");
    }
}
