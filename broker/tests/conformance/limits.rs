//! Bounds of the broker, at each and one beyond.

use crate::kit::{Client, House, config, durable, hello, message, qos, until};
use nhip_broker::codec::{
    Connect, Packet, Properties, Property, PropertyList, Reason, SubscribeOptions, Version,
};
use nhip_broker::{Config, OpenAccess};
use std::sync::Arc;

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
