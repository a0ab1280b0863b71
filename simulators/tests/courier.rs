//! The courier against a small MQTT server that can be told to misbehave.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "test code: a failed step fails the test where it stands"
)]

mod server;

use nhip_simulators::mqtt::{Config, Courier, Errand, Message, Next, Protocol, Traffic};
use server::{Manners, Server};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::{sync::watch, time::Instant};

/// Sends the numbers from 0 on and notes which of them were acknowledged.
#[derive(Default)]
struct Numbers {
    count: u64,
    next: u64,
    acknowledged: BTreeMap<u64, u32>,
    refused: BTreeSet<u64>,
    again: u64,
    drop_at: Option<u64>,
    endless: bool,
}

impl Errand for Numbers {
    fn next(&mut self, now: Instant) -> Next {
        if self.drop_at == Some(self.next) {
            self.drop_at = None;
            return Next::Drop(Duration::from_millis(1));
        }
        if self.next == self.count {
            if self.endless {
                return Next::At(now + Duration::from_secs(3_600));
            }
            return Next::Done;
        }
        self.next += 1;
        Next::Send(Message {
            topic: "devices/a/readings/json".to_owned(),
            payload: (self.next - 1).to_string().into_bytes(),
            token: self.next - 1,
        })
    }

    fn acknowledged(&mut self, token: u64) {
        *self.acknowledged.entry(token).or_default() += 1;
    }

    fn refused(&mut self, token: u64, _reason: &str) {
        self.refused.insert(token);
    }

    fn written_again(&mut self, _token: u64) {
        self.again += 1;
    }
}

async fn run(server: &Server, protocol: Protocol, numbers: &mut Numbers) -> Traffic {
    let config = Config {
        protocol,
        window: 20,
        backoff_ms_max: 1,
        ..Config::new(server.address)
    };
    let courier = Courier::new(config, "a".to_owned(), Some("devices/a/status".to_owned()));
    let (_keep, stop) = watch::channel(false);
    let (traffic, end) = courier.run(numbers, stop).await;
    end.unwrap();
    traffic
}

fn numbers(count: u64) -> Numbers {
    Numbers {
        count,
        ..Numbers::default()
    }
}

const BOTH: [Protocol; 2] = [Protocol::V4, Protocol::V5];

#[tokio::test]
async fn each_message_is_sent_and_acknowledged_once_in_order() {
    for protocol in BOTH {
        let server = Server::start(Manners::default()).await;
        let mut numbers = numbers(1_000);
        let traffic = run(&server, protocol, &mut numbers).await;
        assert_eq!((traffic.sent, traffic.resent), (1_000, 0));
        assert_eq!((traffic.acknowledged, traffic.connections), (1_000, 1));
        assert!(numbers.acknowledged.values().all(|times| *times == 1));
        let expected: Vec<_> = (0..1_000).map(|n| n.to_string()).collect();
        assert_eq!(server.readings(), expected);
        assert_eq!(server.status(), ["online", "offline"]);
    }
}

#[tokio::test]
async fn what_a_cut_left_unacknowledged_is_sent_again_and_nothing_else() {
    for protocol in BOTH {
        for (publishes, acknowledgements) in [(30, 30), (30, 17), (7, 0), (43, 40)] {
            let server = Server::start(Manners {
                cut_after: Some((publishes, acknowledgements)),
                cuts_max: 12,
                ..Manners::default()
            })
            .await;
            let mut numbers = numbers(500);
            let traffic = run(&server, protocol, &mut numbers).await;
            let promised = server.promised();
            for token in 0..500 {
                let text = token.to_string();
                assert_eq!(numbers.acknowledged.get(&token), Some(&1), "{token}");
                assert!(promised.contains(&text), "{token} was not promised");
            }
            assert!(traffic.resent > 0 && traffic.connections > 1);
            assert_eq!(numbers.again, traffic.resent);
            // Each cut repeats a window at most.
            assert!(traffic.resent <= 20 * (traffic.connections - 1));
        }
    }
}

#[tokio::test]
async fn acknowledgements_out_of_order_reach_their_own_messages() {
    for protocol in BOTH {
        let server = Server::start(Manners {
            reverse: 5,
            ..Manners::default()
        })
        .await;
        let mut numbers = numbers(500);
        run(&server, protocol, &mut numbers).await;
        assert_eq!(numbers.acknowledged.len(), 500);
        assert!(numbers.acknowledged.values().all(|times| *times == 1));
    }
}

#[tokio::test]
async fn a_refused_message_is_not_acknowledged_and_not_repeated() {
    let server = Server::start(Manners {
        refuse: Some("13"),
        ..Manners::default()
    })
    .await;
    let mut numbers = numbers(50);
    let traffic = run(&server, Protocol::V5, &mut numbers).await;
    assert_eq!(numbers.refused, BTreeSet::from([13]));
    assert!(!numbers.acknowledged.contains_key(&13));
    assert_eq!((traffic.acknowledged, traffic.refused), (49, 1));
}

#[tokio::test]
async fn an_errand_can_drop_its_connection_and_loses_nothing() {
    let server = Server::start(Manners::default()).await;
    let mut numbers = Numbers {
        drop_at: Some(60),
        ..numbers(100)
    };
    let traffic = run(&server, Protocol::V4, &mut numbers).await;
    assert_eq!(traffic.connections, 2);
    assert_eq!(numbers.acknowledged.len(), 100);
    assert_eq!(server.readings().iter().collect::<BTreeSet<_>>().len(), 100);
}

#[tokio::test]
async fn a_stop_waits_for_what_is_in_flight() {
    let server = Server::start(Manners::default()).await;
    let mut numbers = Numbers {
        endless: true,
        ..numbers(10)
    };
    let (stop, stopped) = watch::channel(false);
    let courier = Courier::new(Config::new(server.address), "a".to_owned(), None);
    let work = courier.run(&mut numbers, stopped);
    let stop_when_sent = async {
        while server.readings().len() < 10 {
            tokio::task::yield_now().await;
        }
        stop.send(true).unwrap();
    };
    let ((traffic, end), ()) = tokio::join!(work, stop_when_sent);
    end.unwrap();
    assert_eq!(traffic.acknowledged, 10);
}

#[tokio::test]
async fn it_gives_up_on_a_server_that_is_not_there() {
    let server = Server::start(Manners::default()).await;
    let config = Config {
        give_up_s_max: 0,
        ..Config::new(server.gone().await)
    };
    let (_keep, stop) = watch::channel(false);
    let courier = Courier::new(config, "a".to_owned(), None);
    let (_, end) = courier.run(&mut numbers(1), stop).await;
    assert!(
        end.unwrap_err()
            .to_string()
            .contains("nothing acknowledged")
    );
}
