//! Retained messages at their limits: what is acknowledged is there, what has room is taken.

use crate::kit::{Client, House, config, hello, message, qos, retained, until, will};
use nhip_broker::codec::{Ack, Connect, Packet, Publish, Reason, Version, Will};
use nhip_broker::{Config, OpenAccess};
use std::{collections::HashMap, sync::Arc};

const TOPICS: u16 = 40;

/// Sends all of them before it reads an answer, while the log holds them back.
async fn pipelined(house: &House, client: &mut Client, publishes: &[Publish<'_>]) -> Vec<Reason> {
    house.log.hold();
    let mut out = Vec::new();
    for publish in publishes {
        Packet::Publish(*publish).write(client.version, &mut out);
    }
    client.send_bytes(&out).await;
    client.ping().await;
    house.log.commit();
    let mut reasons = Vec::new();
    for publish in publishes {
        match client.receive().await.packet() {
            Packet::Puback(ack) => {
                assert_eq!(ack.packet_id, publish.packet_id);
                reasons.push(ack.reason);
            }
            other => panic!("expected PUBACK, got {other:?}"),
        }
    }
    reasons
}

/// What a new subscriber gets.
pub async fn kept(house: &House, client: &str) -> HashMap<String, Vec<u8>> {
    let mut subscriber = Client::connect(house.tcp(), Version::V5, client).await;
    subscriber.subscribe("r/#", qos(0)).await;
    subscriber.send(Packet::Pingreq).await;
    let mut kept = HashMap::new();
    loop {
        let received = subscriber.receive().await;
        match received.packet() {
            Packet::Publish(publish) => {
                kept.insert(publish.topic.to_owned(), publish.payload.to_vec());
            }
            _ => return kept,
        }
    }
}

pub async fn limited(config: Config) -> (House, Client) {
    let house = House::with(config, Arc::new(OpenAccess)).await;
    let publisher = Client::connect(house.tcp(), Version::V5, "p").await;
    (house, publisher)
}

#[tokio::test]
async fn larger_messages_replace_the_older_as_long_as_there_is_room_and_not_beyond() {
    const FIT: usize = 31;
    const GROWTH: usize = 96;
    // 24 bytes of header, `p`, the topic and the payload.
    let older_bytes = usize::from(TOPICS) * (24 + 1 + 4 + 4);
    let (house, mut publisher) = limited(Config {
        retained_bytes_max: (older_bytes + FIT * GROWTH + GROWTH / 2) as u64,
        ..config()
    })
    .await;
    let topics: Vec<_> = (10..10 + TOPICS).map(|n| format!("r/{n}")).collect();
    let newer = "n".repeat(4 + GROWTH);
    for (payload, fit) in [("olds", topics.len()), (newer.as_str(), FIT)] {
        let publishes = |(id, topic)| retained(id, topic, payload);
        let publishes: Vec<_> = (1..)
            .zip(topics.iter().map(String::as_str))
            .map(publishes)
            .collect();
        let reasons = pipelined(&house, &mut publisher, &publishes).await;
        let (taken, refused) = reasons.split_at(fit);
        assert!(taken.iter().all(|reason| *reason == Reason::SUCCESS));
        assert!(
            refused
                .iter()
                .all(|reason| *reason == Reason::QUOTA_EXCEEDED)
        );
    }
    let kept = kept(&house, "s").await;
    for (at, topic) in topics.iter().enumerate() {
        let expected = if at < FIT { newer.as_str() } else { "olds" };
        assert_eq!(kept[topic], expected.as_bytes(), "{topic}");
    }
}

#[tokio::test]
async fn what_waits_for_the_fold_counts() {
    let (house, mut publisher) = limited(Config {
        retained_max: 2,
        ..config()
    })
    .await;
    let publishes = [
        retained(1, "r/1", "x"),
        retained(2, "r/2", "x"),
        retained(3, "r/1", "y"),
        retained(4, "r/3", "x"),
    ];
    let reasons = pipelined(&house, &mut publisher, &publishes).await;
    assert_eq!(reasons[..3], [Reason::SUCCESS; 3]);
    assert_eq!(reasons[3], Reason::QUOTA_EXCEEDED);
    let kept = kept(&house, "s").await;
    assert_eq!((kept.len(), &kept["r/1"][..]), (2, &b"y"[..]));
}

#[tokio::test]
async fn room_that_was_made_is_there_at_once() {
    let (house, mut publisher) = limited(Config {
        retained_max: 1,
        ..config()
    })
    .await;
    for round in 0..10 {
        for topic in ["r/1", "r/2"] {
            for payload in ["x", ""] {
                let reason = publisher.publish_acked(retained(1, topic, payload)).await;
                assert_eq!(reason, Reason::SUCCESS, "{round} {topic} {payload}");
            }
        }
    }
    // As the log has them, not as they are folded; and in one read.
    let publishes = [
        retained(1, "r/1", "x"),
        retained(2, "r/1", ""),
        retained(3, "r/2", "x"),
        retained(4, "r/1", "x"),
        retained(5, "r/2", ""),
        retained(6, "r/1", "kept"),
    ];
    let reasons = pipelined(&house, &mut publisher, &publishes).await;
    let refused: Vec<_> = reasons.iter().map(|reason| reason.is_error()).collect();
    assert_eq!(refused, [false, false, false, true, false, false]);
    let kept = kept(&house, "s").await;
    assert_eq!((kept.len(), &kept["r/1"][..]), (1, &b"kept"[..]));
}

#[tokio::test]
async fn a_full_log_changes_nothing_of_it() {
    let (house, mut publisher) = limited(Config {
        retained_max: 1,
        ..config()
    })
    .await;
    publisher.publish_acked(retained(1, "r/1", "x")).await;
    house.log.hold();
    house.log.limit(1);
    publisher.publish(message(1, 2, "x", "")).await;
    until("the log is full", || house.log.queued() == 1).await;
    // The room for the second is made by the first, which the log doesn't take yet.
    let mut out = Vec::new();
    for publish in [retained(3, "r/1", ""), retained(4, "r/2", "x")] {
        Packet::Publish(publish).write(Version::V5, &mut out);
    }
    publisher.send_bytes(&out).await;
    for id in 2..=4 {
        until("the log has it", || house.log.queued() == 1).await;
        house.log.commit();
        publisher.expect_ack(Packet::Puback, id).await;
    }
    assert_eq!(
        kept(&house, "s").await.into_keys().collect::<Vec<_>>(),
        ["r/2"]
    );
}

#[tokio::test]
async fn what_never_came_into_the_log_takes_no_room_not_even_from_its_clients_will() {
    let (house, mut publisher) = limited(Config {
        retained_max: 1,
        ..config()
    })
    .await;
    let connect = Connect {
        will: Some(Will {
            retain: true,
            ..will("r/2", "gone")
        }),
        ..hello(Version::V5, "l")
    };
    let (mut lost, _) = Client::enter(house.tcp(), connect).await;
    house.log.hold();
    house.log.limit(1);
    publisher.publish(message(1, 2, "x", "")).await;
    until("the log is full", || house.log.queued() == 1).await;
    let before = house.metrics.received_bytes.get();
    lost.publish(retained(1, "r/1", "x")).await;
    until("it waits for the log", || {
        house.metrics.received_bytes.get() > before
    })
    .await;
    let mut other = Client::open(house.tcp(), Version::V5).await;
    other.send(Packet::Connect(hello(Version::V5, "l"))).await;
    lost.expect_end(Reason::SESSION_TAKEN_OVER).await;
    until("the log has the will", || {
        house.log.commit();
        let messages = house.log.messages();
        messages.iter().any(|record| record.ends_with(b"gone"))
    })
    .await;
    house.log.commit();
    let kept = kept(&house, "s").await;
    assert_eq!((kept.len(), &kept["r/2"][..]), (1, &b"gone"[..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_publish_at_once_get_exactly_the_room_there_is() {
    const CLIENTS: usize = 20;
    const ROOM: usize = 50;
    let house = House::with(
        Config {
            retained_max: ROOM as u64,
            ..config()
        },
        Arc::new(OpenAccess),
    )
    .await;
    let mut tasks = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let address = house.tcp();
        tasks.spawn(async move {
            let mut publisher = Client::connect(address, Version::V5, &format!("p{client}")).await;
            let mut taken = Vec::new();
            for id in 1..=5 {
                let topic = format!("r/{client}/{id}");
                let reason = publisher.publish_acked(retained(id, &topic, "x")).await;
                if reason == Reason::SUCCESS {
                    taken.push(topic.clone());
                    let reason = publisher
                        .publish_acked(retained(id, &topic, "longer"))
                        .await;
                    assert_eq!(
                        reason,
                        Reason::SUCCESS,
                        "there is room for what it replaces"
                    );
                }
            }
            taken
        });
    }
    let taken = tasks.join_all().await.concat();
    assert_eq!(taken.len(), ROOM);
    let kept = kept(&house, "s").await;
    assert_eq!(kept.len(), ROOM);
    assert!(taken.iter().all(|topic| kept[topic] == b"longer"));
}

#[tokio::test]
async fn a_will_that_has_no_room_is_published_and_not_kept() {
    let (house, mut publisher) = limited(Config {
        retained_max: 1,
        ..config()
    })
    .await;
    publisher.publish_acked(retained(1, "r/1", "x")).await;
    let mut watcher = Client::connect(house.tcp(), Version::V5, "w").await;
    watcher.subscribe("r/#", qos(1)).await;
    let received = watcher.receive().await;
    let ack = Ack::success(received.publish().packet_id);
    watcher.send(Packet::Puback(ack)).await;
    for (client, topic) in [("a", "r/1"), ("b", "r/2")] {
        let will = Will {
            retain: true,
            ..will(topic, "gone")
        };
        let connect = Connect {
            will: Some(will),
            ..hello(Version::V5, client)
        };
        drop(Client::enter(house.tcp(), connect).await);
        let received = watcher.receive().await;
        assert_eq!(received.publish().topic, topic);
        let ack = Ack::success(received.publish().packet_id);
        watcher.send(Packet::Puback(ack)).await;
    }
    let kept = kept(&house, "s").await;
    assert_eq!((kept.len(), &kept["r/1"][..]), (1, &b"gone"[..]));
}
