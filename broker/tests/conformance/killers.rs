//! Inputs that kill other brokers: each must end at most its own connection.

use crate::kit::{Client, House, PATIENCE, config, hello, message, qos};
use nhip_broker::OpenAccess;
use nhip_broker::codec::{
    Connack, Packet, Properties, Property, PropertyList, Publish, Reason, Suback, Unsuback, Version,
};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const BOTH: [Version; 2] = [Version::V311, Version::V5];

/// Somebody else is still served, from publish to delivery.
async fn still_serves(house: &House) {
    let mut subscriber = Client::connect(house.tcp(), Version::V311, "check-sub").await;
    subscriber.subscribe("check", qos(1)).await;
    let mut publisher = Client::connect(house.tcp(), Version::V5, "check-pub").await;
    let reason = publisher
        .publish_acked(message(1, 1, "check", "alive"))
        .await;
    assert_eq!(reason, Reason::SUCCESS);
    assert_eq!(subscriber.receive().await.publish().payload, b"alive");
}

#[tokio::test]
async fn a_topic_that_begins_outside_ascii_is_delivered() {
    let house = House::open().await;
    for topic in ["đo/1", "é/x", "水"] {
        let mut subscriber = Client::connect(house.tcp(), Version::V311, "s").await;
        subscriber.subscribe("#", qos(1)).await;
        let mut publisher = Client::connect(house.tcp(), Version::V311, "p").await;
        publisher.publish_acked(message(1, 1, topic, "x")).await;
        assert_eq!(subscriber.receive().await.publish().topic, topic);
    }
    still_serves(&house).await;
}

#[tokio::test]
async fn odd_client_ids_connect_again_and_again() {
    let house = House::open().await;
    let long = "x".repeat(256);
    for version in BOTH {
        for id in [
            "a/b",
            "+",
            "#",
            "$SYS",
            "a+b#c$d/e",
            "'; DROP TABLE t;--",
            &long,
        ] {
            let mut first = Client::connect(house.tcp(), version, id).await;
            let mut second = Client::connect(house.tcp(), version, id).await;
            first.expect_end(Reason::SESSION_TAKEN_OVER).await;
            second.ping().await;
        }
        let too_long = "x".repeat(257);
        let mut refused = Client::open(house.tcp(), version).await;
        refused
            .send(Packet::Connect(hello(version, &too_long)))
            .await;
        let code = if version == Version::V5 { 0x85 } else { 2 };
        refused.expect_refused(code).await;
    }
    still_serves(&house).await;
}

#[tokio::test]
async fn a_connect_beyond_every_limit_is_told_so() {
    let house = House::open().await;
    let endless = "x".repeat(65_535);
    let mut client = Client::open(house.tcp(), Version::V5).await;
    client
        .send(Packet::Connect(hello(Version::V5, &endless)))
        .await;
    client.expect_refused(0x95).await;
    still_serves(&house).await;
}

#[tokio::test]
async fn a_client_id_with_nul_is_refused() {
    let house = House::open().await;
    for version in BOTH {
        let mut client = Client::open(house.tcp(), version).await;
        client.send(Packet::Connect(hello(version, "a\0b"))).await;
        match version {
            Version::V5 => client.expect_refused(0x81).await,
            Version::V311 => assert!(client.receive_or_end().await.is_none()),
        }
    }
    still_serves(&house).await;
}

#[tokio::test]
async fn clients_that_are_refused_at_the_limit_may_retry() {
    let limited = nhip_broker::Config {
        connections_max: 3,
        ..config()
    };
    let house = House::with(limited, Arc::new(OpenAccess)).await;
    let mut held = Client::connect(house.tcp(), Version::V311, "held").await;
    let other = Client::connect(house.tcp(), Version::V311, "other").await;
    let third = Client::connect(house.tcp(), Version::V311, "third").await;
    for _ in 0..20 {
        let mut refused = Client::open(house.tcp(), Version::V311).await;
        assert!(refused.receive_or_end().await.is_none());
    }
    drop((other, third));
    crate::kit::until("their places are free", || house.broker.connections() == 1).await;
    held.ping().await;
    still_serves(&house).await;
}

#[tokio::test]
async fn packets_that_only_a_server_sends_end_the_connection() {
    let house = House::open().await;
    let connack = Connack {
        session_present: false,
        code: 0,
        properties: Properties::EMPTY,
    };
    let suback = Suback {
        packet_id: 1,
        properties: Properties::EMPTY,
        codes: &[0],
    };
    let unsuback = Unsuback {
        packet_id: 1,
        properties: Properties::EMPTY,
        codes: &[0],
    };
    for version in BOTH {
        for packet in [
            Packet::Connack(connack),
            Packet::Suback(suback),
            Packet::Unsuback(unsuback),
            Packet::Pingresp,
        ] {
            let mut client = Client::connect(house.tcp(), version, "c").await;
            client.send(packet).await;
            client.expect_end(Reason::PROTOCOL_ERROR).await;
        }
    }
    still_serves(&house).await;
}

