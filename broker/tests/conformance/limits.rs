//! Bounds of the broker, at each and one beyond.

use crate::kit::{Client, House, config, durable, hello, message, qos, until};
use nhip_broker::codec::{
    Ack, Connect, Packet, Properties, Property, PropertyList, Reason, SubscribeOptions, Version,
};
use nhip_broker::{Config, OpenAccess};
use std::sync::Arc;
use tokio::io::AsyncWriteExt;

const BOTH: [Version; 2] = [Version::V311, Version::V5];

async fn house(config: Config) -> House {
    House::with(config, Arc::new(OpenAccess)).await
}

fn refused(version: Version, reason: Reason) -> u8 {
    match version {
        Version::V311 => 0x80,
        Version::V5 => reason.0,
    }
}

#[tokio::test]
async fn a_session_has_so_many_filters() {
    for version in BOTH {
        let house = house(Config {
            subscriptions_max: 2,
            ..config()
        })
        .await;
        let mut client = Client::connect(house.tcp(), version, "c").await;
        let quota = refused(version, Reason::QUOTA_EXCEEDED);
        let asked = ["a", "$share/g/b", "c"].map(|filter| (filter, qos(1)));
        assert_eq!(client.subscribe_all(&asked).await, [1, 1, quota]);
        assert_eq!(client.subscribe("a", qos(1)).await, 1, "it has it already");
        assert_eq!(client.subscribe("d", qos(1)).await, quota);
    }
}

#[tokio::test]
async fn there_are_so_many_sessions_connected_or_not() {
    for version in BOTH {
        let house = house(Config {
            sessions_max: 2,
            ..config()
        })
        .await;
        let (away, _) = Client::come(house.tcp(), durable(version, "away")).await;
        drop(away);
        until("it is away", || house.broker.connections() == 0).await;
        let here = Client::connect(house.tcp(), version, "here").await;
        let code = match version {
            Version::V311 => 3,
            Version::V5 => Reason::QUOTA_EXCEEDED.0,
        };
        let mut third = Client::open(house.tcp(), version).await;
        third.send(Packet::Connect(hello(version, "third"))).await;
        third.expect_refused(code).await;
        until("both are counted", || house.metrics.sessions.get() == 2).await;
        let (_back, present) = Client::come(house.tcp(), durable(version, "away")).await;
        assert!(present, "it has its place");
        drop((here, third));
        until("a place is free", || house.broker.connections() == 1).await;
        Client::connect(house.tcp(), version, "third")
            .await
            .ping()
            .await;
    }
}

#[tokio::test]
async fn topics_and_filters_are_so_long_and_so_deep() {
    let house = house(Config {
        topic_bytes_max: 8,
        topic_levels_max: 3,
        ..config()
    })
    .await;
    let mut client = Client::connect(house.tcp(), Version::V5, "c").await;
    for (name, taken) in [
        ("12345678", true),
        ("123456789", false),
        ("1/2/3", true),
        ("1/2/3/4", false),
    ] {
        let reason = client.publish_acked(message(1, 1, name, "x")).await;
        assert_eq!(reason == Reason::SUCCESS, taken, "{name}");
        assert!(taken || reason == Reason::TOPIC_NAME_INVALID);
        let expected = if taken {
            0
        } else {
            Reason::TOPIC_FILTER_INVALID.0
        };
        assert_eq!(
            client.subscribe(name, SubscribeOptions::default()).await,
            expected
        );
    }
}

#[tokio::test]
async fn a_session_lasts_so_long_and_is_told_so() {
    let house = house(Config {
        session_expiry_max_s: 60,
        ..config()
    })
    .await;
    for (asked, told) in [(60, None), (61, Some(60)), (u32::MAX, Some(60))] {
        let mut list = PropertyList::default();
        let connect = Connect {
            properties: list.push(Property::SessionExpiry(asked)).list(),
            ..hello(Version::V5, "c")
        };
        let (_client, connack) = Client::enter(house.tcp(), connect).await;
        let Packet::Connack(answer) = connack.packet() else {
            panic!("no CONNACK");
        };
        let said = answer
            .properties
            .iter()
            .find_map(|property| match property {
                Property::SessionExpiry(seconds) => Some(seconds),
                _ => None,
            });
        assert_eq!(said, told);
    }
}

#[tokio::test]
async fn connect_is_so_large() {
    for version in BOTH {
        let mut bytes = Vec::new();
        let username = "u".repeat(80);
        let connect = Connect {
            username: Some(&username),
            properties: Properties::EMPTY,
            ..hello(version, "c")
        };
        Packet::Connect(connect).write(version, &mut bytes);
        for (most, taken) in [(bytes.len(), true), (bytes.len() - 1, false)] {
            let house = house(Config {
                connect_bytes_max: most,
                ..config()
            })
            .await;
            let mut client = Client::open(house.tcp(), version).await;
            client.send_bytes(&bytes).await;
            let answer = client.receive_or_end().await;
            let accepted = answer.is_some_and(
                |answer| matches!(answer.packet(), Packet::Connack(connack) if connack.code == 0),
            );
            assert_eq!(accepted, taken, "{version:?}");
        }
    }
}

