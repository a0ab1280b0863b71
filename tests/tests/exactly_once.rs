//! `kill -9` under QoS 2 in both directions: what was published arrives, once, in order.

use nhip_tests::{
    City,
    mqtt::{self, Client, Packet, Version},
};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::{
    collections::{HashSet, VecDeque},
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

const KILLS: u32 = 8;
/// Messages that the publisher has under way.
const WINDOW: usize = 20;
const TOPIC: &str = "exactly/once";
const PATIENCE: Duration = Duration::from_secs(60);

/// Connects as often as it takes; says whether the session was there.
fn come(address: SocketAddr, id: &str, version: Version) -> (Client, bool) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < deadline, "{id} could not connect");
        if let Ok(mut client) = Client::try_open(address, version) {
            client.send(&mqtt::connect_durable(id, version));
            if let Ok(connack) = client.receive() {
                assert_eq!((connack.kind(), connack.body[1]), (2, 0), "{connack:?}");
                return (client, connack.body[0] == 1);
            }
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

fn id_of(packet: &Packet) -> u16 {
    u16::from_be_bytes([packet.body[0], packet.body[1]])
}

fn answer(client: &mut Client, first: u8, id: u16) {
    client.send(&mqtt::packet(first, &id.to_be_bytes()));
}

/// What a publisher remembers through lost connections.
#[derive(Default)]
struct Publisher {
    /// Packet id, number, and whether PUBREC has come.
    under_way: VecDeque<(u16, usize, bool)>,
    sent: usize,
}

impl Publisher {
    fn run(mut self, address: SocketAddr, version: Version, stop: &AtomicBool) -> usize {
        let mut known = false;
        while !(stop.load(Ordering::Relaxed) && self.under_way.is_empty()) {
            let (mut client, present) = come(address, "publisher", version);
            assert!(present || !known, "the session of the publisher is gone");
            known = true;
            // A connection that ends is resumed.
            let _ = self.serve(&mut client, stop);
        }
        self.sent
    }

    fn serve(&mut self, client: &mut Client, stop: &AtomicBool) -> io::Result<()> {
        for (id, number, released) in &self.under_way {
            match released {
                true => answer(client, 0x62, *id),
                false => client.send(&publish(client.version, *id, *number, true)),
            }
        }
        loop {
            while self.under_way.len() < WINDOW && !stop.load(Ordering::Relaxed) {
                let id = (self.sent % 60_000) as u16 + 1;
                client.send(&publish(client.version, id, self.sent, false));
                self.under_way.push_back((id, self.sent, false));
                self.sent += 1;
            }
            if self.under_way.is_empty() {
                return Ok(());
            }
            let packet = client.receive()?;
            let id = id_of(&packet);
            match packet.kind() {
                5 => {
                    for held in self.under_way.iter_mut().filter(|held| held.0 == id) {
                        held.2 = true;
                    }
                    answer(client, 0x62, id);
                }
                7 => self.under_way.retain(|held| held.0 != id),
                other => panic!("the publisher got a packet of type {other}"),
            }
        }
    }
}

fn publish(version: Version, id: u16, number: usize, dup: bool) -> Vec<u8> {
    let payload = number.to_string();
    let mut packet = mqtt::publish(TOPIC, payload.as_bytes(), Some(id), version, false);
    packet[0] = 0x34 | u8::from(dup) << 3;
    packet
}

/// Takes messages in, each once, as the specification has it; ends when `done` says so.
fn subscribe(
    address: SocketAddr,
    version: Version,
    got: &Mutex<Vec<usize>>,
    done: &dyn Fn(usize) -> bool,
) {
    let mut held = HashSet::new();
    while !done(got.lock().unwrap().len()) {
        let (mut client, present) = come(address, "subscriber", version);
        assert!(present, "the session of the subscriber is gone");
        while let Ok(packet) = client.receive() {
            match packet.kind() {
                3 => {
                    let at = 2 + TOPIC.len();
                    let id = u16::from_be_bytes([packet.body[at], packet.body[at + 1]]);
                    let skipped = if version == Version::V5 { 3 } else { 2 };
                    let number = std::str::from_utf8(&packet.body[at + skipped..]).unwrap();
                    assert_eq!(packet.first & 6, 4, "QoS 2");
                    if held.insert(id) {
                        got.lock().unwrap().push(number.parse().unwrap());
                    }
                    answer(&mut client, 0x50, id);
                }
                6 => {
                    held.remove(&id_of(&packet));
                    answer(&mut client, 0x70, id_of(&packet));
                }
                other => panic!("the subscriber got a packet of type {other}"),
            }
            if done(got.lock().unwrap().len()) {
                break;
            }
        }
    }
}

fn through_kills(version: Version) {
    let seed = rand::random();
    println!("seed {seed}");
    let mut random = SmallRng::seed_from_u64(seed);
    let mut city = City::start();
    let address = city.addresses().mqtt;
    let (mut client, _) = come(address, "subscriber", version);
    assert_eq!(client.subscribe(TOPIC, 2), 2);
    drop(client);
    let stop = Arc::new(AtomicBool::new(false));
    let total = Arc::new(AtomicUsize::new(usize::MAX));
    let got = Arc::new(Mutex::new(Vec::new()));
    let publisher = {
        let stop = Arc::clone(&stop);
        std::thread::spawn(move || Publisher::default().run(address, version, &stop))
    };
    let subscriber = {
        let (got, total) = (Arc::clone(&got), Arc::clone(&total));
        std::thread::spawn(move || {
            let done = |count| count >= total.load(Ordering::Relaxed);
            subscribe(address, version, &got, &done);
        })
    };
    for _ in 0..KILLS {
        let more = got.lock().unwrap().len() + random.random_range(1..600);
        let deadline = Instant::now() + PATIENCE;
        while got.lock().unwrap().len() < more {
            assert!(Instant::now() < deadline, "messages stopped");
            assert!(!publisher.is_finished() && !subscriber.is_finished());
            std::thread::park_timeout(Duration::from_micros(random.random_range(0..5_000)));
        }
        city.kill_and_launch();
    }
    stop.store(true, Ordering::Relaxed);
    let sent = publisher.join().unwrap();
    total.store(sent, Ordering::Relaxed);
    // Wakes a subscriber that has everything and waits for more.
    if got.lock().unwrap().len() >= sent {
        city.kill_and_launch();
    }
    subscriber.join().unwrap();
    let got = got.lock().unwrap();
    println!("{sent} messages through {KILLS} kills");
    assert!(sent > KILLS as usize);
    assert_eq!(*got, (0..sent).collect::<Vec<_>>());
}

#[test]
fn kills_lose_and_double_no_message_with_qos_2_in_3_1_1() {
    through_kills(Version::V4);
}

#[test]
fn kills_lose_and_double_no_message_with_qos_2_in_5() {
    through_kills(Version::V5);
}
