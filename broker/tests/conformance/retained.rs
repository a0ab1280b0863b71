//! Retained messages.

use crate::kit::{Client, House, config, message, qos, retained, until};
use nhip_broker::codec::{Ack, Packet, Property, PropertyList, Publish, Reason, Version};
use nhip_broker::{Config, OpenAccess};
use std::sync::{Arc, atomic::Ordering};

const BOTH: [Version; 2] = [Version::V311, Version::V5];

#[tokio::test]
async fn a_retained_message_comes_with_its_flag_and_only_once() {
    for version in BOTH {
        let house = House::open().await;
        let mut publisher = Client::connect(house.tcp(), version, "p").await;
        publisher.publish_acked(retained(1, "r/1", "old")).await;
        publisher.publish_acked(retained(2, "r/1", "new")).await;
        let mut subscriber = Client::connect(house.tcp(), version, "s").await;
        subscriber.subscribe("r/+", qos(1)).await;
        let received = subscriber.receive().await;
        let publish = received.publish();
        assert_eq!((publish.payload, publish.retain), (&b"new"[..], true));
        subscriber.ping().await;
        // To those who are there it is an ordinary message.
        publisher.publish_acked(retained(3, "r/1", "live")).await;
        let received = subscriber.receive().await;
        assert_eq!(
            (received.publish().payload, received.publish().retain),
            (&b"live"[..], false)
        );
    }
}

#[tokio::test]
async fn retained_qos_0_is_logged_and_kept() {
    let house = House::open().await;
    let mut publisher = Client::connect(house.tcp(), Version::V311, "p").await;
    publisher.publish_acked(retained(1, "r", "older")).await;
    let publish = Publish {
        retain: true,
        ..message(0, 0, "r", "kept")
    };
    publisher.publish(publish).await;
    publisher.ping().await;
    let mut subscriber = Client::connect(house.tcp(), Version::V311, "s").await;
    subscriber.subscribe("#", qos(1)).await;
    assert_eq!(subscriber.receive().await.publish().payload, b"kept");
}

#[tokio::test]
async fn only_an_empty_payload_with_retain_clears() {
    let house = House::open().await;
    let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
    publisher.publish_acked(retained(1, "r", "kept")).await;
    publisher.publish_acked(message(1, 2, "r", "")).await;
    let mut subscriber = Client::connect(house.tcp(), Version::V5, "s").await;
    subscriber.subscribe("r", qos(0)).await;
    assert_eq!(subscriber.receive().await.publish().payload, b"kept");
    publisher.publish_acked(retained(3, "r", "")).await;
    assert_eq!(subscriber.receive().await.publish().payload, b"");
    let mut later = Client::connect(house.tcp(), Version::V5, "l").await;
    later.subscribe("r", qos(0)).await;
    later.ping().await;
}

#[tokio::test]
async fn retained_messages_survive_a_restart() {
    let house = House::open().await;
    let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
    for (id, topic) in [(1, "r/1"), (2, "r/2"), (3, "r/3")] {
        publisher.publish_acked(retained(id, topic, topic)).await;
    }
    publisher.publish_acked(retained(4, "r/2", "")).await;
    let house = house.reopen(config()).await;
    until("they are folded again", || {
        house.metrics.retained.get() == 2
    })
    .await;
    let mut subscriber = Client::connect(house.tcp(), Version::V5, "s").await;
    subscriber.subscribe("r/#", qos(1)).await;
    assert_eq!(subscriber.receive().await.publish().topic, "r/1");
    assert_eq!(subscriber.receive().await.publish().topic, "r/3");
}

#[tokio::test]
async fn one_retained_topic_too_many_is_refused() {
    let limited = nhip_broker::Config {
        retained_max: 1,
        ..config()
    };
    let house = House::with(limited, Arc::new(OpenAccess)).await;
    let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
    publisher.publish_acked(retained(1, "r/1", "x")).await;
    until("it is kept", || house.metrics.retained.get() == 1).await;
    let reason = publisher.publish_acked(retained(2, "r/2", "x")).await;
    assert_eq!(reason, Reason::QUOTA_EXCEEDED);
    let reason = publisher.publish_acked(retained(3, "r/1", "y")).await;
    assert_eq!(reason, Reason::SUCCESS);
}

#[tokio::test]
async fn messages_expire_and_tell_how_long_they_have_left() {
    let house = House::open().await;
    let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
    for (id, topic, expiry_s) in [(1, "r/short", 5), (2, "r/long", 60)] {
        let mut list = PropertyList::default();
        list.push(Property::MessageExpiry(expiry_s));
        let publish = Publish {
            properties: list.list(),
            ..retained(id, topic, "x")
        };
        publisher.publish_acked(publish).await;
    }
    house.now_us.fetch_add(10_000_000, Ordering::Relaxed);
    let mut subscriber = Client::connect(house.tcp(), Version::V5, "s").await;
    subscriber.subscribe("r/#", qos(1)).await;
    let received = subscriber.receive().await;
    assert_eq!(received.publish().topic, "r/long");
    let left = received.publish().properties.iter().next();
    assert_eq!(left, Some(Property::MessageExpiry(50)));
    subscriber.ping().await;
}

