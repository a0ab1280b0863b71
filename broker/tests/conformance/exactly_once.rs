//! QoS 2 in both directions, through lost connections and restarts.

use crate::kit::{Client, House, Rules, config, durable, message, qos, until};
use nhip_broker::codec::{Ack, Connect, Packet, Property, PropertyList, Publish, Reason, Version};
use std::sync::{Arc, atomic::Ordering};

const BOTH: [Version; 2] = [Version::V311, Version::V5];

#[tokio::test]
async fn pubrec_and_pubcomp_follow_their_commits() {
    for version in BOTH {
        let house = House::open().await;
        let (mut client, _) = Client::come(house.tcp(), durable(version, "c")).await;
        house.log.hold();
        client.publish(message(2, 9, "a/b", "x")).await;
        until("the record is queued", || house.log.queued() == 1).await;
        client.ping().await;
        house.log.commit();
        client.expect_ack(Packet::Pubrec, 9).await;
        client.send(Packet::Pubrel(Ack::success(9))).await;
        until("the release is queued", || house.log.queued() == 1).await;
        client.ping().await;
        house.log.commit();
        client.expect_ack(Packet::Pubcomp, 9).await;
    }
}

#[tokio::test]
async fn a_repeated_publish_is_answered_and_not_logged_again() {
    for version in BOTH {
        for connect in [durable(version, "c"), crate::kit::hello(version, "c")] {
            let house = House::open().await;
            let (mut client, _) = Client::come(house.tcp(), connect).await;
            for dup in [false, true, true] {
                let publish = Publish {
                    dup,
                    ..message(2, 9, "a/b", "x")
                };
                client.publish(publish).await;
                client.expect_ack(Packet::Pubrec, 9).await;
            }
            assert_eq!(house.log.messages().len(), 1);
            client.send(Packet::Pubrel(Ack::success(9))).await;
            client.expect_ack(Packet::Pubcomp, 9).await;
            // The id stands for another message now.
            client.publish(message(2, 9, "a/b", "y")).await;
            client.expect_ack(Packet::Pubrec, 9).await;
            assert_eq!(house.log.messages().len(), 2);
        }
    }
}

#[tokio::test]
async fn what_expired_is_still_acknowledged_to_its_end() {
    let house = House::open().await;
    let mut client = Client::connect(house.tcp(), Version::V5, "c").await;
    let mut list = PropertyList::default();
    list.push(Property::MessageExpiry(5));
    let mut publish = Publish {
        properties: list.list(),
        ..message(2, 9, "a", "x")
    };
    client.publish(publish).await;
    client.expect_ack(Packet::Pubrec, 9).await;
    house.now_us.fetch_add(10_000_000, Ordering::Relaxed);
    publish.dup = true;
    client.publish(publish).await;
    client.expect_ack(Packet::Pubrec, 9).await;
    assert_eq!(house.log.messages().len(), 1);
    client.send(Packet::Pubrel(Ack::success(9))).await;
    client.expect_ack(Packet::Pubcomp, 9).await;
}

#[tokio::test]
async fn a_held_packet_id_is_held_through_reconnects_and_restarts() {
    for version in BOTH {
        let mut house = House::open().await;
        let connect = durable(version, "c");
        let (mut client, _) = Client::come(house.tcp(), connect).await;
        client.publish(message(2, 9, "a/b", "x")).await;
        client.expect_ack(Packet::Pubrec, 9).await;
        for restart in [false, true] {
            drop(client);
            if restart {
                house = house.reopen(config()).await;
            }
            let present;
            (client, present) = Client::come(house.tcp(), connect).await;
            assert!(present);
            let publish = Publish {
                dup: true,
                ..message(2, 9, "a/b", "x")
            };
            client.publish(publish).await;
            client.expect_ack(Packet::Pubrec, 9).await;
            assert_eq!(house.log.messages().len(), 1);
        }
        client.send(Packet::Pubrel(Ack::success(9))).await;
        client.expect_ack(Packet::Pubcomp, 9).await;
        drop(client);
        let house = house.reopen(config()).await;
        let (mut client, _) = Client::come(house.tcp(), connect).await;
        client.publish(message(2, 9, "a/b", "another")).await;
        client.expect_ack(Packet::Pubrec, 9).await;
        assert_eq!(house.log.messages().len(), 2);
    }
}

