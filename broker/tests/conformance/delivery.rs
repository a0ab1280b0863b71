//! Subscriptions, options, rights, limits of a subscriber.

use crate::kit::{Client, House, Rules, config, hello, message, qos, retained, until, will};
use nhip_broker::LiveMessage;
use nhip_broker::OpenAccess;
use nhip_broker::codec::{
    Ack, Connect, Packet, Property, PropertyList, Publish, Reason, RetainHandling,
    SubscribeOptions, Unsubscribe, Version,
};
use std::sync::Arc;

#[tokio::test]
async fn subscription_options_are_honoured() {
    let house = House::open().await;
    let mut client = Client::connect(house.tcp(), Version::V5, "c").await;
    let mut other = Client::connect(house.tcp(), Version::V5, "o").await;
    other.publish_acked(retained(1, "r", "x")).await;
    let never = SubscribeOptions {
        retain_handling: RetainHandling::Never,
        no_local: true,
        retain_as_published: true,
        ..qos(1)
    };
    client.subscribe("r", never).await;
    client.ping().await;
    client.publish_acked(message(1, 1, "r", "own")).await;
    other.publish_acked(retained(2, "r", "theirs")).await;
    let received = client.receive().await;
    assert_eq!(
        (received.publish().payload, received.publish().retain),
        (&b"theirs"[..], true)
    );
    let if_new = SubscribeOptions {
        retain_handling: RetainHandling::SendIfNew,
        ..qos(1)
    };
    client.subscribe("r", if_new).await;
    client.ping().await;
    other.subscribe("r", if_new).await;
    assert_eq!(other.receive().await.publish().payload, b"theirs");
}

#[tokio::test]
async fn overlapping_filters_bring_one_message_with_both_identifiers() {
    let both = [3, 268_435_455].map(Property::SubscriptionIdentifier);
    for (version, expected) in [(Version::V5, &both[..]), (Version::V311, &[][..])] {
        let house = House::open().await;
        let mut client = Client::connect(house.tcp(), version, "c").await;
        for (filter, identifier, most) in [("a/#", 3, 0), ("a/b", 268_435_455, 1)] {
            let mut list = PropertyList::default();
            list.push(Property::SubscriptionIdentifier(identifier));
            client
                .subscribe_with(&[(filter, qos(most))], list.list())
                .await;
        }
        let mut publisher = Client::connect(house.tcp(), version, "p").await;
        publisher.publish_acked(message(1, 1, "a/b", "x")).await;
        let received = client.receive().await;
        let mut identifiers: Vec<_> = received.publish().properties.iter().collect();
        identifiers.sort_by_key(|property| match property {
            Property::SubscriptionIdentifier(id) => *id,
            _ => 0,
        });
        assert_eq!(identifiers, expected);
        assert_eq!(received.publish().qos, 1);
        client.ping().await;
    }
}

#[tokio::test]
async fn unsubscribing_ends_the_delivery() {
    let house = House::open().await;
    let mut client = Client::connect(house.tcp(), Version::V5, "c").await;
    client.subscribe("a", qos(1)).await;
    let mut buffer = Vec::new();
    let names = [("a", qos(0)), ("never", qos(0))];
    let filters = nhip_broker::codec::Filters::of(names, false, Version::V5, &mut buffer);
    client
        .send(Packet::Unsubscribe(Unsubscribe {
            packet_id: 5,
            properties: nhip_broker::codec::Properties::EMPTY,
            filters,
        }))
        .await;
    let answer = client.receive().await;
    assert!(matches!(answer.packet(), Packet::Unsuback(u) if u.codes == [0, 0x11]));
    assert!(!house.broker.has_subscriber("a"));
}

