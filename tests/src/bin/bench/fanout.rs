//! One publisher, a thousand subscribers.

use crate::{beside::side_by_side, figures::Figure, mosquitto::Mosquitto, sources::Opaque};
use nhip_tests::{City, listeners::Listeners, load::Load};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

const SUBSCRIBERS: usize = 1_000;
/// What waits for one subscriber at most is far below what either server drops at.
const MESSAGES: u64 = 500;
/// How long nothing may come before the rest counts as lost.
const SILENCE: Duration = Duration::from_secs(3);

pub fn run() -> Vec<Figure> {
    let mosquitto = Mosquitto::start();
    let city = City::start();
    let (mut their_lost, mut our_lost) = (0, 0);
    let rates = side_by_side(
        || delivered(mosquitto.address, &mut their_lost),
        || delivered(city.addresses().mqtt, &mut our_lost),
    );
    vec![rates.figure(
        "fan-out: one publisher (QoS 1, window 100, 64 B), 1,000 subscribers (QoS 0), delivered/s",
        (1.0, 3.0),
        format!("; not delivered: {our_lost} and mosquitto's {their_lost}"),
    )]
}

fn delivered(address: SocketAddr, lost: &mut u64) -> f64 {
    let subscribers = Listeners {
        address,
        clients: SUBSCRIBERS,
        filter: "bench/+",
        qos: 0,
    };
    let listening = subscribers.start();
    let load = Load {
        address,
        clients: 1,
        window: 100,
        messages: MESSAGES,
        rate: 0,
        source: || Box::new(Opaque),
    };
    let started = Instant::now();
    load.run();
    let expected = MESSAGES * SUBSCRIBERS as u64;
    let (received, newest) = listening.wait(expected, SILENCE);
    *lost = expected - received;
    received as f64 / (newest - started).as_secs_f64()
}