#[tokio::test]
async fn unknown_packet_ids_are_answered_as_such() {
    let house = House::open().await;
    let mut client = Client::connect(house.tcp(), Version::V5, "c").await;
    let unknown = Reason::PACKET_IDENTIFIER_NOT_FOUND;
    client.send(Packet::Pubrel(Ack::success(5))).await;
    client.expect_answer(Packet::Pubcomp, 5, unknown).await;
    client.send(Packet::Pubrec(Ack::success(5))).await;
    client.expect_answer(Packet::Pubrel, 5, unknown).await;
    client.send(Packet::Pubcomp(Ack::success(5))).await;
    client.ping().await;
}

#[tokio::test]
async fn a_refused_publish_with_qos_2_has_its_reason_in_pubrec() {
    let house = House::with(config(), Arc::new(Rules)).await;
    let mut client = Client::connect(house.tcp(), Version::V5, "c").await;
    client.publish(message(2, 9, "forbidden/x", "x")).await;
    let reason = Reason::NOT_AUTHORIZED;
    client.expect_answer(Packet::Pubrec, 9, reason).await;
    // The id is free at once.
    client.publish(message(2, 9, "a", "x")).await;
    client.expect_ack(Packet::Pubrec, 9).await;
}

#[tokio::test]
async fn a_subscriber_gets_a_message_with_qos_2_step_by_step() {
    for version in BOTH {
        let house = House::open().await;
        let mut subscriber = Client::connect(house.tcp(), version, "s").await;
        assert_eq!(subscriber.subscribe("a", qos(2)).await, 2);
        let mut publisher = Client::connect(house.tcp(), version, "p").await;
        publisher.publish(message(2, 1, "a", "x")).await;
        publisher.expect_ack(Packet::Pubrec, 1).await;
        let received = subscriber.receive().await;
        let publish = received.publish();
        assert_eq!((publish.qos, publish.dup), (2, false));
        assert_eq!(publish.payload, b"x");
        let id = publish.packet_id;
        for _ in 0..2 {
            subscriber.send(Packet::Pubrec(Ack::success(id))).await;
            subscriber.expect_ack(Packet::Pubrel, id).await;
        }
        subscriber.send(Packet::Pubcomp(Ack::success(id))).await;
        subscriber.ping().await;
    }
}

#[tokio::test]
async fn what_a_subscriber_has_received_is_never_sent_again() {
    for version in BOTH {
        for restarts in [false, true] {
            let mut house = House::open().await;
            let connect = durable(version, "s");
            let (mut subscriber, _) = Client::come(house.tcp(), connect).await;
            subscriber.subscribe("a", qos(2)).await;
            let mut publisher = Client::connect(house.tcp(), version, "p").await;
            for (id, payload) in [(1, "one"), (2, "two")] {
                publisher.publish(message(2, id, "a", payload)).await;
                publisher.expect_ack(Packet::Pubrec, id).await;
            }
            let one = subscriber.receive().await.publish().packet_id;
            let two = subscriber.receive().await.publish().packet_id;
            subscriber.send(Packet::Pubrec(Ack::success(two))).await;
            subscriber.expect_ack(Packet::Pubrel, two).await;
            for _ in 0..2 {
                drop(subscriber);
                if restarts {
                    drop(publisher);
                    house = house.reopen(config()).await;
                    publisher = Client::connect(house.tcp(), version, "p").await;
                }
                let present;
                (subscriber, present) = Client::come(house.tcp(), connect).await;
                assert!(present);
                subscriber.expect_ack(Packet::Pubrel, two).await;
                let again = subscriber.receive().await;
                let publish = again.publish();
                assert_eq!((publish.packet_id, publish.dup), (one, true));
                assert_eq!(publish.payload, b"one");
            }
            subscriber.send(Packet::Pubcomp(Ack::success(two))).await;
            subscriber.send(Packet::Pubrec(Ack::success(one))).await;
            subscriber.expect_ack(Packet::Pubrel, one).await;
            subscriber.send(Packet::Pubcomp(Ack::success(one))).await;
            subscriber.ping().await;
            drop(subscriber);
            let (mut subscriber, _) = Client::come(house.tcp(), connect).await;
            publisher.publish(message(2, 3, "a", "three")).await;
            assert_eq!(subscriber.receive().await.publish().payload, b"three");
        }
    }
}