#[tokio::test]
async fn fault_13_rights_are_asked_filter_by_filter_and_at_every_way_in() {
    let house = House::with(config(), Arc::new(Rules)).await;
    let mut client = Client::connect(house.tcp(), Version::V5, "c").await;
    let codes = client
        .subscribe_all(&[("forbidden/x", qos(1)), ("#", qos(1))])
        .await;
    assert_eq!(codes, [0x87, 1]);
    let reason = client
        .publish_acked(message(1, 1, "forbidden/x", "x"))
        .await;
    assert_eq!(reason, Reason::NOT_AUTHORIZED);
    let mut through_will = Client::open(house.tcp(), Version::V5).await;
    let connect = Connect {
        will: Some(will("forbidden/x", "x")),
        ..hello(Version::V5, "w")
    };
    through_will.send(Packet::Connect(connect)).await;
    through_will.expect_refused(0x87).await;
    let mut old = Client::connect(house.tcp(), Version::V311, "old").await;
    old.publish(message(1, 1, "forbidden/x", "x")).await;
    old.expect_end(Reason::NOT_AUTHORIZED).await;
    // The platform may publish there, and a wide filter still doesn't show it.
    house
        .broker
        .publish_retained("forbidden/x", b"secret")
        .await;
    house.broker.publish_retained("open", b"said").await;
    assert_eq!(client.receive().await.publish().topic, "open");
    let mut later = Client::connect(house.tcp(), Version::V5, "l").await;
    later.subscribe("#", qos(1)).await;
    assert_eq!(later.receive().await.publish().topic, "open");
    later.ping().await;
}

fn said<'a>(topic: &'a str, payload: &'a [u8]) -> LiveMessage<'a> {
    LiveMessage {
        place: 0,
        topic,
        payload,
    }
}

#[tokio::test]
async fn leading_wildcards_take_no_dollar_topics() {
    let house = House::open().await;
    let mut client = Client::connect(house.tcp(), Version::V5, "c").await;
    client
        .subscribe_all(&[("#", qos(0)), ("+/x", qos(0))])
        .await;
    house
        .broker
        .publish_live([said("$own/x", b"hidden"), said("live/x", b"seen")])
        .await;
    assert_eq!(client.receive().await.publish().topic, "live/x");
    client.subscribe("$own/#", qos(0)).await;
    let asked_for = said("$own/x", b"asked for");
    house.broker.publish_live([asked_for]).await;
    assert_eq!(client.receive().await.publish().topic, "$own/x");
}

#[tokio::test]
async fn topic_aliases_stand_for_their_topics() {
    let house = House::open().await;
    let mut subscriber = Client::connect(house.tcp(), Version::V5, "s").await;
    subscriber.subscribe("a/b", qos(1)).await;
    let mut client = Client::connect(house.tcp(), Version::V5, "c").await;
    for (id, topic) in [(1, "a/b"), (2, "")] {
        let mut list = PropertyList::default();
        list.push(Property::TopicAlias(32));
        let publish = Publish {
            properties: list.list(),
            ..message(1, id, topic, "x")
        };
        client.publish_acked(publish).await;
        let received = subscriber.receive().await;
        assert_eq!(received.publish().topic, "a/b");
        assert!(received.publish().properties.is_empty());
    }
    for (alias, reason) in [
        (0, Reason::TOPIC_ALIAS_INVALID),
        (33, Reason::TOPIC_ALIAS_INVALID),
        // Known on an earlier connection of the client.
        (32, Reason::PROTOCOL_ERROR),
    ] {
        let mut client = Client::connect(house.tcp(), Version::V5, "c").await;
        let mut list = PropertyList::default();
        list.push(Property::TopicAlias(alias));
        let publish = Publish {
            properties: list.list(),
            ..message(1, 1, "", "x")
        };
        client.publish(publish).await;
        client.expect_end(reason).await;
    }
}

#[tokio::test]
async fn a_subscribers_receive_maximum_and_packet_size_are_kept() {
    let house = House::open().await;
    let mut list = PropertyList::default();
    list.push(Property::ReceiveMaximum(2))
        .push(Property::MaximumPacketSize(40));
    let connect = Connect {
        properties: list.list(),
        ..hello(Version::V5, "s")
    };
    let (mut subscriber, _) = Client::enter(house.tcp(), connect).await;
    subscriber.subscribe("a", qos(1)).await;
    let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
    let long = "x".repeat(60);
    publisher.publish_acked(message(1, 1, "a", &long)).await;
    for id in 2..=6 {
        publisher.publish_acked(message(1, id, "a", "short")).await;
    }
    until("all are offered", || house.metrics.delivered.get() == 6).await;
    let first = subscriber.receive().await.publish().packet_id;
    let second = subscriber.receive().await.publish().packet_id;
    // The window is full, so the next packet is not a message.
    subscriber.ping().await;
    for id in [first, second] {
        let ack = nhip_broker::codec::Ack::success(id);
        subscriber.send(Packet::Puback(ack)).await;
        assert_eq!(subscriber.receive().await.publish().payload, b"short");
    }
}

