//! `kill -9` under load: what was acknowledged is stored, once.

use nhip_tests::{City, city::assert_adds_up, publishers::Publishers};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::time::Duration;

/// Devices that publish at the same time.
const CLIENTS: usize = 300;
/// How often the platform is killed.
const KILLS: u32 = 20;

#[test]
fn twenty_kills_under_load_lose_nothing_and_double_nothing() {
    let seed = rand::random();
    println!("seed {seed}");
    let mut random = SmallRng::seed_from_u64(seed);
    // Small checkpoints, so that kills fall before, into and behind them.
    let mut city = City::builder()
        .set("INGEST__CHECKPOINT_ROWS", "5000")
        .start();
    let publishers = Publishers::start(city.addresses().mqtt, "kill", CLIENTS);
    let mut received = 0;
    for _ in 0..KILLS {
        publishers.wait_for(random.random_range(1..4000));
        // Not only at an acknowledgement: anywhere between two of them.
        std::thread::park_timeout(Duration::from_micros(random.random_range(0..20_000)));
        city.kill_and_launch();
        let figures = city.get("/api/v1/reconciliation");
        assert_adds_up(&figures);
        received = received.max(figures["received"].as_u64().unwrap());
    }
    publishers.wait_for(1000);
    let ledger = publishers.stop();
    let figures = city.settle();
    assert!(figures["received"].as_u64().unwrap() >= received);
    assert_eq!(figures["rejected"], 0, "{figures}");
    println!("{} acknowledged; {figures}", ledger.count());
    ledger.assert_stored(&city);
    let stored: u64 = city
        .items("/api/v1/reconciliation?by=device")
        .iter()
        .inspect(|device| assert_adds_up(device))
        .map(|device| device["stored"].as_u64().unwrap())
        .sum();
    assert_eq!(figures["stored"], stored);
}
