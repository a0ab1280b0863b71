//! From a publish to its server-sent event, under load.

use crate::{figures::Figure, sources::Stamped};
use nhip_tests::{City, load::Load};
use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
};

const CLIENTS: usize = 50;
const RATE: u64 = 50_000;
const SECONDS: u64 = 10;

pub fn run() -> Vec<Figure> {
    let city = City::start();
    let address = city.addresses().http;
    let mut stream = TcpStream::connect(address).expect("the API listens");
    write!(
        stream,
        "GET /api/v1/live HTTP/1.1\r\nHost: {address}\r\nAccept: text/event-stream\r\n\r\n"
    )
    .expect("the API reads");
    let expected = (RATE * SECONDS) as usize;
    let reader = std::thread::spawn(move || latencies_us(stream, expected));
    let load = Load {
        address: city.addresses().mqtt,
        clients: CLIENTS,
        window: 1000,
        messages: RATE * SECONDS / CLIENTS as u64,
        rate: RATE,
        source: || Box::new(Stamped),
    };
    load.run();
    let mut latencies = reader.join().expect("the reader ends");
    latencies.sort_unstable();
    let at = |share: f64| latencies[(latencies.len() as f64 * share) as usize] as f64 / 1000.0;
    vec![Figure::less(
        "publish to SSE event at 50,000 readings/s, 99th percentile",
        at(0.99),
        "ms",
        (100.0, 30.0),
        format!("median {:.1} ms, {} events", at(0.5), latencies.len()),
    )]
}

/// How old each event is when it is read; its value is when it was published.
fn latencies_us(stream: TcpStream, expected: usize) -> Vec<u64> {
    let mut latencies = Vec::with_capacity(expected);
    for line in BufReader::with_capacity(1 << 16, stream).lines() {
        let line = line.expect("the stream goes on");
        let Some((_, rest)) = line.split_once("\"value\":") else {
            continue;
        };
        let number: String = rest.chars().take_while(|c| c.is_ascii_digit()).collect();
        let published: u64 = number.parse().expect("a whole number of µs");
        latencies.push(Stamped::now_us().saturating_sub(published));
        if latencies.len() == expected {
            break;
        }
    }
    latencies
}
