//! Sessions that outlive their connections and the platform's process.

use crate::process::{Ending, Publisher, Subscriber};
use crate::tools::Client;
use nhip_tests::{
    City,
    mqtt::{self, Version},
};
use std::collections::{BTreeMap, BTreeSet};

/// Messages of a publisher between two cuts.
const PART: usize = 30;
const PARTS: usize = 5;

/// Takes note of everything that is published.
struct Watcher {
    client: mqtt::Client,
    /// The highest number seen of each topic.
    seen: BTreeMap<String, usize>,
}

impl Watcher {
    fn start(city: &City) -> Self {
        let mut watcher = Self {
            client: come(city, "watcher", Version::V5),
            seen: BTreeMap::new(),
        };
        assert_eq!(watcher.client.subscribe("way/#", 1), 1);
        watcher
    }

    /// Waits until every topic is in the middle of this part.
    fn reach(&mut self, topics: &BTreeSet<String>, part: usize) {
        let middle = part * PART + PART / 2;
        let is_there = |seen: &BTreeMap<_, _>, topic| seen.get(topic).is_some_and(|n| *n >= middle);
        while !topics.iter().all(|topic| is_there(&self.seen, topic)) {
            let message = self.client.message();
            let text = String::from_utf8(message.payload).unwrap();
            let (_, number) = text.rsplit_once(' ').unwrap();
            let newest = self.seen.entry(message.topic).or_default();
            *newest = (*newest).max(number.parse().unwrap());
        }
    }
}

impl Drop for Watcher {
    /// A test that waited in vain says for whom.
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("the newest number of each topic: {:?}", self.seen);
        }
    }
}

/// Connects to a session that lasts.
fn come(city: &City, id: &str, version: Version) -> mqtt::Client {
    let connect = mqtt::connect_durable(id, version);
    mqtt::Client::enter(city.addresses().mqtt, &connect, version)
}

/// A client with its three sessions: two that publish, with QoS 1 and 2, and one that subscribes.
struct Case {
    client: Client,
    /// The QoS that it subscribes with.
    qos: u8,
}

impl Case {
    fn topic(&self, qos: u8) -> String {
        format!("way/{}/{qos}", self.client.name)
    }

    fn id(&self, qos: u8) -> String {
        format!("{}-publishes-{qos}", self.client.name)
    }

    fn subscriber_id(&self) -> String {
        format!("{}-subscribes", self.client.name)
    }

    fn filter(&self) -> String {
        format!("way/{}/+", self.client.name)
    }

    fn leave(&self, city: &City) -> Ending {
        let id = self.subscriber_id();
        self.client.leave(city, &id, &self.filter(), self.qos)
    }

    fn subscriber(&self, city: &City) -> Subscriber {
        let id = self.subscriber_id();
        self.client.subscriber(city, &id, &self.filter(), self.qos)
    }

    /// Connects to its session in its place, so that the platform cuts it off. It may be back, and
    /// this connection cut off, before CONNACK.
    fn cut(&self, city: &City, id: &str) {
        if self.client.returns_when_taken_over() {
            let version = match self.client.version {
                5 => Version::V5,
                _ => Version::V4,
            };
            let mut instead = mqtt::Client::open(city.addresses().mqtt, version);
            instead.send(&mqtt::connect_durable(id, version));
            let _ = instead.receive();
        }
    }

    /// Everything, in its order, and once if both sides do so.
    fn check(&self, subscriber: &Subscriber) {
        for qos in [1, 2] {
            let expected: Vec<String> = (0..PART * PARTS).map(|n| payload(qos, n)).collect();
            let all = |found: &[String]| found.contains(&expected[PART * PARTS - 1]);
            let mut found = subscriber.until(&format!("way {qos} "), all);
            if qos == 1 || self.qos == 1 {
                let mut known = BTreeSet::new();
                found.retain(|text| known.insert(text.clone()));
            }
            let name = &self.client.name;
            assert!(found == expected, "{name}, QoS {qos}: {found:?}");
        }
    }
}

fn payload(qos: u8, number: usize) -> String {
    format!("way {qos} {number}")
}

struct Sender {
    qos: u8,
    publisher: Publisher,
}

fn say(senders: &mut [Sender], part: usize) {
    for Sender { qos, publisher } in senders {
        let numbers = part * PART..(part + 1) * PART;
        publisher.say(numbers.map(|number| payload(*qos, number)));
    }
}

#[test]
fn their_sessions_lose_nothing_while_away_when_cut_off_and_through_kill_9() {
    let mut city = City::start();
    let cases: Vec<Case> = Client::all()
        .into_iter()
        .map(|client| Case {
            qos: client.tool.taken_through_cuts,
            client,
        })
        .collect();
    let leaving: Vec<Ending> = cases.iter().map(|case| case.leave(&city)).collect();
    leaving.into_iter().for_each(Ending::wait);
    let mut watcher = Watcher::start(&city);

    // They publish while the subscribers are away, through a kill and a cut.
    let mut topics = BTreeSet::new();
    let mut senders = Vec::new();
    for case in &cases {
        for qos in [1, 2] {
            let (id, topic) = (case.id(qos), case.topic(qos));
            let publisher = case.client.publisher(&city, &id, &topic, qos);
            senders.push(Sender { qos, publisher });
            topics.insert(topic);
        }
    }
    say(&mut senders, 0);
    watcher.reach(&topics, 0);
    city.kill();
    say(&mut senders, 1);
    city.launch();
    watcher.client = come(&city, "watcher", Version::V5);
    watcher.reach(&topics, 1);
    for case in &cases {
        for qos in [1, 2] {
            case.cut(&city, &case.id(qos));
        }
    }
    say(&mut senders, 2);
    watcher.reach(&topics, 2);

    // The subscribers return, and are cut and killed too.
    let subscribers: Vec<Subscriber> = cases.iter().map(|case| case.subscriber(&city)).collect();
    for (case, subscriber) in cases.iter().zip(&subscribers) {
        subscriber.until("way", |found| !found.is_empty());
        case.cut(&city, &case.subscriber_id());
    }
    say(&mut senders, 3);
    watcher.reach(&topics, 3);
    city.kill();
    say(&mut senders, 4);
    let ending: Vec<Ending> = senders.into_iter().map(|s| s.publisher.end()).collect();
    city.launch();
    ending.into_iter().for_each(Ending::wait);
    for (case, subscriber) in cases.iter().zip(&subscribers) {
        case.check(subscriber);
    }
}