#[tokio::test]
async fn the_first_packet_is_connect_and_there_is_no_second() {
    let house = House::open().await;
    for version in BOTH {
        let mut client = Client::open(house.tcp(), version).await;
        client.publish(message(0, 0, "a", "x")).await;
        assert!(client.receive_or_end().await.is_none());
        let mut client = Client::connect(house.tcp(), version, "c").await;
        client.send(Packet::Connect(hello(version, "c"))).await;
        client.expect_end(Reason::PROTOCOL_ERROR).await;
    }
    still_serves(&house).await;
}

#[tokio::test]
async fn idle_and_slow_handshakes_hold_up_nobody_and_are_cut() {
    let hurried = nhip_broker::Config {
        connect_timeout_s: 1,
        ..config()
    };
    let house = House::with(hurried, Arc::new(OpenAccess)).await;
    let mut idle = Vec::new();
    for address in [house.tcp(), house.websocket()] {
        for _ in 0..5 {
            idle.push(Client::open(address, Version::V311).await);
        }
    }
    let mut slow = Client::open(house.tcp(), Version::V311).await;
    slow.send_bytes(&[0x10]).await;
    still_serves(&house).await;
    for mut client in idle {
        assert!(client.receive_or_end().await.is_none());
    }
    assert!(slow.receive_or_end().await.is_none());
}

#[tokio::test]
async fn mqtt_5_properties_reach_an_mqtt_3_subscriber_as_a_plain_message() {
    let house = House::open().await;
    let mut old = Client::connect(house.tcp(), Version::V311, "old").await;
    old.subscribe("a", qos(1)).await;
    let mut new = Client::connect(house.tcp(), Version::V5, "new").await;
    new.subscribe("a", qos(1)).await;
    let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
    let mut list = PropertyList::default();
    list.push(Property::UserProperty("k", "v"))
        .push(Property::ContentType("text/plain"))
        .push(Property::PayloadFormat(true))
        .push(Property::ResponseTopic("answers/here"))
        .push(Property::CorrelationData(b"42"))
        .push(Property::UserProperty("k", "w"));
    let publish = Publish {
        properties: list.list(),
        ..message(1, 1, "a", "x")
    };
    publisher.publish_acked(publish).await;
    assert_eq!(old.receive().await.publish().payload, b"x");
    let received = new.receive().await;
    assert_eq!(received.publish().properties, list.list());
    still_serves(&house).await;
}

#[tokio::test]
async fn bad_filters_are_refused() {
    let house = House::open().await;
    let mut client = Client::connect(house.tcp(), Version::V5, "c").await;
    let codes = client
        .subscribe_all(&[("a/#/b", qos(0)), ("a+", qos(0)), ("ok/+", qos(0))])
        .await;
    assert_eq!(codes, [0x8f, 0x8f, 0]);
    let mut old = Client::connect(house.tcp(), Version::V311, "d").await;
    old.send_bytes(&[0x82, 10, 0, 1, 0, 5, b'a', b'/', b'#', b'/', b'b', 0])
        .await;
    old.expect_end(Reason::TOPIC_FILTER_INVALID).await;
    still_serves(&house).await;
}

#[tokio::test]
async fn topics_with_wildcards_or_nothing_end_the_connection() {
    let house = House::open().await;
    for version in BOTH {
        for topic in ["a/+", "#", "+"] {
            let mut client = Client::connect(house.tcp(), version, "c").await;
            client.publish(message(1, 1, topic, "x")).await;
            client.expect_end(Reason::TOPIC_NAME_INVALID).await;
        }
    }
    let mut client = Client::connect(house.tcp(), Version::V311, "c").await;
    client.publish(message(1, 1, "", "x")).await;
    client.expect_end(Reason::TOPIC_NAME_INVALID).await;
    still_serves(&house).await;
}

