//! One device that publishes as fast as it can beside others that publish now and then.

use nhip_tests::{
    City,
    mqtt::{self, Client, Version},
};
use std::{
    io::{Read, Write},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// Devices that publish a reading when the last one is acknowledged.
const QUIET: usize = 10;
/// Readings of each of them in a round.
const READINGS: usize = 60;
const ROUNDS: usize = 3;
/// What the noisy one sends in one go, at least, if its messages are large.
const BLOCK_BYTES: usize = 1 << 20;
const READING: &[u8] = br#"{"readings": {"v": 1}}"#;

/// Publishes without waiting, and reads its acknowledgements away.
struct Noisy {
    stop: Arc<AtomicBool>,
    acknowledged_bytes: Arc<AtomicU64>,
    threads: [JoinHandle<()>; 2],
}

impl Noisy {
    fn start(address: SocketAddr, payload: &[u8]) -> Self {
        let client = Client::connect(address, "noisy", Version::V4);
        let (writer, reader) = (client.stream(), client.stream());
        let (mut writer, mut reader) = (writer.try_clone().unwrap(), reader.try_clone().unwrap());
        let stop = Arc::new(AtomicBool::new(false));
        let acknowledged_bytes = Arc::new(AtomicU64::new(0));
        let mut block = Vec::new();
        for id in 1..=BLOCK_BYTES.div_ceil(payload.len()).min(1000) as u16 {
            let topic = "devices/noisy/readings/json";
            block.extend(mqtt::publish(topic, payload, Some(id), Version::V4, false));
        }
        let stopped = Arc::clone(&stop);
        let writing = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) && writer.write_all(&block).is_ok() {}
            let _ = writer.shutdown(std::net::Shutdown::Both);
        });
        let acknowledged = Arc::clone(&acknowledged_bytes);
        let reading = std::thread::spawn(move || {
            let mut bytes = [0; 64 << 10];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                acknowledged.fetch_add(count as u64, Ordering::Relaxed);
            }
        });
        Self {
            stop,
            acknowledged_bytes,
            threads: [writing, reading],
        }
    }

    /// Ends it; how many publishes were acknowledged.
    fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
        self.acknowledged_bytes.load(Ordering::Relaxed) / 4
    }
}

/// How long the quiet ones take for their readings.
fn round(clients: &mut [Client]) -> Duration {
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for (number, client) in clients.iter_mut().enumerate() {
            scope.spawn(move || {
                let topic = format!("devices/quiet-{number}/readings/json");
                for _ in 0..READINGS {
                    let code = client.publish(&topic, READING);
                    assert_eq!(code.unwrap(), 0);
                }
            });
        }
    });
    begun.elapsed()
}

/// The quiet ones' best rounds, alone and beside the noisy one, taken in turns so that what else
/// the machine does falls on both; and what the noisy one had acknowledged.
fn compare(city: &City, noise: &[u8]) -> (Duration, Duration, u64) {
    let address = city.addresses().mqtt;
    let mut clients: Vec<Client> = (0..QUIET)
        .map(|number| Client::connect(address, &format!("quiet-{number}"), Version::V4))
        .collect();
    let (mut alone, mut beside, mut acknowledged) = (Duration::MAX, Duration::MAX, 0);
    for _ in 0..ROUNDS {
        alone = alone.min(round(&mut clients));
        let noisy = Noisy::start(address, noise);
        beside = beside.min(round(&mut clients));
        acknowledged += noisy.stop();
    }
    println!("alone {alone:?}, beside {beside:?}, {acknowledged} of the noisy one");
    (alone, beside, acknowledged)
}

#[test]
fn a_noisy_device_slows_the_others_by_no_more_than_its_share() {
    let city = City::start();
    let (alone, beside, noise) = compare(&city, READING);
    assert!(noise > (ROUNDS * QUIET * READINGS) as u64, "it was noisy");
    assert!(beside < 8 * alone, "{alone:?} became {beside:?}");
}

/// What one client has on its way to the disk is bounded in bytes too, so that the others don't
/// wait for megabytes of it: a hundred times as long, otherwise.
#[test]
fn a_noisy_device_with_large_messages_slows_the_others_by_no_more_than_its_share() {
    let city = City::start();
    let (alone, beside, noise) = compare(&city, &[b'x'; 100_000]);
    assert!(noise > 100, "it was noisy");
    assert!(beside < 16 * alone, "{alone:?} became {beside:?}");
}

#[test]
fn a_noisy_device_that_is_held_to_a_rate_is_not_felt() {
    let city = City::builder()
        .set("MQTT__PUBLISHES_PER_S_MAX", "1000")
        .start();
    let (alone, beside, noise) = compare(&city, READING);
    assert!(noise > 0);
    assert!(beside < 3 * alone, "{alone:?} became {beside:?}");
}
