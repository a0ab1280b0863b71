//! rumqttc as a client of the platform, with a session that outlives it:
//!
//! ```text
//! nhip-test-rumqttc TRANSPORT PORT VERSION ID publish TOPIC QOS  – each line of the input is a
//!                                              payload; ends when all are acknowledged
//! nhip-test-rumqttc TRANSPORT PORT VERSION ID leave FILTER QOS   – subscribes and goes away
//! nhip-test-rumqttc TRANSPORT PORT VERSION ID take FILTER QOS    – prints "subscribed", and each
//!                                              payload
//! ```
//!
//! What it sends and gets goes to the standard error.
#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    reason = "this is test code: a failed step fails the test where it stands"
)]

mod v4;
mod v5;

use std::{
    io::{BufRead, Write},
    time::Duration,
};

/// Between two attempts to connect.
const RETRY: Duration = Duration::from_millis(50);
/// Publishes under way at once: more than a test sends, since what is sent again on a new
/// connection goes in the order of the packet ids, which begin again at 1 behind this one.
const INFLIGHT_MAX: u16 = 10_000;
/// Requests that wait for the connection.
const REQUESTS_MAX: usize = 10;
const SESSION_EXPIRY_S: u32 = 3600;

/// What the connection brought.
enum Event {
    Acknowledged,
    Subscribed,
    Message(Vec<u8>),
    Gone,
    Other,
}

/// Publishes on a topic, with a QoS.
type Publish = Box<dyn Fn(&str, u8, Vec<u8>)>;
/// Subscribes to a filter, with a QoS.
type Subscribe = Box<dyn Fn(&str, u8)>;

/// The client in one version of the protocol.
struct Driver {
    publish: Publish,
    subscribe: Subscribe,
    disconnect: Box<dyn Fn()>,
    next: Box<dyn FnMut() -> Event + Send>,
}

/// What it is told to be.
struct Told {
    is_websocket: bool,
    port: u16,
    id: String,
}

impl Told {
    /// What rumqttc takes for a host.
    fn host(&self) -> String {
        match self.is_websocket {
            true => format!("ws://127.0.0.1:{}/mqtt", self.port),
            false => "127.0.0.1".into(),
        }
    }

    fn transport(&self) -> rumqttc::Transport {
        match self.is_websocket {
            true => rumqttc::Transport::ws(),
            false => rumqttc::Transport::tcp(),
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [transport, port, version, id, verb, topic, qos] =
        arguments.try_into().expect("seven arguments");
    let told = Told {
        is_websocket: transport == "ws",
        port: port.parse().expect("a port"),
        id,
    };
    let driver = match version.as_str() {
        "5" => v5::driver(&told),
        _ => v4::driver(&told),
    };
    let qos = qos.parse().expect("a QoS");
    match verb.as_str() {
        "publish" => publish(driver, &topic, qos),
        _ => subscribe(driver, &topic, qos, verb == "leave"),
    }
}

fn publish(driver: Driver, topic: &str, qos: u8) {
    let (acknowledged, acknowledgements) = std::sync::mpsc::channel();
    let mut next = driver.next;
    let events = std::thread::spawn(move || {
        loop {
            match next() {
                Event::Acknowledged => acknowledged.send(()).expect("the publisher waits"),
                Event::Gone => break,
                Event::Subscribed | Event::Message(_) | Event::Other => {}
            }
        }
    });
    let lines = std::io::stdin().lock().lines();
    let count = lines
        .map(|line| (driver.publish)(topic, qos, line.expect("a line").into_bytes()))
        .count();
    let acknowledged = if qos == 0 { 0 } else { count };
    assert_eq!(
        acknowledgements.iter().take(acknowledged).count(),
        acknowledged
    );
    (driver.disconnect)();
    events.join().expect("the connection ends");
}

fn subscribe(mut driver: Driver, filter: &str, qos: u8, leaves: bool) {
    (driver.subscribe)(filter, qos);
    let mut output = std::io::stdout().lock();
    loop {
        match (driver.next)() {
            Event::Subscribed => {
                writeln!(output, "subscribed").expect("the test reads");
                if leaves {
                    (driver.disconnect)();
                }
            }
            Event::Message(payload) => {
                output.write_all(&payload).expect("the test reads");
                writeln!(output).expect("the test reads");
            }
            Event::Gone => return,
            Event::Acknowledged | Event::Other => {}
        }
    }
}
