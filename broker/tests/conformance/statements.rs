//! Statements of the specifications that nothing else shows.

use crate::kit::{Client, House, config, durable, hello, message, qos, retained, until, will};
use nhip_broker::codec::{
    Ack, Connect, Filters, Packet, Place, Properties, Property, PropertyList, Publish, Reason,
    Unsubscribe, Version, Will,
};
use nhip_wire::envelope::Envelope;

const BOTH: [Version; 2] = [Version::V311, Version::V5];

async fn unsubscribe(client: &mut Client, packet_id: u16, names: &[&str]) -> (u16, Vec<u8>) {
    let entries = names.iter().map(|name| (*name, Default::default()));
    let mut buffer = Vec::new();
    let filters = Filters::of(entries, false, client.version, &mut buffer);
    client
        .send(Packet::Unsubscribe(Unsubscribe {
            packet_id,
            properties: Properties::EMPTY,
            filters,
        }))
        .await;
    let answer = client.receive().await;
    match answer.packet() {
        Packet::Unsuback(unsuback) => (unsuback.packet_id, unsuback.codes.to_vec()),
        other => panic!("expected UNSUBACK, got {other:?}"),
    }
}

#[tokio::test]
async fn unsubscribing_is_answered_filter_by_filter() {
    for version in BOTH {
        let house = House::open().await;
        let mut client = Client::connect(house.tcp(), version, "c").await;
        client.subscribe_all(&[("a", qos(1)), ("b", qos(1))]).await;
        let answer = unsubscribe(&mut client, 9, &["a", "B", "b/"]).await;
        let codes = match version {
            Version::V311 => vec![],
            Version::V5 => vec![0, 0x11, 0x11],
        };
        assert_eq!(answer, (9, codes));
        assert!(!house.broker.has_subscriber("a"));
        assert!(house.broker.has_subscriber("b"));
    }
}

#[tokio::test]
async fn what_was_begun_is_finished_behind_unsubscribe() {
    for version in BOTH {
        let house = House::open().await;
        let mut client = Client::connect(house.tcp(), version, "c").await;
        client.subscribe("a", qos(2)).await;
        let mut publisher = Client::connect(house.tcp(), version, "p").await;
        publisher.publish(message(2, 1, "a", "x")).await;
        let id = client.receive().await.publish().packet_id;
        unsubscribe(&mut client, 9, &["a"]).await;
        client.send(Packet::Pubrec(Ack::success(id))).await;
        client.expect_ack(Packet::Pubrel, id).await;
        client.send(Packet::Pubcomp(Ack::success(id))).await;
        client.ping().await;
    }
}

#[tokio::test]
async fn suback_has_a_code_for_each_filter_in_their_order() {
    for version in BOTH {
        let house = House::open().await;
        let mut client = Client::connect(house.tcp(), version, "c").await;
        let long = "x".repeat(2_000);
        let asked = [
            ("a", qos(2)),
            (&*long, qos(1)),
            ("b", qos(0)),
            ("c", qos(1)),
        ];
        let refused = match version {
            Version::V311 => 0x80,
            Version::V5 => Reason::TOPIC_FILTER_INVALID.0,
        };
        assert_eq!(client.subscribe_all(&asked).await, [2, refused, 0, 1]);
        let mut publisher = Client::connect(house.tcp(), version, "p").await;
        for (topic, published, granted) in [("b", 1, 0), ("c", 1, 1), ("a", 0, 0)] {
            publisher
                .publish(message(published, u16::from(published), topic, "x"))
                .await;
            let received = client.receive().await;
            assert_eq!(
                (received.publish().topic, received.publish().qos),
                (topic, granted)
            );
        }
    }
}

#[tokio::test]
async fn a_filter_asked_for_again_replaces_the_older() {
    for version in BOTH {
        let house = House::open().await;
        let mut publisher = Client::connect(house.tcp(), version, "p").await;
        publisher.publish_acked(retained(1, "a", "kept")).await;
        let mut client = Client::connect(house.tcp(), version, "c").await;
        for granted in [0, 1] {
            client.subscribe("a", qos(granted)).await;
            let received = client.receive().await;
            assert_eq!(
                (received.publish().qos, received.publish().retain),
                (granted, true)
            );
        }
        publisher.publish_acked(message(1, 1, "a", "once")).await;
        assert_eq!(client.receive().await.publish().qos, 1);
        client.ping().await;
    }
}

#[tokio::test]
async fn messages_of_one_topic_come_in_their_order() {
    for version in BOTH {
        for granted in [0, 1, 2] {
            let house = House::open().await;
            let mut client = Client::connect(house.tcp(), version, "c").await;
            client.subscribe("a/#", qos(granted)).await;
            let mut publisher = Client::connect(house.tcp(), version, "p").await;
            let mut bytes = Vec::new();
            for number in 1..=150u16 {
                let payload = number.to_string();
                let publish = message(granted, number * u16::from(granted > 0), "a/1", &payload);
                Packet::Publish(publish).write(version, &mut bytes);
            }
            publisher.send_bytes(&bytes).await;
            for number in 1..=150u16 {
                let received = client.receive().await;
                assert_eq!(received.publish().payload, number.to_string().as_bytes());
            }
        }
    }
}

