//! Hours of mixed load: whether memory grows.

mod clients;

use crate::{figures::Figure, sources::Json};
use nhip_tests::{City, crowd, load::Load};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// How long it takes, minutes, unless `SOAK_MINUTES` says otherwise.
const MINUTES: u64 = 120;
/// Readings a second, over [`DEVICES`].
const RATE: u64 = 1_000;
const DEVICES: u64 = 50;
const MIB: f64 = (1 << 20) as f64;
const LOOK: Duration = Duration::from_secs(1);

/// The peak of the last quarter against that of the second: the first is the warm-up.
pub fn run() -> Vec<Figure> {
    crowd::raise_open_files();
    let minutes = std::env::var("SOAK_MINUTES").ok().map_or(MINUTES, |text| {
        text.parse().expect("SOAK_MINUTES is a number")
    });
    // What is kept for long turns over within a few minutes.
    let city = City::builder()
        .set("LOG__RETENTION_BYTES", "64 MiB")
        .set("STORE__MEMTABLE_BYTES", "1 MiB")
        .set("STORE__CACHE_BYTES", "1 MiB")
        .set("INGEST__CHECKPOINT_INTERVAL_S", "20")
        .start();
    let stop = Arc::new(AtomicBool::new(false));
    let others = clients::start(city.addresses().mqtt, &stop);
    let load = Load {
        address: city.addresses().mqtt,
        clients: DEVICES as usize,
        window: 50,
        messages: minutes * 60 * RATE / DEVICES,
        rate: RATE,
        source: || Box::new(Json),
    };
    let sender = std::thread::spawn(move || load.run());
    let samples = samples(&city, Duration::from_secs(minutes * 60));
    stop.store(true, Ordering::Release);
    let readings = sender.join().expect("the load ends").acknowledged;
    let done = others.join();
    let quarter = samples.len() / 4;
    let peak = |part: &[u64]| part.iter().copied().max().unwrap_or(0) as f64 / MIB;
    let early = peak(&samples[quarter..2 * quarter]);
    let late = peak(&samples[3 * quarter..]);
    vec![Figure::less(
        "growth of resident memory after the warm-up: mixed load, churn, slow readers, hostile clients",
        late - early,
        "MiB",
        (GROWTH_MAX_MIB, 0.0),
        format!(
            "{minutes} min; peaks of the second and the last quarter {early:.1} and {late:.1} MiB; {readings} readings, {done}"
        ),
    )]
}

/// What two peaks of the same load differ by without growth.
const GROWTH_MAX_MIB: f64 = 3.0;

/// Resident memory once a second, bytes.
fn samples(city: &City, length: Duration) -> Vec<u64> {
    let started = Instant::now();
    let mut samples = Vec::new();
    while started.elapsed() < length {
        samples.push(city.resident_bytes());
        if samples.len().is_multiple_of(60) {
            let mib = *samples.last().expect("just pushed") as f64 / MIB;
            eprintln!("minute {}: {mib:.1} MiB", samples.len() / 60);
        }
        std::thread::sleep(LOOK);
    }
    samples
}
