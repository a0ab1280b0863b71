//! Statements of the specifications that nothing else shows, and whether `docs/mqtt.md` names
//! them all.

use crate::kit::{Client, House, config, durable, hello, message, qos, retained, until, will};
use nhip_broker::codec::{
    Ack, Connect, Filters, Packet, Place, Properties, Property, PropertyList, Publish, Reason,
    Unsubscribe, Version, Will,
};
use nhip_wire::envelope::Envelope;
use std::{collections::BTreeSet, fs, ops::RangeInclusive, path::Path};

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

/// The numbered statements of MQTT 5.0 (OASIS Standard, appendix B).
const MQTT_5: &[(&str, RangeInclusive<u8>)] = &[
    ("1.5.4", 1..=3),
    ("1.5.5", 1..=1),
    ("1.5.7", 1..=1),
    ("2.1.3", 1..=1),
    ("2.2.1", 2..=6),
    ("2.2.2", 1..=1),
    ("3.1.0", 1..=2),
    ("3.1.2", 1..=30),
    ("3.1.3", 1..=12),
    ("3.1.4", 1..=6),
    ("3.2.0", 1..=2),
    ("3.2.2", 1..=22),
    ("3.3.1", 1..=13),
    ("3.3.2", 1..=20),
    ("3.3.4", 1..=10),
    ("3.4.2", 1..=3),
    ("3.5.2", 1..=3),
    ("3.6.1", 1..=1),
    ("3.6.2", 1..=3),
    ("3.7.2", 1..=3),
    ("3.8.1", 1..=1),
    ("3.8.3", 1..=5),
    ("3.8.4", 1..=8),
    ("3.9.2", 1..=2),
    ("3.9.3", 1..=2),
    ("3.10.1", 1..=1),
    ("3.10.3", 1..=2),
    ("3.10.4", 1..=6),
    ("3.11.2", 1..=2),
    ("3.11.3", 1..=2),
    ("3.12.4", 1..=1),
    ("3.14.0", 1..=1),
    ("3.14.1", 1..=1),
    ("3.14.2", 1..=4),
    ("3.14.4", 1..=3),
    ("3.15.1", 1..=1),
    ("3.15.2", 1..=3),
    ("4.1.0", 1..=2),
    ("4.2.0", 1..=1),
    ("4.3.1", 1..=1),
    ("4.3.2", 1..=5),
    ("4.3.3", 1..=13),
    ("4.4.0", 1..=2),
    ("4.5.0", 1..=2),
    ("4.6.0", 1..=6),
    ("4.7.0", 1..=1),
    ("4.7.1", 1..=2),
    ("4.7.2", 1..=1),
    ("4.7.3", 1..=4),
    ("4.8.2", 1..=6),
    ("4.9.0", 1..=3),
    ("4.12.0", 1..=7),
    ("4.12.1", 1..=2),
    ("4.13.1", 1..=1),
    ("4.13.2", 1..=1),
    ("6.0.0", 1..=4),
];

/// Those of MQTT 3.1.1; one of them stands there with a name of its own.
const MQTT_3: &[(&str, RangeInclusive<u8>)] = &[
    ("1.5.3", 1..=3),
    ("2.2.2", 1..=2),
    ("2.3.1", 1..=7),
    ("3.1.0", 1..=2),
    ("3.1.2", 1..=24),
    ("3.1.3", 1..=11),
    ("3.1.4", 1..=5),
    ("3.2.0", 1..=1),
    ("3.2.2", 1..=6),
    ("3.3.1", 1..=12),
    ("3.3.2", 1..=3),
    ("3.3.4", 1..=1),
    ("3.3.5", 1..=2),
    ("3.6.1", 1..=1),
    ("3.8.1", 1..=1),
    ("3.8.3", 1..=3),
    ("3-8.3", 4..=4),
    ("3.8.4", 1..=6),
    ("3.9.3", 1..=2),
    ("3.10.1", 1..=1),
    ("3.10.3", 1..=2),
    ("3.10.4", 1..=6),
    ("3.12.4", 1..=1),
    ("3.14.1", 1..=1),
    ("3.14.4", 1..=3),
    ("4.1.0", 1..=2),
    ("4.2.0", 1..=1),
    ("4.3.1", 1..=1),
    ("4.3.2", 1..=2),
    ("4.3.3", 1..=2),
    ("4.4.0", 1..=1),
    ("4.5.0", 1..=2),
    ("4.6.0", 1..=6),
    ("4.7.1", 1..=3),
    ("4.7.2", 1..=1),
    ("4.7.3", 1..=4),
    ("4.8.0", 1..=2),
    ("6.0.0", 1..=4),
    ("7.0.0", 1..=2),
    ("7.1.1", 1..=1),
    ("7.1.2", 1..=1),
];

fn statements(list: &[(&str, RangeInclusive<u8>)]) -> BTreeSet<String> {
    let numbers = |(section, range): &(&str, RangeInclusive<u8>)| {
        let section = (*section).to_owned();
        range
            .clone()
            .map(move |number| format!("{section}-{number}"))
    };
    list.iter().flat_map(numbers).collect()
}

/// The names of all functions in the sources below a folder.
fn functions(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let names = text.split("fn ").skip(1);
            found.extend(names.filter_map(|rest| Some(rest.split_once('(')?.0.to_owned())));
        }
    }
}

#[test]
fn every_statement_is_named_with_what_shows_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("../docs/mqtt.md")).unwrap();
    let mut known = BTreeSet::new();
    for folder in ["src", "tests", "../tests/tests"] {
        functions(&root.join(folder), &mut known);
    }
    let (_, tables) = text.split_once("## MQTT 5").unwrap();
    let (five, three) = tables.split_once("## MQTT 3.1.1").unwrap();
    for (table, list) in [(five, MQTT_5), (three, MQTT_3)] {
        let mut missing = statements(list);
        for row in table.lines().filter(|line| line.starts_with("| MQTT-")) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let [_, statement, what, shown, _] = cells[..] else {
                panic!("{row}: not three cells");
            };
            let number = statement.trim_start_matches("MQTT-");
            assert!(
                missing.remove(number),
                "{statement}: twice, or no statement"
            );
            assert!(!what.is_empty() && !shown.is_empty(), "{statement}");
            for name in shown.split('`').skip(1).step_by(2) {
                let exists = match name.ends_with(".rs") {
                    true => root.join("src").join(name).exists(),
                    false => known.contains(name),
                };
                assert!(exists, "{statement}: there is no {name}");
            }
        }
        assert!(missing.is_empty(), "not in docs/mqtt.md: {missing:?}");
    }
}
