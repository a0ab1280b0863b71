//! The ack gate: acknowledged means durable.

use crate::kit::{Client, House, config, hello, message, qos, until};
use nhip_broker::OpenAccess;
use nhip_broker::codec::{Connect, Packet, Reason, Version};
use nhip_wire::envelope::Envelope;
use std::sync::Arc;

#[tokio::test]
async fn puback_is_not_sent_before_the_commit() {
    for version in [Version::V311, Version::V5] {
        let house = House::open().await;
        house.log.hold();
        let mut client = Client::connect(house.tcp(), version, "c").await;
        client.publish(message(1, 9, "a/b", "x")).await;
        until("the record is queued", || house.log.queued() == 1).await;
        // PINGRESP overtakes the acknowledgement, so that was not sent.
        client.ping().await;
        house.log.commit();
        let answer = client.receive().await;
        assert!(matches!(answer.packet(), Packet::Puback(ack) if ack.packet_id == 9));
    }
}

#[tokio::test]
async fn a_failed_log_withholds_the_ack_and_ends_the_connection() {
    let house = House::open().await;
    house.log.hold();
    let mut client = Client::connect(house.tcp(), Version::V5, "c").await;
    client.publish(message(1, 9, "a/b", "x")).await;
    until("the record is queued", || house.log.queued() == 1).await;
    house.log.fail();
    client.expect_end(Reason::SERVER_BUSY).await;
}

#[tokio::test]
async fn a_full_log_stops_the_reading_and_loses_nothing() {
    let house = House::with(config(), Arc::new(OpenAccess)).await;
    house.log.hold();
    house.log.limit(1);
    let mut client = Client::connect(house.tcp(), Version::V311, "c").await;
    client.publish(message(1, 1, "a", "1")).await;
    until("the first is queued", || house.log.queued() == 1).await;
    for id in 2..=50 {
        client.publish(message(1, id, "a", "more")).await;
    }
    house.log.commit();
    for id in 1..=50 {
        until("it is queued or acked", || {
            house.log.commit();
            house.log.records().len() >= usize::from(id)
        })
        .await;
        house.log.commit();
        let answer = client.receive().await;
        assert!(matches!(answer.packet(), Packet::Puback(ack) if ack.packet_id == id));
    }
}

#[tokio::test]
async fn a_client_that_is_not_read_is_not_silent() {
    let house = House::with(config(), Arc::new(OpenAccess)).await;
    house.log.hold();
    house.log.limit(1);
    let connect = Connect {
        keep_alive_s: 1,
        ..hello(Version::V5, "held up")
    };
    let (mut client, _) = Client::enter(house.tcp(), connect).await;
    client.publish(message(1, 1, "a", "x")).await;
    until("the log is full", || house.log.queued() == 1).await;
    for id in 2..=3 {
        client.publish(message(1, id, "a", "x")).await;
    }
    // Others that are silent are cut meanwhile, one after the other.
    for _ in 0..2 {
        let silent = Connect {
            client_id: "silent",
            ..connect
        };
        let (mut silent, _) = Client::enter(house.tcp(), silent).await;
        silent.expect_end(Reason::KEEP_ALIVE_TIMEOUT).await;
    }
    for id in 1..=3 {
        until("it is queued or acked", || {
            house.log.commit();
            house.log.records().len() >= usize::from(id)
        })
        .await;
        house.log.commit();
        client.expect_ack(Packet::Puback, id).await;
    }
    client.ping().await;
}

#[tokio::test]
async fn the_log_gets_the_message_as_it_came() {
    let house = House::open().await;
    let mut client = Client::connect(house.tcp(), Version::V5, "device-1").await;
    client
        .publish_acked(message(1, 1, "devices/d1/readings/json", "{}"))
        .await;
    let records = house.log.records();
    let envelope = Envelope::read(&records[0]).unwrap();
    assert_eq!(envelope.client, "device-1");
    assert_eq!(envelope.topic, "devices/d1/readings/json");
    assert_eq!(envelope.payload, b"{}");
    assert_eq!(
        (envelope.qos, envelope.retain, envelope.v5),
        (1, false, true)
    );
    assert_eq!(envelope.received_us, 1_700_000_000_000_000);
}

#[tokio::test]
async fn qos_0_is_logged_only_where_the_platform_claims_the_topic() {
    let house = House::open().await;
    let mut client = Client::connect(house.tcp(), Version::V311, "c").await;
    client.publish(message(0, 0, "chat", "not logged")).await;
    client
        .publish(message(0, 0, "devices/d1/readings/json", "logged"))
        .await;
    client.ping().await;
    let records = house.log.records();
    assert_eq!(records.len(), 1);
    assert_eq!(Envelope::read(&records[0]).unwrap().payload, b"logged");
}

#[tokio::test]
async fn a_message_reaches_its_subscriber_after_the_commit() {
    for version in [Version::V311, Version::V5] {
        let house = House::open().await;
        let mut subscriber = Client::connect(house.tcp(), version, "s").await;
        assert_eq!(subscriber.subscribe("a/+", qos(1)).await, 1);
        let mut publisher = Client::connect(house.tcp(), version, "p").await;
        house.log.hold();
        publisher.publish(message(1, 9, "a/b", "x")).await;
        until("the record is queued", || house.log.queued() == 1).await;
        subscriber.ping().await;
        house.log.commit();
        let received = subscriber.receive().await;
        let publish = received.publish();
        assert_eq!((publish.topic, publish.payload), ("a/b", &b"x"[..]));
        assert_eq!((publish.qos, publish.retain), (1, false));
    }
}