#[tokio::test]
async fn odd_topics_get_their_reason_code_or_pass() {
    let house = House::open().await;
    let long = "t".repeat(65_535);
    let deep = "/".repeat(40);
    for topic in [
        "$SYS/x",
        "$share/a/b",
        &long,
        &deep,
        "devices/Bad/readings/json",
    ] {
        let mut client = Client::connect(house.tcp(), Version::V5, "c").await;
        let reason = client.publish_acked(message(1, 1, topic, "x")).await;
        assert_eq!(reason, Reason::TOPIC_NAME_INVALID, "{topic:.20}");
        client.ping().await;
        let mut old = Client::connect(house.tcp(), Version::V311, "d").await;
        old.publish(message(1, 1, topic, "x")).await;
        old.expect_end(Reason::TOPIC_NAME_INVALID).await;
    }
    for topic in ["/", "a//b", "//", " ", "a b"] {
        let mut client = Client::connect(house.tcp(), Version::V5, "c").await;
        let reason = client.publish_acked(message(1, 1, topic, "x")).await;
        assert_eq!(reason, Reason::SUCCESS, "{topic}");
    }
    assert_eq!(house.log.records().len(), 5);
    still_serves(&house).await;
}

#[tokio::test]
async fn claimed_lengths_are_refused_before_their_bytes_come() {
    let house = House::open().await;
    let huge = [0x30, 0xff, 0xff, 0xff, 0x7f, 1, 2, 3];
    let long_varint = [0x30, 0xff, 0xff, 0xff, 0xff, 0x01, 1, 2, 3];
    for (bytes, reason) in [
        (&huge[..], Reason::PACKET_TOO_LARGE),
        (&long_varint[..], Reason::MALFORMED_PACKET),
    ] {
        let mut client = Client::connect(house.tcp(), Version::V5, "c").await;
        client.send_bytes(bytes).await;
        client.expect_end(reason).await;
        let mut unknown = Client::open(house.tcp(), Version::V5).await;
        let mut connect = bytes.to_vec();
        connect[0] = 0x10;
        unknown.send_bytes(&connect).await;
        assert!(unknown.receive_or_end().await.is_none());
    }
    still_serves(&house).await;
}

#[tokio::test]
async fn a_payload_at_the_limit_passes_and_one_byte_more_does_not() {
    let house = House::open().await;
    let most = (256 << 10) - 4 - 2 - 1 - 2;
    let at_limit = "p".repeat(most);
    let mut client = Client::connect(house.tcp(), Version::V311, "c").await;
    client.publish_acked(message(1, 1, "a", &at_limit)).await;
    let over = "p".repeat(most + 1);
    let mut out = Vec::new();
    Packet::Publish(message(1, 2, "a", &over)).write(Version::V311, &mut out);
    // The broker may be gone before it has taken all of it.
    let _ = client.stream.write_all(&out).await;
    client.expect_end(Reason::PACKET_TOO_LARGE).await;
    assert_eq!(house.log.records().len(), 1);
    still_serves(&house).await;
}

#[tokio::test]
async fn a_packet_that_comes_byte_by_byte_is_taken() {
    let house = House::open().await;
    let mut client = Client::open(house.tcp(), Version::V5).await;
    let mut out = Vec::new();
    Packet::Connect(hello(Version::V5, "c")).write(Version::V5, &mut out);
    Packet::Publish(message(1, 7, "a/b", "slow")).write(Version::V5, &mut out);
    for byte in out {
        client.send_bytes(&[byte]).await;
        tokio::task::yield_now().await;
    }
    assert!(matches!(
        client.receive().await.packet(),
        Packet::Connack(_)
    ));
    assert!(matches!(client.receive().await.packet(), Packet::Puback(ack) if ack.packet_id == 7));
}

#[tokio::test]
async fn noise_ends_at_most_its_own_connection() {
    let house = House::open().await;
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed as u8
    };
    for round in 0..200 {
        let mut client = match round % 2 {
            0 => Client::open(house.tcp(), Version::V5).await,
            _ => Client::connect(house.tcp(), Version::V5, "noise").await,
        };
        let noise: Vec<u8> = (0..64).map(|_| next()).collect();
        let _ = client.stream.write_all(&noise).await;
    }
    still_serves(&house).await;
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_cut_off() {
    let small = nhip_broker::Config {
        outgoing_bytes_max: 16 << 10,
        ..config()
    };
    let house = House::with(small, Arc::new(OpenAccess)).await;
    let mut client = Client::connect(house.tcp(), Version::V311, "c").await;
    let pings = [0xc0, 0].repeat(32 << 10);
    let cut = async { while client.stream.write_all(&pings).await.is_ok() {} };
    tokio::time::timeout(PATIENCE, cut)
        .await
        .expect("it is not cut off");
    still_serves(&house).await;
}

#[tokio::test]
async fn a_million_bytes_of_nothing_to_the_websocket_door_harm_nobody() {
    let house = House::open().await;
    let mut stream = tokio::net::TcpStream::connect(house.websocket())
        .await
        .unwrap();
    let _ = stream.write_all(&vec![b'x'; 1_000_000]).await;
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
    still_serves(&house).await;
}
