//! What one client may take of the broker.

use crate::kit::{Client, House, PATIENCE, config, hello, message, qos, until};
use nhip_broker::codec::{Connect, Packet, Version};
use nhip_broker::{Config, OpenAccess};
use std::sync::Arc;
use std::time::{Duration, Instant};

async fn house(config: Config) -> House {
    House::with(config, Arc::new(OpenAccess)).await
}

/// Sends publishes with these packet ids in one go.
async fn flood(client: &mut Client, ids: std::ops::RangeInclusive<u16>, payload: &str) {
    let mut bytes = Vec::new();
    for id in ids {
        Packet::Publish(message(1, id, "a", payload)).write(client.version, &mut bytes);
    }
    client.send_bytes(&bytes).await;
}

async fn acknowledged(client: &mut Client, ids: std::ops::RangeInclusive<u16>) {
    for id in ids {
        client.expect_ack(Packet::Puback, id).await;
    }
}

#[tokio::test]
async fn a_client_above_its_rate_waits_for_the_next_second_and_no_other_does() {
    for version in [Version::V311, Version::V5] {
        let house = house(Config {
            publishes_per_s_max: 50,
            ..config()
        })
        .await;
        let mut noisy = Client::connect(house.tcp(), version, "noisy").await;
        let mut quiet = Client::connect(house.tcp(), version, "quiet").await;
        let begun = Instant::now();
        flood(&mut noisy, 1..=170, "x").await;
        acknowledged(&mut noisy, 1..=50).await;
        quiet.publish_acked(message(1, 1, "b", "x")).await;
        assert!(begun.elapsed() < PATIENCE);
        acknowledged(&mut noisy, 51..=170).await;
        // Fifty at once and after each of three seconds, of which the first may be nearly over.
        assert!(begun.elapsed() >= Duration::from_secs(2));
        assert!(house.metrics.throttled.get() >= 2);
    }
}

#[tokio::test]
async fn a_client_that_waits_for_its_turn_is_not_silent() {
    let house = house(Config {
        publishes_per_s_max: 10,
        ..config()
    })
    .await;
    let connect = Connect {
        keep_alive_s: 1,
        ..hello(Version::V5, "noisy")
    };
    let (mut noisy, _) = Client::enter(house.tcp(), connect).await;
    // All of it is read at once, and worked off in longer than its keep-alive allows.
    flood(&mut noisy, 1..=60, "x").await;
    acknowledged(&mut noisy, 1..=60).await;
    noisy.ping().await;
}

#[tokio::test]
async fn a_client_at_its_rate_is_not_held_up() {
    let house = house(Config {
        publishes_per_s_max: 50,
        received_bytes_per_s_max: 10_000,
        ..config()
    })
    .await;
    let mut client = Client::connect(house.tcp(), Version::V5, "c").await;
    flood(&mut client, 1..=49, "x").await;
    acknowledged(&mut client, 1..=49).await;
    client.ping().await;
    assert_eq!(house.metrics.throttled.get(), 0);
}

#[tokio::test]
async fn bytes_above_the_rate_wait_too() {
    let house = house(Config {
        received_bytes_per_s_max: 10_000,
        ..config()
    })
    .await;
    let mut client = Client::connect(house.tcp(), Version::V5, "c").await;
    let begun = Instant::now();
    // 35 kB: what is above the first 10 kB is owed before the next is read.
    flood(&mut client, 1..=35, &"x".repeat(990)).await;
    acknowledged(&mut client, 1..=35).await;
    client.ping().await;
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert!(house.metrics.throttled.get() >= 2);
}

#[tokio::test]
async fn a_client_has_so_many_bytes_on_their_way_into_the_log_and_others_have_room() {
    /// Those of the bound, of one read and of one packet, rounded up.
    const MOST: usize = 8;
    for (qos, topic) in [(1, "a"), (0, "devices/a/readings/json")] {
        let house = house(Config {
            receive_bytes_max: 4096,
            ..config()
        })
        .await;
        house.log.hold();
        let mut noisy = Client::connect(house.tcp(), Version::V311, "noisy").await;
        let mut quiet = Client::connect(house.tcp(), Version::V311, "quiet").await;
        let (mut bytes, payload) = (Vec::new(), "x".repeat(10_000));
        for id in 1..=60 {
            let id = id * u16::from(qos);
            Packet::Publish(message(qos, id, topic, &payload)).write(noisy.version, &mut bytes);
        }
        noisy.send_bytes(&bytes).await;
        for id in 1.. {
            until("some are queued", || house.log.queued() > 0).await;
            for _ in 0..5 {
                quiet.ping().await;
            }
            assert!((1..=MOST).contains(&house.log.queued()));
            quiet.publish(message(1, id, "b", "x")).await;
            let is_quiet = |record: &&Vec<u8>| record.ends_with(b"quietbx");
            until("there is room for the other", || {
                house.log.records().iter().filter(is_quiet).count() == usize::from(id)
            })
            .await;
            house.log.commit();
            quiet.expect_ack(Packet::Puback, id).await;
            if house.log.records().len() == 60 + usize::from(id) {
                break;
            }
        }
        house.log.commit();
        if qos == 1 {
            acknowledged(&mut noisy, 1..=60).await;
        }
        noisy.ping().await;
    }
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_its_places_come_back() {
    let house = house(Config {
        connections_per_address_max: 2,
        ..config()
    })
    .await;
    let first = Client::connect(house.tcp(), Version::V5, "one").await;
    let mut second = Client::connect(house.tcp(), Version::V5, "two").await;
    let mut third = Client::open(house.tcp(), Version::V5).await;
    assert!(third.receive_or_end().await.is_none());
    drop(first);
    until("its place is free", || house.broker.connections() == 1).await;
    let mut fourth = Client::connect(house.tcp(), Version::V5, "four").await;
    fourth.ping().await;
    second.ping().await;
}

#[tokio::test]
async fn a_refused_client_keeps_its_place_no_longer_for_not_closing() {
    let house = house(Config {
        connect_timeout_s: 3600,
        ..config()
    })
    .await;
    let mut refused = Client::open(house.tcp(), Version::V5).await;
    let long = "x".repeat(config().client_id_bytes_max + 1);
    refused
        .send(Packet::Connect(hello(Version::V5, &long)))
        .await;
    let answer = refused.receive().await;
    assert!(matches!(answer.packet(), Packet::Connack(connack) if connack.code >= 0x80));
    until("its place is free", || house.broker.connections() == 0).await;
}

#[tokio::test]
async fn dollar_sys_tells_at_once_and_again_what_the_broker_does() {
    let house = house(Config {
        sys_interval_s: 1,
        ..config()
    })
    .await;
    let mut client = Client::connect(house.tcp(), Version::V5, "c").await;
    client.publish_acked(message(1, 1, "a", "x")).await;
    client
        .subscribe("$SYS/broker/publish/messages/received", qos(1))
        .await;
    let first = client.receive().await;
    assert_eq!(first.publish().payload, b"1");
    assert!(first.publish().retain);
    let again = client.receive().await;
    assert_eq!(again.publish().payload, b"1");
    assert!(!again.publish().retain);
    let mut all = Client::connect(house.tcp(), Version::V311, "all").await;
    all.subscribe("$SYS/#", qos(0)).await;
    let mut topics = Vec::new();
    for _ in 0..13 {
        topics.push(all.receive().await.publish().topic.to_owned());
    }
    for topic in ["version", "uptime", "clients/connected", "bytes/received"] {
        let topic = format!("$SYS/broker/{topic}");
        assert!(topics.contains(&topic), "{topic}");
    }
}