#[tokio::test]
async fn more_unacknowledged_publishes_than_announced_end_the_connection() {
    let limited = nhip_broker::Config {
        receive_max: 3,
        ..config()
    };
    let house = House::with(limited, Arc::new(OpenAccess)).await;
    house.log.hold();
    let mut client = Client::connect(house.tcp(), Version::V5, "c").await;
    for id in 1..=4 {
        client.publish(message(1, id, "a", "x")).await;
    }
    client.expect_end(Reason::RECEIVE_MAXIMUM_EXCEEDED).await;
    // MQTT 3.1.1 has no words for it: the client waits.
    let before = house.log.records().len();
    let mut old = Client::connect(house.tcp(), Version::V311, "d").await;
    for id in 1..=20 {
        old.publish(message(1, id, "a", "x")).await;
    }
    for id in 1..=20 {
        until("it is queued", || {
            house.log.commit();
            house.log.records().len() >= before + usize::from(id)
        })
        .await;
        house.log.commit();
        let answer = old.receive().await;
        assert!(matches!(answer.packet(), Packet::Puback(ack) if ack.packet_id == id));
    }
}

#[tokio::test]
async fn a_subscriber_whose_queue_is_full_is_served_from_the_log() {
    let limited = nhip_broker::Config {
        session_queue_max: 10,
        inflight_max: 5,
        ..config()
    };
    let house = House::with(limited, Arc::new(OpenAccess)).await;
    let mut slow = Client::connect(house.tcp(), Version::V5, "slow").await;
    slow.subscribe("a", qos(1)).await;
    let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
    for id in 1..=300 {
        let payload = id.to_string();
        publisher.publish_acked(message(1, id, "a", &payload)).await;
    }
    until("it is behind", || house.metrics.sessions_behind.get() > 0).await;
    for id in 1..=300 {
        let received = slow.receive().await;
        assert_eq!(received.publish().payload, id.to_string().as_bytes());
        let ack = Ack::success(received.publish().packet_id);
        slow.send(Packet::Puback(ack)).await;
    }
    // And live again, without a gap or a message twice.
    publisher.publish_acked(message(1, 1, "a", "live")).await;
    assert_eq!(slow.receive().await.publish().payload, b"live");
    slow.ping().await;
}

#[tokio::test]
async fn unsupported_versions_and_authentication_are_refused_with_their_codes() {
    let house = House::open().await;
    let mut old = Client::open(house.tcp(), Version::V311).await;
    old.send_bytes(b"\x10\x0f\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x01c")
        .await;
    old.expect_refused(1).await;
    let mut new = Client::open(house.tcp(), Version::V5).await;
    new.send_bytes(b"\x10\x0d\x00\x04MQTT\x06\x02\x00\x3c\x00\x01c")
        .await;
    new.expect_refused(0x84).await;
    let mut list = PropertyList::default();
    list.push(Property::AuthenticationMethod("SCRAM"));
    let mut enhanced = Client::open(house.tcp(), Version::V5).await;
    let connect = Connect {
        properties: list.list(),
        ..hello(Version::V5, "c")
    };
    enhanced.send(Packet::Connect(connect)).await;
    enhanced.expect_refused(0x8c).await;
    let mut other = Client::open(house.tcp(), Version::V311).await;
    let misnamed = b"\x10\x0d\x00\x04QTTM\x04\x02\x00\x3c\x00\x01c";
    other.send_bytes(misnamed).await;
    assert!(other.receive_or_end().await.is_none());
}