#[tokio::test]
async fn all_who_are_not_let_in_yet_hold_so_many_bytes() {
    // Room for four clients that have said next to nothing.
    let house = house(Config {
        unauthenticated_bytes_max: 4 * 512,
        ..config()
    })
    .await;
    let busy = house.metrics.refused.with_label_values(&["server_busy"]);
    let mut hello_bytes = Vec::new();
    let mut waiting = Vec::new();
    for number in 0..5 {
        let mut client = Client::open(house.tcp(), Version::V5).await;
        client.send_bytes(&[0x10]).await;
        waiting.push(client);
        until("it is counted or refused", || number < 4 || busy.get() == 1).await;
    }
    // Of those that hold as much, whoever came first gives way.
    for (number, mut client) in waiting.into_iter().enumerate() {
        let id = format!("client-{number}");
        hello_bytes.clear();
        Packet::Connect(hello(Version::V5, &id)).write(Version::V5, &mut hello_bytes);
        let _ = client.stream.write_all(&hello_bytes[1..]).await;
        let ended = client.receive_or_end().await.is_none();
        assert_eq!(ended, number == 0, "{number}");
    }
    assert_eq!(busy.get(), 1);
    // They are let in, and there is room again.
    for id in ["one", "two", "three", "four", "five", "six"] {
        let mut client = Client::connect(house.tcp(), Version::V5, id).await;
        client.ping().await;
    }
}

#[tokio::test]
async fn a_crowd_that_never_ends_its_connect_locks_nobody_out() {
    let house = house(Config {
        unauthenticated_bytes_max: 64 << 10,
        ..config()
    })
    .await;
    let busy = house.metrics.refused.with_label_values(&["server_busy"]);
    // A CONNECT of 16,000 bytes, of which 15,000 come.
    let mut begun = vec![0x10, 0x80, 0x7d, 0, 4];
    begun.extend_from_slice(b"MQTT");
    begun.resize(15_000, 0);
    let mut crowd = Vec::new();
    for number in 0..12 {
        let mut client = Client::open(house.tcp(), Version::V5).await;
        client.send_bytes(&begun).await;
        crowd.push(client);
        until("there is room for so many", || busy.get() + 4 >= number).await;
    }
    for version in BOTH {
        for id in ["one", "two", "three"] {
            Client::connect(house.tcp(), version, id).await.ping().await;
        }
    }
}

#[tokio::test]
async fn so_many_messages_are_in_a_clients_hands() {
    for version in BOTH {
        let house = house(Config {
            inflight_max: 3,
            ..config()
        })
        .await;
        let mut subscriber = Client::connect(house.tcp(), version, "s").await;
        subscriber.subscribe("a", qos(1)).await;
        let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
        for id in 1..=4 {
            publisher.publish_acked(message(1, id, "a", "x")).await;
        }
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(subscriber.receive().await.publish().packet_id);
        }
        // The fourth is not sent before one of the three is acknowledged.
        until("it waits", || house.metrics.publishes.get() == 4).await;
        subscriber.ping().await;
        subscriber.send(Packet::Puback(Ack::success(held[0]))).await;
        assert!(!held.contains(&subscriber.receive().await.publish().packet_id));
        subscriber.ping().await;
    }
}

#[tokio::test]
async fn so_many_messages_wait_in_memory_for_a_client() {
    for version in BOTH {
        let house = house(Config {
            inflight_max: 2,
            session_queue_max: 3,
            ..config()
        })
        .await;
        let mut subscriber = Client::connect(house.tcp(), version, "s").await;
        subscriber.subscribe("a", qos(1)).await;
        let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
        for id in 1..=5 {
            publisher.publish_acked(message(1, id, "a", "x")).await;
        }
        until("all are offered", || house.metrics.delivered.get() == 5).await;
        assert_eq!(house.metrics.sessions_behind.get(), 0);
        publisher.publish_acked(message(1, 6, "a", "x")).await;
        until("it is behind", || house.metrics.sessions_behind.get() == 1).await;
        for _ in 0..6 {
            let id = subscriber.receive().await.publish().packet_id;
            subscriber.send(Packet::Puback(Ack::success(id))).await;
        }
        subscriber.ping().await;
    }
}

#[tokio::test]
async fn a_message_may_be_larger_than_what_waits_for_one_client() {
    let house = house(Config {
        outgoing_bytes_max: 64 << 10,
        session_queue_bytes_max: 64 << 10,
        packet_bytes_max: 16 << 20,
        ..config()
    })
    .await;
    for (granted, bytes) in [(0, 3 << 20), (1, 7 << 20)] {
        let large = "x".repeat(bytes);
        let mut subscriber = Client::connect(house.tcp(), Version::V5, "s").await;
        subscriber.subscribe("a", qos(granted)).await;
        let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
        publisher.publish_acked(message(1, 1, "a", &large)).await;
        let received = subscriber.receive().await;
        assert_eq!(received.publish().payload.len(), large.len(), "{granted}");
        subscriber.ping().await;
    }
}

#[tokio::test]
async fn a_session_that_the_log_has_no_room_for_is_refused_in_time() {
    for version in BOTH {
        let house = house(Config {
            connect_timeout_s: 1,
            ..config()
        })
        .await;
        house.log.limit(0);
        let mut refused = Client::open(house.tcp(), version).await;
        refused.send(Packet::Connect(durable(version, "s"))).await;
        refused
            .expect_refused(if version == Version::V5 { 0x88 } else { 3 })
            .await;
        // Who has nothing to keep is let in.
        Client::connect(house.tcp(), version, "t")
            .await
            .ping()
            .await;
        house.log.limit(usize::MAX);
        Client::come(house.tcp(), durable(version, "s"))
            .await
            .0
            .ping()
            .await;
    }
}
