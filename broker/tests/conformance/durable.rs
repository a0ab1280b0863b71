//! Sessions that outlive their connection and the process.

use crate::kit::{Client, House, config, durable, hello, message, qos, retained, until, will};
use nhip_broker::codec::{
    Ack, Connect, Packet, Properties, Property, PropertyList, Publish, Version, Will,
};
use nhip_wire::envelope::Envelope;

const BOTH: [Version; 2] = [Version::V311, Version::V5];

async fn acknowledge(client: &mut Client, payload: &[u8]) {
    let received = client.receive().await;
    let publish = received.publish();
    assert_eq!(publish.payload, payload);
    client
        .send(Packet::Puback(Ack::success(publish.packet_id)))
        .await;
}

#[tokio::test]
async fn what_was_published_while_away_is_there_after_a_restart() {
    for version in BOTH {
        let house = House::open().await;
        let connect = durable(version, "s");
        let (mut subscriber, present) = Client::come(house.tcp(), connect).await;
        assert!(!present);
        subscriber.subscribe("a/+", qos(1)).await;
        let mut publisher = Client::connect(house.tcp(), version, "p").await;
        publisher
            .publish_acked(message(1, 1, "a/1", "before"))
            .await;
        acknowledge(&mut subscriber, b"before").await;
        subscriber.ping().await;
        drop(subscriber);
        until("it is gone", || house.broker.connections() == 1).await;
        assert!(
            !house.broker.has_subscriber("a/1"),
            "away, it costs no filter"
        );
        for payload in ["one", "two"] {
            publisher.publish_acked(message(1, 1, "a/1", payload)).await;
        }
        drop(publisher);
        let house = house.reopen(config()).await;
        let mut publisher = Client::connect(house.tcp(), version, "p").await;
        publisher.publish_acked(message(1, 1, "a/1", "three")).await;
        let (mut subscriber, present) = Client::come(house.tcp(), connect).await;
        assert!(present);
        for payload in ["one", "two", "three"] {
            acknowledge(&mut subscriber, payload.as_bytes()).await;
        }
        publisher.publish_acked(message(1, 1, "a/1", "live")).await;
        acknowledge(&mut subscriber, b"live").await;
        subscriber.ping().await;
    }
}

#[tokio::test]
async fn an_unsubscribed_filter_stays_so_after_a_restart() {
    let house = House::open().await;
    let connect = durable(Version::V5, "s");
    let (mut subscriber, _) = Client::come(house.tcp(), connect).await;
    subscriber
        .subscribe_all(&[("a", qos(1)), ("b", qos(1))])
        .await;
    let mut buffer = Vec::new();
    let filters = nhip_broker::codec::Filters::of([("a", qos(0))], false, Version::V5, &mut buffer);
    subscriber
        .send(Packet::Unsubscribe(nhip_broker::codec::Unsubscribe {
            packet_id: 5,
            properties: Properties::EMPTY,
            filters,
        }))
        .await;
    let answer = subscriber.receive().await;
    assert!(matches!(answer.packet(), Packet::Unsuback(u) if u.codes == [0]));
    drop(subscriber);
    let house = house.reopen(config()).await;
    let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
    publisher.publish_acked(message(1, 1, "a", "no")).await;
    publisher.publish_acked(message(1, 1, "b", "yes")).await;
    let (mut subscriber, present) = Client::come(house.tcp(), connect).await;
    assert!(present);
    acknowledge(&mut subscriber, b"yes").await;
    subscriber.ping().await;
}

#[tokio::test]
async fn suback_of_a_durable_session_follows_its_commit() {
    let house = House::open().await;
    let (mut client, _) = Client::come(house.tcp(), durable(Version::V5, "s")).await;
    house.log.hold();
    let subscribe = client.subscribe("a", qos(1));
    let commit = async {
        until("the event is queued", || house.log.queued() == 1).await;
        assert!(!house.broker.has_subscriber("a"));
        house.log.commit();
    };
    assert_eq!(tokio::join!(subscribe, commit).0, 1);
}

#[tokio::test]
async fn a_session_ends_in_its_time_also_while_the_broker_is_down() {
    let house = House::open().await;
    let connect = durable(Version::V5, "s");
    let (subscriber, _) = Client::come(house.tcp(), connect).await;
    drop(subscriber);
    let house = house.reopen_after(config(), 30).await;
    let (subscriber, present) = Client::come(house.tcp(), connect).await;
    assert!(present, "half of its time is over");
    drop(subscriber);
    let house = house.reopen_after(config(), 61).await;
    let (_subscriber, present) = Client::come(house.tcp(), connect).await;
    assert!(!present);
}

