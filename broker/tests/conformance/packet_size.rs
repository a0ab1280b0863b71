//! The Maximum Packet Size of a client, to the byte (MQTT-3.1.2-24).

use crate::kit::{Client, House, hello, message, qos};
use nhip_broker::codec::{
    Connect, Filters, Packet, Properties, Property, PropertyList, Reason, Subscribe, Unsubscribe,
    Version,
};

/// CONNECT of a client that takes packets of so many bytes.
fn taking(list: &mut PropertyList, bytes: u32) -> Connect<'_> {
    Connect {
        properties: list.push(Property::MaximumPacketSize(bytes)).list(),
        ..hello(Version::V5, "s")
    }
}

/// Bytes of the smallest CONNACK here: its fixed header, and what is always in it.
async fn connack_bytes(house: &House) -> u32 {
    let (_, connack) = Client::enter(house.tcp(), hello(Version::V5, "s")).await;
    let mut written = Vec::new();
    connack.packet().write(Version::V5, &mut written);
    written.len() as u32
}

#[tokio::test]
async fn a_message_is_sent_up_to_the_clients_maximum_and_not_beyond() {
    let house = House::open().await;
    let mut list = PropertyList::default();
    let (mut subscriber, _) = Client::enter(house.tcp(), taking(&mut list, 40)).await;
    subscriber.subscribe("a", qos(1)).await;
    let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
    // Fixed header, topic, packet id and no properties are 8 bytes.
    for (id, bytes) in [(1, 33), (2, 32), (3, 31)] {
        let payload = "x".repeat(bytes);
        publisher.publish_acked(message(1, id, "a", &payload)).await;
    }
    for bytes in [32, 31] {
        assert_eq!(subscriber.receive().await.publish().payload.len(), bytes);
    }
    subscriber.ping().await;
}

#[tokio::test]
async fn a_new_alias_does_not_make_a_message_too_large() {
    let house = House::open().await;
    let mut list = PropertyList::default();
    list.push(Property::TopicAliasMaximum(10));
    let (mut subscriber, _) = Client::enter(house.tcp(), taking(&mut list, 40)).await;
    subscriber.subscribe("topic", qos(1)).await;
    let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
    // Fixed header, topic, packet id and no properties are 12 bytes.
    for (id, bytes) in [(1, 28), (2, 29), (3, 23), (4, 29)] {
        let payload = "x".repeat(bytes);
        publisher
            .publish_acked(message(1, id, "topic", &payload))
            .await;
    }
    // The last has an alias for its topic, and takes two bytes less.
    for bytes in [28, 23, 29] {
        let received = subscriber.receive().await;
        assert_eq!(received.publish().payload.len(), bytes);
    }
    let dropped = house
        .metrics
        .dropped
        .with_label_values(&["packet_too_large"]);
    assert_eq!(dropped.get(), 1, "what waited for its turn counts too");
    subscriber.ping().await;
}

#[tokio::test]
async fn a_client_that_does_not_take_its_connack_is_refused() {
    let house = House::open().await;
    let bytes = connack_bytes(&house).await;
    let mut list = PropertyList::default();
    Client::enter(house.tcp(), taking(&mut list, bytes)).await;
    let mut refused = Client::open(house.tcp(), Version::V5).await;
    let mut list = PropertyList::default();
    refused
        .send(Packet::Connect(taking(&mut list, bytes - 1)))
        .await;
    refused.expect_refused(Reason::PACKET_TOO_LARGE.0).await;
}

#[tokio::test]
async fn more_filters_than_the_client_takes_answers_for_are_refused() {
    let house = House::open().await;
    let mut list = PropertyList::default();
    let (mut client, _) = Client::enter(house.tcp(), taking(&mut list, 30)).await;
    // Fixed header, packet id and no properties are 5 bytes, and a filter has one.
    let names: Vec<String> = (0..26).map(|number| format!("f/{number}")).collect();
    let all: Vec<_> = names.iter().map(|name| (name.as_str(), qos(1))).collect();
    assert_eq!(client.subscribe_all(&all[..25]).await.len(), 25);

    for is_subscribe in [true, false] {
        let mut list = PropertyList::default();
        let (mut client, _) = Client::enter(house.tcp(), taking(&mut list, 30)).await;
        let mut buffer = Vec::new();
        let filters = Filters::of(all.iter().copied(), is_subscribe, Version::V5, &mut buffer);
        let (packet_id, properties) = (7, Properties::EMPTY);
        let request = match is_subscribe {
            true => Packet::Subscribe(Subscribe {
                packet_id,
                properties,
                filters,
            }),
            false => Packet::Unsubscribe(Unsubscribe {
                packet_id,
                properties,
                filters,
            }),
        };
        client.send(request).await;
        client.expect_end(Reason::PACKET_TOO_LARGE).await;
    }
}
