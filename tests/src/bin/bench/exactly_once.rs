//! Publishes with QoS 2, each completed by PUBCOMP.

use crate::{beside::side_by_side, figures::Figure, mosquitto::Mosquitto, sources::Opaque};
use nhip_tests::{City, load::Load};
use std::net::SocketAddr;

pub fn run() -> Vec<Figure> {
    let mosquitto = Mosquitto::start();
    let city = City::start();
    let rates = side_by_side(
        || load(mosquitto.address, 5_000).run_exactly_once().rate(),
        || {
            load(city.addresses().mqtt, 20_000)
                .run_exactly_once()
                .rate()
        },
    );
    vec![rates.figure(
        "QoS 2 publishes/s, 50 clients, window 100, 64 B, durable against mosquitto's undurable",
        (1.0, 5.0),
        String::new(),
    )]
}

fn load(address: SocketAddr, messages: u64) -> Load {
    Load {
        address,
        clients: 50,
        window: 100,
        messages,
        rate: 0,
        source: || Box::new(Opaque),
    }
}