#[tokio::test]
async fn a_delayed_will_is_published_once_also_after_a_restart() {
    let house = House::open().await;
    let mut delay = PropertyList::default();
    delay.push(Property::WillDelay(5));
    let connect = Connect {
        will: Some(Will {
            properties: delay.list(),
            ..will("gone", "bye")
        }),
        ..durable(Version::V5, "s")
    };
    let (client, _) = Client::come(house.tcp(), connect).await;
    drop(client);
    until("it is gone", || house.broker.connections() == 0).await;
    let mut house = house.reopen_after(config(), 2).await;
    assert!(house.log.messages().is_empty());
    for _ in 0..2 {
        house = house.reopen_after(config(), 10).await;
        until("the will", || house.log.messages().len() == 1).await;
    }
    let records = house.log.messages();
    let envelope = Envelope::read(&records[0]).unwrap();
    assert_eq!((envelope.topic, envelope.client), ("gone", "s"));
    assert!(envelope.received_us > 1_700_000_010_000_000, "as of now");
}

#[tokio::test]
async fn a_clean_start_ends_a_session_that_is_on_the_disk_only() {
    for version in BOTH {
        let house = House::open().await;
        let (mut client, _) = Client::come(house.tcp(), durable(version, "s")).await;
        client.subscribe("a", qos(1)).await;
        drop(client);
        let house = house.reopen(config()).await;
        let (_clean, present) = Client::come(house.tcp(), hello(version, "s")).await;
        assert!(!present);
        let house = house.reopen(config()).await;
        let (_back, present) = Client::come(house.tcp(), durable(version, "s")).await;
        assert!(!present);
    }
}

#[tokio::test]
async fn a_session_older_than_the_log_is_told_so_and_counted() {
    let house = House::open().await;
    let connect = durable(Version::V5, "s");
    let (mut subscriber, _) = Client::come(house.tcp(), connect).await;
    subscriber.subscribe("a", qos(1)).await;
    drop(subscriber);
    until("it is gone", || house.broker.connections() == 0).await;
    let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
    publisher.publish_acked(message(1, 1, "a", "lost")).await;
    drop(publisher);
    house.log.trim();
    let house = house.reopen(config()).await;
    let (mut subscriber, present) = Client::come(house.tcp(), connect).await;
    assert!(!present);
    assert_eq!(house.metrics.sessions_trimmed.get(), 1);
    subscriber.ping().await;
}

#[tokio::test]
async fn a_retained_message_that_was_not_acknowledged_comes_again_after_a_restart() {
    for most in [1, 2] {
        let house = House::open().await;
        let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
        let publish = Publish {
            qos: 2,
            ..retained(1, "r", "kept")
        };
        publisher.publish(publish).await;
        publisher.expect_ack(Packet::Pubrec, 1).await;
        drop(publisher);
        let connect = durable(Version::V5, "s");
        let (mut subscriber, _) = Client::come(house.tcp(), connect).await;
        subscriber.subscribe("r", qos(most)).await;
        let first = subscriber.receive().await;
        let id = first.publish().packet_id;
        assert_eq!((first.publish().qos, first.publish().retain), (most, true));
        drop(subscriber);
        let house = house.reopen(config()).await;
        let (mut subscriber, _) = Client::come(house.tcp(), connect).await;
        let again = subscriber.receive().await;
        let publish = again.publish();
        assert_eq!((publish.packet_id, publish.dup), (id, true));
        assert_eq!((publish.payload, publish.retain), (&b"kept"[..], true));
        subscriber.ping().await;
    }
}

#[tokio::test]
async fn an_expired_message_is_not_sent_to_a_client_that_comes_back() {
    let house = House::open().await;
    let connect = durable(Version::V5, "s");
    let (mut subscriber, _) = Client::come(house.tcp(), connect).await;
    subscriber.subscribe("a", qos(1)).await;
    drop(subscriber);
    until("it is gone", || house.broker.connections() == 0).await;
    let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
    for (payload, expiry_s) in [("short", 5), ("long", 30)] {
        let mut list = PropertyList::default();
        list.push(Property::MessageExpiry(expiry_s));
        let publish = Publish {
            properties: list.list(),
            ..message(1, 1, "a", payload)
        };
        publisher.publish_acked(publish).await;
    }
    drop(publisher);
    let house = house.reopen_after(config(), 10).await;
    let (mut subscriber, _) = Client::come(house.tcp(), connect).await;
    let received = subscriber.receive().await;
    assert_eq!(received.publish().payload, b"long");
    let left = received.publish().properties.iter().next();
    assert_eq!(left, Some(Property::MessageExpiry(20)));
    subscriber.ping().await;
}

#[tokio::test]
async fn a_session_that_becomes_durable_keeps_what_it_has() {
    let house = House::open().await;
    let mut client = Client::connect(house.tcp(), Version::V5, "s").await;
    client.subscribe("a", qos(1)).await;
    client.publish(message(2, 7, "b", "x")).await;
    client.expect_ack(Packet::Pubrec, 7).await;
    let (back, present) = Client::come(house.tcp(), durable(Version::V5, "s")).await;
    assert!(present);
    drop(back);
    let house = house.reopen(config()).await;
    let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
    publisher.publish_acked(message(1, 1, "a", "yes")).await;
    let (mut back, present) = Client::come(house.tcp(), durable(Version::V5, "s")).await;
    assert!(present);
    acknowledge(&mut back, b"yes").await;
    back.send(Packet::Pubrel(Ack::success(7))).await;
    back.expect_ack(Packet::Pubcomp, 7).await;
}
