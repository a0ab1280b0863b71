//! Everybody but the devices: who comes and goes, who doesn't read, who means harm.

use nhip_tests::mqtt::{self, Client, Version};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::{
    fmt,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// Threads of those who come and go; each has a client at a time.
const CHURNING: u64 = 4;
/// Client ids that they take turns with: half of the sessions outlive their connections.
const IDS: u32 = 400;
const SLOW: usize = 4;
/// After which a slow reader is taken over by another.
const SLOW_FOR: Duration = Duration::from_secs(45);
/// Handshakes that a hostile client leaves open at one time.
const HALF_OPEN: usize = 50;
const PAUSE: Duration = Duration::from_millis(10);

/// The clients, until they are stopped.
pub struct Clients {
    churning: Vec<JoinHandle<u64>>,
    slow: JoinHandle<u64>,
    hostile: JoinHandle<u64>,
}

/// What they did.
pub struct Done {
    came: u64,
    slow: u64,
    attacks: u64,
}

/// Starts them all.
pub fn start(address: SocketAddr, stop: &Arc<AtomicBool>) -> Clients {
    let churning = (0..CHURNING).map(|seed| {
        let stop = Arc::clone(stop);
        std::thread::spawn(move || churn(address, seed, &stop))
    });
    let (slow_stop, hostile_stop) = (Arc::clone(stop), Arc::clone(stop));
    Clients {
        churning: churning.collect(),
        slow: std::thread::spawn(move || be_slow(address, &slow_stop)),
        hostile: std::thread::spawn(move || attack(address, &hostile_stop)),
    }
}

impl Clients {
    /// Waits until they have stopped.
    pub fn join(self) -> Done {
        let ended = |thread: JoinHandle<u64>| thread.join().expect("a client goes on to its end");
        Done {
            came: self.churning.into_iter().map(ended).sum(),
            slow: ended(self.slow),
            attacks: ended(self.hostile),
        }
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            came,
            slow,
            attacks,
        } = self;
        write!(
            f,
            "{came} clients came and went, {slow} read nothing, {attacks} attacks"
        )
    }
}

/// Connects, subscribes, publishes, reads a little and leaves, politely or not.
fn churn(address: SocketAddr, seed: u64, stop: &AtomicBool) -> u64 {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut came = 0;
    while !stop.load(Ordering::Acquire) {
        // Each thread has ids of its own, so that none is taken over in the middle.
        let number = random.random_range(0..IDS / 4) * 4 + seed as u32;
        let id = format!("churn-{number}");
        let version = [Version::V4, Version::V5][(number as usize / 4) % 2];
        let hello = match random.random_bool(0.5) {
            true => mqtt::connect_durable(&id, version),
            false => mqtt::connect(&id, version, 60),
        };
        let mut client = Client::open(address, version);
        client.send(&hello);
        // What waited for a session may come before anything is asked.
        let device = random.random_range(0..50);
        let mut body = vec![0, 7];
        if version == Version::V5 {
            body.push(0);
        }
        mqtt::text(&mut body, &format!("devices/bench-{device}/readings/+"));
        body.push(random.random_range(0..3));
        client.send(&mqtt::packet(0x82, &body));
        let topic = format!("soak/{}", random.random_range(0..200));
        let retain = random.random_bool(0.3);
        client.send(&mqtt::publish(
            &topic,
            &id.repeat(8).into_bytes(),
            Some(1),
            version,
            retain,
        ));
        for _ in 0..20 {
            match client.receive() {
                Ok(packet) if packet.kind() == 4 => break,
                Ok(_) => {}
                Err(_) => break,
            }
        }
        if random.random_bool(0.5) {
            client.send(&mqtt::packet(0xe0, &[]));
        }
        drop(client);
        came += 1;
        std::thread::sleep(PAUSE);
    }
    came
}

/// Subscribers to everything that read nothing, with QoS 0 and with QoS 1.
fn be_slow(address: SocketAddr, stop: &AtomicBool) -> u64 {
    let mut came = 0;
    while !stop.load(Ordering::Acquire) {
        let readers: Vec<Client> = (0..SLOW)
            .map(|number| {
                let mut client = Client::connect(address, &format!("slow-{number}"), Version::V4);
                client.subscribe("#", (number % 2) as u8);
                client
            })
            .collect();
        let since = Instant::now();
        while since.elapsed() < SLOW_FOR && !stop.load(Ordering::Acquire) {
            std::thread::sleep(Duration::from_millis(200));
        }
        came += readers.len() as u64;
    }
    came
}

/// What no client should send, one connection after the other.
fn attack(address: SocketAddr, stop: &AtomicBool) -> u64 {
    let mut random = SmallRng::seed_from_u64(99);
    let mut half_open = std::collections::VecDeque::new();
    let mut attacks = 0;
    while !stop.load(Ordering::Acquire) {
        let Ok(mut client) = Client::try_open(address, Version::V4) else {
            continue;
        };
        let known = mqtt::connect("hostile", Version::V5, 0);
        match attacks % 6 {
            0 => {
                let mut noise = vec![0; random.random_range(1..4096)];
                random.fill(&mut noise[..]);
                client.send(&noise);
            }
            // A CONNECT of 256 MB, of which nothing comes.
            1 => client.send(&[0x10, 0xff, 0xff, 0xff, 0x7f]),
            2 => client.send(&[&known[..], &[0x30, 0xff, 0xff, 0x0f]].concat()),
            3 => {
                client.send(&[&known[..], &mqtt::packet(0x32, &[0, 2, 0xc3, 0x28, 0, 1])].concat())
            }
            4 => client.send(&[&known[..], &mqtt::packet(0x20, &[0, 0])].concat()),
            _ => {
                let half = random.random_range(1..known.len());
                client.send(&known[..half]);
            }
        }
        half_open.push_back(client);
        if half_open.len() > HALF_OPEN {
            half_open.pop_front();
        }
        attacks += 1;
        std::thread::sleep(PAUSE);
    }
    attacks
}
