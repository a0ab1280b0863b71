//! Durable acknowledged publishes, against mosquitto's undurable ones.

use crate::{
    beside::{Beside, side_by_side},
    figures::Figure,
    mosquitto::Mosquitto,
    sources::Opaque,
};
use nhip_tests::{City, listeners::Listeners, load::Load};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

/// How long a subscriber may get nothing before it has what it will get.
const SILENCE: Duration = Duration::from_secs(2);

pub fn run() -> Vec<Figure> {
    let mosquitto = Mosquitto::start();
    let city = City::start();
    let (theirs, ours) = (mosquitto.address, city.addresses().mqtt);
    let alone = side_by_side(
        || pipelined(theirs, 10_000).run().rate(),
        || pipelined(ours, 60_000).run().rate(),
    );
    let one_by_one = side_by_side(
        || one_by_one(theirs).run().rate(),
        || one_by_one(ours).run().rate(),
    );
    let once = watched(theirs, ours, 0);
    let whole = watched(theirs, ours, 1);
    vec![
        alone.figure(
            "durable acknowledged QoS 1 publishes/s, 50 clients, window 200, 64 B, against mosquitto's undurable",
            (5.0, 12.0),
            String::new(),
        ),
        one_by_one.figure("the same, 2,000 clients, window 1", (0.7, 1.2), String::new()),
        once.0.figure(
            "the same, 50 clients, window 200, with one subscriber to everything (QoS 0)",
            (5.0, 10.0),
            format!("; of its messages it got {:.0} %, mosquitto's {:.0} %", once.2, once.1),
        ),
        whole.0.figure(
            "the same with QoS 1, until it has everything",
            (5.0, 10.0),
            format!("; it got {:.0} %, mosquitto's {:.0} %", whole.2, whole.1),
        ),
    ]
}

fn one_by_one(address: SocketAddr) -> Load {
    Load {
        clients: 2_000,
        window: 1,
        ..pipelined(address, 150)
    }
}

fn pipelined(address: SocketAddr, messages: u64) -> Load {
    Load {
        address,
        clients: 50,
        window: 200,
        messages,
        rate: 0,
        source: || Box::new(Opaque),
    }
}

/// Both rates with a subscriber, and the share of the messages that it got, %.
fn watched(theirs: SocketAddr, ours: SocketAddr, qos: u8) -> (Beside, f64, f64) {
    let (mut their_share, mut our_share) = (0.0, 0.0);
    let rates = side_by_side(
        || beside_subscriber(theirs, 5_000, qos, &mut their_share),
        || beside_subscriber(ours, 20_000, qos, &mut our_share),
    );
    (rates, their_share, our_share)
}

/// Acknowledged publishes/s, with QoS 1 until the subscriber has them too.
fn beside_subscriber(address: SocketAddr, messages: u64, qos: u8, share: &mut f64) -> f64 {
    let subscriber = Listeners {
        address,
        clients: 1,
        filter: "bench/#",
        qos,
    };
    let listening = subscriber.start();
    let started = Instant::now();
    let outcome = pipelined(address, messages).run();
    let (received, newest) = listening.wait(outcome.acknowledged, SILENCE);
    *share = received as f64 * 100.0 / outcome.acknowledged as f64;
    match qos {
        0 => outcome.rate(),
        _ => {
            outcome.acknowledged as f64
                / (newest - started)
                    .as_secs_f64()
                    .max(outcome.elapsed.as_secs_f64())
        }
    }
}