#[tokio::test]
async fn what_awaits_pubcomp_counts_against_receive_maximum_on_the_next_connection() {
    let house = House::open().await;
    let mut list = PropertyList::default();
    list.push(Property::ReceiveMaximum(2))
        .push(Property::SessionExpiry(60));
    let connect = Connect {
        properties: list.list(),
        ..durable(Version::V5, "s")
    };
    let (mut subscriber, _) = Client::come(house.tcp(), connect).await;
    subscriber.subscribe("a", qos(2)).await;
    let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
    for id in 1..=6 {
        publisher.publish(message(2, id, "a", "x")).await;
        publisher.expect_ack(Packet::Pubrec, id).await;
    }
    // Both before the first PUBREC: the second may come before the first one's PUBREL otherwise.
    let mut held = Vec::new();
    for _ in 0..2 {
        held.push(subscriber.receive().await.publish().packet_id);
    }
    for id in &held {
        subscriber.send(Packet::Pubrec(Ack::success(*id))).await;
        subscriber.expect_ack(Packet::Pubrel, *id).await;
    }
    for _ in 0..3 {
        drop(subscriber);
        (subscriber, _) = Client::come(house.tcp(), connect).await;
        for id in &held {
            subscriber.expect_ack(Packet::Pubrel, *id).await;
        }
        // The window is full, so the next packet is not a message.
        subscriber.ping().await;
    }
    for id in held {
        subscriber.send(Packet::Pubcomp(Ack::success(id))).await;
        assert_eq!(subscriber.receive().await.publish().payload, b"x");
        subscriber.ping().await;
    }
}

#[tokio::test]
async fn a_subscriber_that_refuses_a_message_with_qos_2_gets_the_next() {
    let house = House::open().await;
    let connect = durable(Version::V5, "s");
    let (mut subscriber, _) = Client::come(house.tcp(), connect).await;
    subscriber.subscribe("a", qos(2)).await;
    let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
    publisher.publish(message(2, 1, "a", "no")).await;
    let id = subscriber.receive().await.publish().packet_id;
    let refused = Ack::with(id, Reason::QUOTA_EXCEEDED);
    let before = house.log.records().len();
    subscriber.send(Packet::Pubrec(refused)).await;
    subscriber.ping().await;
    // Received and completed: a crash forgets neither.
    assert_eq!(house.log.records().len(), before + 2);
    publisher.publish(message(2, 2, "a", "yes")).await;
    assert_eq!(subscriber.receive().await.publish().payload, b"yes");
    // What it refused is over on its next connection too.
    let (mut subscriber, _) = Client::come(house.tcp(), connect).await;
    let again = subscriber.receive().await;
    assert_eq!(
        (again.publish().payload, again.publish().dup),
        (&b"yes"[..], true)
    );
    // And after a restart.
    let house = house.reopen(config()).await;
    let (mut subscriber, present) = Client::come(house.tcp(), connect).await;
    assert!(present);
    let again = subscriber.receive().await;
    assert_eq!(again.publish().payload, b"yes");
}
