//! Fault 12: odd topics and filters.

use super::{BOTH, still_serves};
use crate::kit::{Client, House, message, qos};
use nhip_broker::codec::{Property, PropertyList, Publish, Reason, Version};

#[tokio::test]
async fn fault_12_a_topic_that_begins_outside_ascii_is_delivered() {
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
async fn fault_12_topics_with_wildcards_or_nothing_end_the_connection() {
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
async fn fault_12_odd_topics_get_their_reason_code_or_pass() {
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
async fn fault_12_bad_filters_are_refused() {
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
