//! Messages of the platform itself, which aren't in the log.

use crate::kit::{Client, House, config, hello, message, qos};
use nhip_broker::OpenAccess;
use nhip_broker::codec::{Ack, Connect, Packet, Property, PropertyList, Version};
use std::sync::{Arc, atomic::Ordering};

/// A house whose sessions keep ten messages in memory.
async fn narrow() -> House {
    let narrow = nhip_broker::Config {
        session_queue_max: 10,
        ..config()
    };
    House::with(narrow, Arc::new(OpenAccess)).await
}

/// A subscriber that takes five at a time.
async fn slow(house: &House, asked: u8) -> Client {
    let mut list = PropertyList::default();
    let connect = Connect {
        properties: list.push(Property::ReceiveMaximum(5)).list(),
        ..hello(Version::V5, "slow")
    };
    let (mut client, _) = Client::enter(house.tcp(), connect).await;
    client.subscribe("live/#", qos(asked)).await;
    client
}

async fn take(client: &mut Client, places: std::ops::Range<u64>) {
    for place in places {
        let received = client.receive().await;
        let publish = received.publish();
        assert_eq!(publish.payload, place.to_string().as_bytes());
        assert_eq!(publish.topic, format!("live/{place}"));
        client
            .send(Packet::Puback(Ack::success(publish.packet_id)))
            .await;
    }
}

#[tokio::test]
async fn a_burst_of_live_messages_waits_for_a_slow_subscriber() {
    for asked in [1, 2] {
        let house = narrow().await;
        let mut client = slow(&house, asked).await;
        house.publish_live(1..2_001).await;
        take(&mut client, 1..2_001).await;
        house.publish_live(2_001..2_100).await;
        take(&mut client, 2_001..2_100).await;
        client.ping().await;
        assert!(house.live.reads.load(Ordering::Relaxed) > 0, "never behind");
        let dropped = house
            .metrics
            .dropped
            .with_label_values(&["session_queue_full"]);
        assert_eq!(dropped.get(), 0);
    }
}

#[tokio::test]
async fn live_messages_that_can_not_be_made_again_are_passed_over_and_counted() {
    let house = narrow().await;
    let mut client = slow(&house, 1).await;
    house.publish_live(1..101).await;
    house.live.places.lock().start = 60;
    // What it has in memory, and what there still is.
    let mut last = 0;
    while last < 100 {
        let received = client.receive().await;
        let publish = received.publish();
        let place: u64 = std::str::from_utf8(publish.payload)
            .unwrap()
            .parse()
            .unwrap();
        assert!(place == last + 1 || place == 60, "{place} after {last}");
        last = place;
        let ack = Ack::success(publish.packet_id);
        client.send(Packet::Puback(ack)).await;
    }
    let dropped = house.metrics.dropped.with_label_values(&["log_trimmed"]);
    assert_eq!(dropped.get(), 1);
}

#[tokio::test]
async fn a_session_behind_with_the_log_loses_no_live_message_either() {
    let house = narrow().await;
    let mut client = slow(&house, 1).await;
    client.subscribe("a", qos(1)).await;
    let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
    for place in 1..=100 {
        house.publish_live(place..place + 1).await;
        publisher.publish_acked(message(1, 1, "a", "x")).await;
    }
    let (mut live, mut logged) = (0, 0);
    while live < 100 || logged < 100 {
        let received = client.receive().await;
        let publish = received.publish();
        match publish.topic {
            "a" => logged += 1,
            _ => {
                live += 1;
                assert_eq!(publish.payload, live.to_string().as_bytes());
            }
        }
        let ack = Ack::success(publish.packet_id);
        client.send(Packet::Puback(ack)).await;
    }
    client.ping().await;
}
