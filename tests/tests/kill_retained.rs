//! `kill -9` under updates of retained messages: what was acknowledged is what subscribers get.

use nhip_tests::{
    City,
    mqtt::{self, Client, Version},
    wait,
};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

const CLIENTS: usize = 4;
/// Topics of each client.
const TOPICS: usize = 2_500;
/// Publishes that a client sends before it reads what is acknowledged.
const WINDOW: usize = 1_500;
const KILLS: u32 = 6;
/// One message in so many clears.
const CLEARS: u32 = 10;
/// Behind all other topics, in whose order retained messages come.
const LAST: &str = "kill/~";

/// What one client has sent, to topics of its own.
struct Publisher {
    number: usize,
    random: SmallRng,
    /// Each topic's messages from the newest on that is acknowledged; empty ones clear.
    topics: Vec<Vec<String>>,
    sent: u64,
}

impl Publisher {
    fn topic(&self, at: usize) -> String {
        format!("kill/{}/{at:05}", self.number)
    }

    /// Publishes until the connection ends; adds what is acknowledged to `count`.
    fn run(&mut self, city: &City, count: &AtomicU64) {
        let id = format!("kill-{}", self.number);
        let mut client = Client::connect(city.addresses().mqtt, &id, Version::V4);
        loop {
            let window: Vec<usize> = (0..WINDOW)
                .map(|_| self.random.random_range(0..TOPICS))
                .collect();
            let mut bytes = Vec::new();
            for (id, at) in (1..).zip(&window) {
                let text = self.next_text();
                let (topic, id) = (self.topic(*at), Some(id));
                bytes.extend(mqtt::publish(
                    &topic,
                    text.as_bytes(),
                    id,
                    Version::V4,
                    true,
                ));
                self.topics[*at].push(text);
            }
            client.send(&bytes);
            // In 3.1.1 what is refused ends the connection, and so the test.
            let mut settled = vec![0; TOPICS];
            for at in window {
                if !client.receive().is_ok_and(|packet| packet.kind() == 4) {
                    return self.forget(&settled);
                }
                settled[at] += 1;
                count.fetch_add(1, Ordering::Relaxed);
            }
            self.forget(&settled);
        }
    }

    fn next_text(&mut self) -> String {
        self.sent += 1;
        match self.random.random_ratio(1, CLEARS) {
            true => String::new(),
            false => format!("{:>1$}", self.sent, self.random.random_range(8..64)),
        }
    }

    /// Takes away what the newest acknowledged has replaced: `settled` are acknowledged.
    fn forget(&mut self, settled: &[usize]) {
        for (texts, settled) in self.topics.iter_mut().zip(settled) {
            texts.drain(..*settled);
        }
    }

    fn assert_kept(&mut self, kept: &BTreeMap<String, String>) {
        for at in 0..TOPICS {
            let topic = self.topic(at);
            let found = kept.get(&topic).cloned().unwrap_or_default();
            let texts = &mut self.topics[at];
            assert!(texts.contains(&found), "{topic}: {found:?} of {texts:?}");
            *texts = vec![found];
        }
    }
}

/// Every retained message that a new subscriber gets.
fn kept(city: &City) -> BTreeMap<String, String> {
    let mut client = Client::connect(city.addresses().mqtt, "subscriber", Version::V4);
    client.subscribe("kill/#", 0);
    let mut kept = BTreeMap::new();
    loop {
        let message = client.message();
        assert!(message.retained, "{message:?}");
        if message.topic == LAST {
            return kept;
        }
        let text = String::from_utf8(message.payload).unwrap();
        assert_eq!(kept.insert(message.topic, text), None, "each comes once");
    }
}

fn kill_again_and_again(mut city: City) {
    let seed = rand::random();
    println!("seed {seed}");
    let mut random = SmallRng::seed_from_u64(seed);
    let mut client = Client::connect(city.addresses().mqtt, "last", Version::V4);
    client.send(&mqtt::publish(LAST, b"x", Some(1), Version::V4, true));
    assert_eq!(client.receive().unwrap().kind(), 4);
    let mut publishers: Vec<_> = (0..CLIENTS)
        .map(|number| Publisher {
            number,
            random: SmallRng::seed_from_u64(random.random()),
            topics: vec![vec![String::new()]; TOPICS],
            sent: 0,
        })
        .collect();
    for _ in 0..KILLS {
        let count = AtomicU64::new(0);
        let enough = random.random_range(1..40_000);
        let pid = city.pid();
        thread::scope(|scope| {
            for publisher in &mut publishers {
                scope.spawn(|| publisher.run(&city, &count));
            }
            wait::until("acknowledgements", || {
                (count.load(Ordering::Relaxed) >= enough).then_some(())
            });
            nhip_tests::city::signal(pid, "KILL");
        });
        city.kill_and_launch();
        let kept = kept(&city);
        for publisher in &mut publishers {
            publisher.assert_kept(&kept);
        }
        println!("{} acknowledged, {} kept", count.into_inner(), kept.len());
    }
}

#[test]
fn kills_far_from_the_limits_lose_no_acknowledged_retained_message() {
    kill_again_and_again(City::start());
}

#[test]
fn kills_at_the_limit_lose_no_acknowledged_retained_message() {
    let topics = CLIENTS * TOPICS + 1;
    let city = City::builder().set("MQTT__RETAINED_MAX", &topics.to_string());
    kill_again_and_again(city.start());
}