#[tokio::test]
async fn a_will_is_published_with_its_qos_and_retain() {
    let named: &[u8] = &[38, 0, 1, b'b', 0, 1, b'1', 38, 0, 1, b'a', 0, 1, b'2'];
    for version in BOTH {
        for (asked, retain) in [(0, false), (1, true), (2, false), (2, true)] {
            let house = House::open().await;
            let properties = match version {
                Version::V311 => Properties::EMPTY,
                Version::V5 => Properties::check(named, Place::Will).unwrap(),
            };
            let connect = Connect {
                will: Some(Will {
                    qos: asked,
                    retain,
                    properties,
                    ..will("gone", "bye")
                }),
                ..hello(version, "c")
            };
            let (client, _) = Client::enter(house.tcp(), connect).await;
            drop(client);
            until("the will", || house.log.messages().len() == 1).await;
            let records = house.log.messages();
            let envelope = Envelope::read(&records[0]).unwrap();
            assert_eq!((envelope.qos, envelope.retain), (asked, retain));
            assert_eq!(envelope.properties, properties.bytes());
        }
    }
}

#[tokio::test]
async fn properties_of_a_message_reach_its_subscriber_as_they_were() {
    let house = House::open().await;
    let mut client = Client::connect(house.tcp(), Version::V5, "c").await;
    client.subscribe("a", qos(1)).await;
    let mut list = PropertyList::default();
    for property in [
        Property::PayloadFormat(true),
        Property::ContentType("text/plain"),
        Property::ResponseTopic("b"),
        Property::CorrelationData(b"seven"),
        Property::UserProperty("z", "1"),
        Property::UserProperty("a", "2"),
        Property::UserProperty("z", "3"),
    ] {
        list.push(property);
    }
    let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
    publisher
        .publish_acked(Publish {
            properties: list.list(),
            ..message(1, 1, "a", "x")
        })
        .await;
    let received = client.receive().await;
    assert!(received.publish().properties.iter().eq(list.list().iter()));
}

#[tokio::test]
async fn a_subscription_identifier_from_a_client_ends_its_connection() {
    let house = House::open().await;
    let mut client = Client::connect(house.tcp(), Version::V5, "c").await;
    let mut list = PropertyList::default();
    client
        .publish(Publish {
            properties: list.push(Property::SubscriptionIdentifier(1)).list(),
            ..message(1, 1, "a", "x")
        })
        .await;
    client.expect_end(Reason::PROTOCOL_ERROR).await;
}

#[tokio::test]
async fn dup_is_for_repetitions_only() {
    for version in BOTH {
        let house = House::open().await;
        let connect = durable(version, "c");
        let (mut client, _) = Client::come(house.tcp(), connect).await;
        client
            .subscribe_all(&[("once", qos(0)), ("more", qos(1))])
            .await;
        let mut publisher = Client::connect(house.tcp(), version, "p").await;
        for topic in ["once", "more"] {
            let repeated = Publish {
                dup: true,
                ..message(1, 1, topic, "x")
            };
            publisher.publish_acked(repeated).await;
            let received = client.receive().await;
            assert!(received.publish().topic == topic && !received.publish().dup);
        }
        let (mut client, present) = Client::come(house.tcp(), connect).await;
        assert!(present);
        let received = client.receive().await;
        assert!(received.publish().topic == "more" && received.publish().dup);
    }
}

#[tokio::test]
async fn nothing_behind_a_refused_connect_is_taken() {
    for version in BOTH {
        let house = House::open().await;
        let mut client = Client::open(house.tcp(), version).await;
        let mut bytes = Vec::new();
        let long = "c".repeat(257);
        Packet::Connect(hello(version, &long)).write(version, &mut bytes);
        Packet::Publish(message(1, 1, "a", "x")).write(version, &mut bytes);
        client.send_bytes(&bytes).await;
        let code = match version {
            Version::V311 => 2,
            Version::V5 => Reason::CLIENT_IDENTIFIER_NOT_VALID.0,
        };
        client.expect_refused(code).await;
        assert!(house.log.records().is_empty());
        let longest = "c".repeat(256);
        Client::connect(house.tcp(), version, &longest)
            .await
            .ping()
            .await;
    }
}

#[tokio::test]
async fn what_was_sent_comes_again_although_it_expired() {
    for granted in [1, 2] {
        let house = House::open().await;
        let connect = durable(Version::V5, "c");
        let (mut client, _) = Client::come(house.tcp(), connect).await;
        client.subscribe("a", qos(granted)).await;
        let mut list = PropertyList::default();
        let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
        publisher
            .publish(Publish {
                properties: list.push(Property::MessageExpiry(5)).list(),
                ..message(granted, 1, "a", "x")
            })
            .await;
        let id = client.receive().await.publish().packet_id;
        drop((client, publisher));
        let house = house.reopen_after(config(), 30).await;
        let (mut client, present) = Client::come(house.tcp(), connect).await;
        assert!(present);
        let received = client.receive().await;
        assert_eq!(
            (received.publish().packet_id, received.publish().dup),
            (id, true)
        );
    }
}
