//! Ten thousand clients: what they cost while they say nothing, and how fast they come back.

use crate::{
    beside::side_by_side,
    figures::{Figure, shown},
    mosquitto::Mosquitto,
};
use nhip_tests::{City, crowd};
use std::{net::SocketAddr, time::Duration};

const CLIENTS: usize = 10_000;
const KIB: f64 = 1024.0;
/// What a handshake leaves is given back by then.
const REST: Duration = Duration::from_secs(3);

pub fn run() -> Vec<Figure> {
    crowd::raise_open_files();
    let mosquitto = Mosquitto::start();
    // The rest of what the system lets it open is for MQTT: the old connections and the new.
    let city = City::builder().set("HTTP__CONNECTIONS_MAX", "100").start();
    let (theirs, ours) = (mosquitto.address, city.addresses().mqtt);
    let their_idle = idle_bytes(theirs, || mosquitto.resident_bytes());
    let our_idle = idle_bytes(ours, || city.resident_bytes());
    let rates = side_by_side(|| returning(theirs), || returning(ours));
    vec![
        Figure::less(
            "resident memory of an idle connection, 10,000 of them",
            our_idle / KIB,
            "KiB",
            (4.0, 1.5),
            format!("without TLS; mosquitto's {} KiB", shown(their_idle / KIB)),
        ),
        rates.figure(
            "connections accepted a second, 10,000 dropping and returning at once",
            (1.0, 2.0),
            String::new(),
        ),
    ]
}

/// What the crowd adds to the server's resident memory, for each of them.
fn idle_bytes(address: SocketAddr, resident_bytes: impl Fn() -> u64) -> f64 {
    let before = resident_bytes();
    let crowd = crowd::Crowd::arrive(address, CLIENTS);
    std::thread::sleep(REST);
    let after = resident_bytes();
    drop(crowd);
    after.saturating_sub(before) as f64 / CLIENTS as f64
}

/// How many are let in a second when all come back.
fn returning(address: SocketAddr) -> f64 {
    let mut crowd = crowd::Crowd::arrive(address, CLIENTS);
    CLIENTS as f64 / crowd.drop_and_return().as_secs_f64()
}
