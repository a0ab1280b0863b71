//! Resident memory of the whole platform.

use crate::{figures::Figure, sources::Compact};
use nhip_tests::{City, load::Load, wait};
use std::time::{Duration, Instant};

const MIB: f64 = (1 << 20) as f64;
/// How long the demo city runs after its history is in.
const DEMO: Duration = Duration::from_secs(30);

pub fn run() -> Vec<Figure> {
    vec![demo_city(), full_load()]
}

fn demo_city() -> Figure {
    let city = City::builder().argument("--demo").start();
    wait::until("the demo city's history", || {
        let stored = city.get("/api/v1/reconciliation")["stored"].as_u64()?;
        (stored > 50_000).then_some(())
    });
    city.settle();
    let peak = peak_until(&city, Instant::now() + DEMO, || false);
    Figure::less(
        "resident memory, demo city (peers' three processes: 364)",
        peak,
        "MiB",
        (120.0, 40.0),
        format!("the most in {} s behind its history", DEMO.as_secs()),
    )
}

fn full_load() -> Figure {
    let city = City::start();
    let load = Load {
        address: city.addresses().mqtt,
        clients: 50,
        window: 200,
        messages: 60_000,
        rate: 0,
        source: || Box::new(Compact),
    };
    let sender = std::thread::spawn(move || load.run());
    let deadline = Instant::now() + Duration::from_secs(300);
    let mut peak = peak_until(&city, deadline, || sender.is_finished());
    let outcome = sender.join().expect("the load ends");
    city.settle();
    peak = peak.max(city.resident_bytes() as f64 / MIB);
    Figure::less(
        "resident memory, full load (peers' three processes: 806)",
        peak,
        "MiB",
        (400.0, 200.0),
        format!(
            "the most while {} readings are stored",
            outcome.acknowledged * Compact::READINGS
        ),
    )
}

/// The most memory seen until the deadline, or until `ended`.
fn peak_until(city: &City, deadline: Instant, ended: impl Fn() -> bool) -> f64 {
    let mut peak = 0;
    while Instant::now() < deadline && !ended() {
        peak = peak.max(city.resident_bytes());
        std::thread::sleep(Duration::from_millis(100));
    }
    peak as f64 / MIB
}
