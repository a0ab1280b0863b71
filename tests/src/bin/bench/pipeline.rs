//! From MQTT to durable and stored, the whole platform running.

use crate::{
    figures::Figure,
    sources::{Compact, Json},
};
use nhip_tests::{
    City,
    load::{Load, Source},
};
use std::time::Instant;

pub fn run() -> Vec<Figure> {
    let json = stored_rate(|| Box::new(Json), 40_000, 1);
    let compact = stored_rate(|| Box::new(Compact), 20_000, Compact::READINGS);
    vec![
        Figure::more(
            "MQTT to durable and stored, JSON, one reading a message (peers: 29 k)",
            json,
            "readings/s",
            (200e3, 500e3),
            "50 clients, window 200, until pending and unread are 0".into(),
        ),
        Figure::more(
            "the same, compact, ten readings a message",
            compact,
            "readings/s",
            (600e3, 2e6),
            "50 clients, window 200, until pending and unread are 0".into(),
        ),
    ]
}

fn stored_rate(source: fn() -> Box<dyn Source>, messages: u64, readings: u64) -> f64 {
    let city = City::start();
    let load = Load {
        address: city.addresses().mqtt,
        clients: 50,
        window: 200,
        messages,
        rate: 0,
        source,
    };
    let started = Instant::now();
    let outcome = load.run();
    let figures = city.settle();
    let elapsed = started.elapsed();
    assert_eq!(
        figures["stored"],
        outcome.acknowledged * readings,
        "{figures}"
    );
    (outcome.acknowledged * readings) as f64 / elapsed.as_secs_f64()
}
