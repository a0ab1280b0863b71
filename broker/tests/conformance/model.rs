//! Any order of coming, going, acknowledging, restarting and waiting, against a model of what
//! a session must then have.

use crate::kit::{Client, House, PATIENCE, config, durable, hello, message, qos};
use nhip_broker::codec::{Ack, Connect, Packet, Version};
use proptest::prelude::*;
use std::{collections::HashSet, time::Instant};

/// The session outlives its connection by so many seconds (`kit::durable`).
const EXPIRY_S: i64 = 60;

#[derive(Clone, Debug)]
enum Step {
    Come { clean: bool },
    Drop,
    Publish { qos: u8 },
    Answer { which: usize },
    Restart { seconds: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => prop::bool::weighted(0.1).prop_map(|clean| Step::Come { clean }),
        2 => Just(Step::Drop),
        6 => (1u8..3).prop_map(|qos| Step::Publish { qos }),
        8 => any::<usize>().prop_map(|which| Step::Answer { which }),
        1 => prop_oneof![Just(0), Just(25), Just(70)].prop_map(|seconds| Step::Restart { seconds }),
    ]
}

/// An answer that the subscriber owes.
#[derive(Clone, Copy, Debug)]
enum Owed {
    Puback(u16, usize),
    Pubrec(u16),
    Pubcomp(u16),
}

struct World {
    house: Option<House>,
    publisher: Option<Client>,
    subscriber: Option<Client>,
    published: usize,
    /// What the session must get, if there is one.
    session: Option<Vec<(usize, u8)>>,
    away_s: i64,
    /// What the subscriber knows.
    held: HashSet<u16>,
    got: Vec<(usize, u8)>,
    acknowledged: HashSet<usize>,
    owed: Vec<Owed>,
}

impl World {
    async fn new() -> Self {
        Self {
            house: Some(House::open().await),
            publisher: None,
            subscriber: None,
            published: 0,
            session: None,
            away_s: 0,
            held: HashSet::new(),
            got: Vec::new(),
            acknowledged: HashSet::new(),
            owed: Vec::new(),
        }
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Come { clean } => self.come(clean).await,
            Step::Drop => self.subscriber = None,
            Step::Publish { qos } => self.publish(qos).await,
            Step::Answer { which } if !self.owed.is_empty() => {
                let owed = self.owed.swap_remove(which % self.owed.len());
                self.answer(owed).await;
            }
            Step::Answer { .. } => {}
            Step::Restart { seconds } => {
                (self.subscriber, self.publisher) = (None, None);
                let house = self.house.take().unwrap();
                self.house = Some(house.reopen_after(config(), seconds).await);
                self.away_s += seconds;
            }
        }
        self.read().await;
    }

    async fn come(&mut self, clean: bool) {
        let house = self.house.as_ref().unwrap();
        let connect = Connect {
            clean_start: clean,
            ..durable(Version::V5, "subscriber")
        };
        let (mut client, present) = Client::come(house.tcp(), connect).await;
        let ended = self.away_s >= EXPIRY_S;
        assert_eq!(present, self.session.is_some() && !clean && !ended);
        if !present {
            client.subscribe("m", qos(2)).await;
            self.session = Some(Vec::new());
            self.held.clear();
            self.got.clear();
            self.acknowledged.clear();
        }
        self.away_s = 0;
        self.owed.clear();
        self.subscriber = Some(client);
    }

    async fn publish(&mut self, qos: u8) {
        let house = self.house.as_ref().unwrap();
        if self.publisher.is_none() {
            let connect = hello(Version::V5, "publisher");
            self.publisher = Some(Client::enter(house.tcp(), connect).await.0);
        }
        let publisher = self.publisher.as_mut().unwrap();
        let payload = self.published.to_string();
        publisher.publish(message(qos, 1, "m", &payload)).await;
        if qos == 1 {
            publisher.expect_ack(Packet::Puback, 1).await;
        } else {
            publisher.expect_ack(Packet::Pubrec, 1).await;
            publisher.send(Packet::Pubrel(Ack::success(1))).await;
            publisher.expect_ack(Packet::Pubcomp, 1).await;
        }
        if let Some(expected) = &mut self.session {
            expected.push((self.published, qos));
        }
        self.published += 1;
    }

    async fn answer(&mut self, owed: Owed) {
        let Some(client) = &mut self.subscriber else {
            return;
        };
        let packet = match owed {
            Owed::Puback(id, number) => {
                self.acknowledged.insert(number);
                Packet::Puback(Ack::success(id))
            }
            Owed::Pubrec(id) => Packet::Pubrec(Ack::success(id)),
            Owed::Pubcomp(id) => Packet::Pubcomp(Ack::success(id)),
        };
        client.send(packet).await;
    }

    /// Reads what has come before the answer to PINGREQ.
    async fn read(&mut self) {
        let Some(mut client) = self.subscriber.take() else {
            return;
        };
        client.send(Packet::Pingreq).await;
        loop {
            let received = client.receive().await;
            match received.packet() {
                Packet::Pingresp => break,
                Packet::Pubrel(ack) => {
                    self.held.remove(&ack.packet_id);
                    self.owed.push(Owed::Pubcomp(ack.packet_id));
                }
                Packet::Publish(publish) => {
                    let number = std::str::from_utf8(publish.payload).unwrap();
                    self.got(number.parse().unwrap(), publish.qos, publish.packet_id);
                }
                other => panic!("unexpected {other:?}"),
            }
        }
        self.subscriber = Some(client);
    }

    fn got(&mut self, number: usize, qos: u8, id: u16) {
        let again = self.got.contains(&(number, qos));
        if qos == 1 {
            assert!(
                !self.acknowledged.contains(&number),
                "{number} is acknowledged"
            );
            self.owed.push(Owed::Puback(id, number));
        } else {
            self.owed.push(Owed::Pubrec(id));
            if !self.held.insert(id) {
                return;
            }
            assert!(!again, "{number} came twice");
        }
        if !again {
            let newest = self.got.iter().rev().find(|(_, held)| *held == qos);
            assert!(newest.is_none_or(|(before, _)| *before < number), "order");
            self.got.push((number, qos));
        }
    }

    /// The session gets everything, if there is one.
    async fn finish(mut self) {
        if self.session.is_none() {
            return;
        }
        if self.subscriber.is_none() {
            self.come(false).await;
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.read().await;
            for owed in std::mem::take(&mut self.owed) {
                self.answer(owed).await;
            }
            let mut got = self.got.clone();
            got.sort_unstable();
            if Some(got) == self.session {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{:?} of {:?}",
                self.got,
                self.session
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 32,
        max_shrink_iters: 100,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_session_gets_what_is_its_own_whatever_happens(
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            for step in steps {
                world.take(step).await;
            }
            world.finish().await;
        });
    }
}