#[tokio::test]
async fn messages_that_expired_give_their_places_up_after_a_restart_too() {
    let limits = Config {
        retained_max: 2,
        ..config()
    };
    let expiring = |topic, expiry_s| {
        let mut list = PropertyList::default();
        list.push(Property::MessageExpiry(expiry_s));
        (topic, list)
    };
    let house = House::with(limits.clone(), Arc::new(OpenAccess)).await;
    let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
    for (topic, list) in [expiring("r/short", 5), expiring("r/long", 60)] {
        let publish = Publish {
            properties: list.list(),
            ..retained(1, topic, "x")
        };
        assert_eq!(publisher.publish_acked(publish).await, Reason::SUCCESS);
    }
    until("both are kept", || house.metrics.retained.get() == 2).await;
    let full = publisher.publish_acked(retained(1, "r/1", "x")).await;
    assert_eq!(full, Reason::QUOTA_EXCEEDED);
    house.now_us.fetch_add(5_000_000, Ordering::Relaxed);
    until("one is given up", || house.metrics.retained.get() == 1).await;
    for (topic, reason) in [("r/1", Reason::SUCCESS), ("r/2", Reason::QUOTA_EXCEEDED)] {
        let answer = publisher.publish_acked(retained(1, topic, "x")).await;
        assert_eq!(answer, reason, "{topic}");
    }
    until("it is kept", || house.metrics.retained.get() == 2).await;
    let house = house.reopen_after(limits, 60).await;
    until("the other is given up", || {
        house.metrics.retained.get() == 1
    })
    .await;
    let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
    let answer = publisher.publish_acked(retained(1, "r/2", "x")).await;
    assert_eq!(answer, Reason::SUCCESS);
    let mut subscriber = Client::connect(house.tcp(), Version::V5, "s").await;
    subscriber.subscribe("r/#", qos(0)).await;
    for topic in ["r/1", "r/2"] {
        assert_eq!(subscriber.receive().await.publish().topic, topic);
    }
    subscriber.ping().await;
}

#[tokio::test]
async fn retained_messages_are_found_among_many_that_nobody_reads() {
    const ROUNDS: u16 = 40;
    let house = House::open().await;
    let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
    for round in 1..=ROUNDS {
        let topic = format!("r/{round}");
        publisher.publish_acked(message(1, round, "x", "")).await;
        publisher
            .publish_acked(retained(round, &topic, "kept"))
            .await;
        publisher.publish_acked(message(1, round, "x", "")).await;
    }
    let mut subscriber = Client::connect(house.tcp(), Version::V5, "s").await;
    subscriber.subscribe("r/+", qos(1)).await;
    for _ in 0..ROUNDS {
        let received = subscriber.receive().await;
        assert_eq!(received.publish().payload, b"kept");
    }
}

#[tokio::test]
async fn more_retained_messages_than_a_session_queues_all_arrive() {
    let config = Config {
        session_queue_max: 10,
        inflight_max: 4,
        outgoing_bytes_max: 512,
        ..config()
    };
    for asked in [0, 1] {
        let house = House::with(config.clone(), Arc::new(OpenAccess)).await;
        let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
        let topics: Vec<_> = (100..400).map(|number| format!("r/{number}")).collect();
        for (id, topic) in (1..).zip(&topics) {
            publisher.publish_acked(retained(id, topic, "kept")).await;
        }
        let mut subscriber = Client::connect(house.tcp(), Version::V5, "s").await;
        subscriber.subscribe("r/+", qos(asked)).await;
        for topic in &topics {
            let received = subscriber.receive().await;
            let publish = received.publish();
            assert_eq!((publish.topic, publish.retain), (topic.as_str(), true));
            if asked == 1 {
                let ack = Ack::success(publish.packet_id);
                subscriber.send(Packet::Puback(ack)).await;
            }
        }
        subscriber.ping().await;
    }
}

#[tokio::test]
async fn retained_messages_take_so_many_bytes_in_all() {
    for version in [Version::V311, Version::V5] {
        // A message of this client takes so many bytes as a record.
        let each = {
            let house = House::open().await;
            let mut publisher = Client::connect(house.tcp(), version, "p").await;
            publisher.publish_acked(retained(1, "r/1", "four")).await;
            house.log.messages()[0].len() as u64
        };
        let limited = nhip_broker::Config {
            retained_bytes_max: 2 * each,
            ..config()
        };
        let house = House::with(limited, Arc::new(OpenAccess)).await;
        let mut publisher = Client::connect(house.tcp(), version, "p").await;
        for (count, topic) in [(1, "r/1"), (2, "r/2")] {
            publisher.publish_acked(retained(1, topic, "four")).await;
            until("it is kept", || house.metrics.retained.get() == count).await;
        }
        for replaced in ["abcd", "abc", "last"] {
            let reason = publisher.publish_acked(retained(2, "r/2", replaced)).await;
            assert_eq!(reason, Reason::SUCCESS, "{replaced}");
            let mut reader = Client::connect(house.tcp(), Version::V5, "folded").await;
            reader.subscribe("r/2", qos(1)).await;
            let received = reader.receive().await;
            assert_eq!(received.publish().payload, replaced.as_bytes());
        }
        for (topic, beyond) in [("r/2", "longer"), ("r/3", "x")] {
            let mut refused = Client::connect(house.tcp(), version, "q").await;
            match version {
                Version::V5 => {
                    let reason = refused.publish_acked(retained(3, topic, beyond)).await;
                    assert_eq!(reason, Reason::QUOTA_EXCEEDED, "{topic}");
                }
                Version::V311 => {
                    refused.publish(retained(3, topic, beyond)).await;
                    refused.expect_end(Reason::QUOTA_EXCEEDED).await;
                }
            }
        }
        // What makes room is taken again.
        publisher.publish_acked(retained(4, "r/1", "")).await;
        until("it is gone", || house.metrics.retained.get() == 1).await;
        publisher.publish_acked(retained(5, "r/3", "four")).await;
        until("it is kept", || house.metrics.retained.get() == 2).await;
    }
}
