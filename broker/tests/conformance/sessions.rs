//! Sessions, wills, keep-alive, takeover.

use crate::kit::{Client, House, config, durable, hello, message, qos, until, will};
use nhip_broker::OpenAccess;
use nhip_broker::codec::{
    Ack, Connect, Disconnect, Packet, Properties, Property, PropertyList, Reason, Version, Will,
};
use nhip_wire::envelope::Envelope;
use std::sync::Arc;
use std::time::{Duration, Instant};

const BOTH: [Version; 2] = [Version::V311, Version::V5];

async fn goodbye(client: &mut Client, reason: Reason) {
    client
        .send(Packet::Disconnect(Disconnect {
            reason,
            properties: Properties::EMPTY,
        }))
        .await;
    assert!(client.receive_or_end().await.is_none());
}

#[tokio::test]
async fn a_lost_client_leaves_its_will_and_a_polite_one_does_not() {
    for version in BOTH {
        let house = House::open().await;
        let mut watcher = Client::connect(house.tcp(), version, "w").await;
        watcher.subscribe("gone/#", qos(1)).await;
        for polite in [true, false] {
            let topic = if polite { "gone/polite" } else { "gone/lost" };
            let connect = Connect {
                will: Some(will(topic, "bye")),
                ..hello(version, "c")
            };
            let (mut client, _) = Client::enter(house.tcp(), connect).await;
            if polite {
                goodbye(&mut client, Reason::SUCCESS).await;
            }
            drop(client);
        }
        let received = watcher.receive().await;
        assert_eq!(received.publish().topic, "gone/lost");
        let records = house.log.messages();
        assert_eq!(Envelope::read(&records[0]).unwrap().client, "c");
        assert_eq!(records.len(), 1);
    }
}

#[tokio::test]
async fn a_lost_client_without_a_will_leaves_nothing() {
    for version in BOTH {
        let house = House::open().await;
        let mut watcher = Client::connect(house.tcp(), version, "w").await;
        watcher.subscribe("#", qos(1)).await;
        let (lost, _) = Client::enter(house.tcp(), hello(version, "lost")).await;
        let (kept, _) = Client::come(house.tcp(), durable(version, "kept")).await;
        drop((lost, kept));
        until("they are gone", || house.broker.connections() == 1).await;
        watcher.publish(message(0, 0, "own", "")).await;
        assert_eq!(watcher.receive().await.publish().topic, "own");
        assert!(house.log.messages().is_empty());
    }
}

#[tokio::test]
async fn disconnect_with_will_publishes_it() {
    let house = House::open().await;
    let mut watcher = Client::connect(house.tcp(), Version::V5, "w").await;
    watcher.subscribe("gone", qos(1)).await;
    let connect = Connect {
        will: Some(will("gone", "bye")),
        ..hello(Version::V5, "c")
    };
    let (mut client, _) = Client::enter(house.tcp(), connect).await;
    goodbye(&mut client, Reason::DISCONNECT_WITH_WILL).await;
    assert_eq!(watcher.receive().await.publish().payload, b"bye");
}

#[tokio::test]
async fn a_delayed_will_is_off_when_the_client_comes_back() {
    let house = House::open().await;
    let mut expiry = PropertyList::default();
    expiry.push(Property::SessionExpiry(60));
    let mut delay = PropertyList::default();
    delay.push(Property::WillDelay(1));
    let connect = Connect {
        will: Some(Will {
            properties: delay.list(),
            ..will("gone", "bye")
        }),
        properties: expiry.list(),
        clean_start: false,
        ..hello(Version::V5, "c")
    };
    let (client, _) = Client::enter(house.tcp(), connect).await;
    drop(client);
    until("it is gone", || house.broker.connections() == 0).await;
    let (back, _) = Client::enter(house.tcp(), connect).await;
    assert!(house.log.messages().is_empty());
    let left = Instant::now();
    drop(back);
    // Now nobody comes back, and after the delay it is published, never before.
    until("the will", || house.log.messages().len() == 1).await;
    assert!(left.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn takeover_tells_the_old_connection_and_publishes_its_will() {
    for version in BOTH {
        let house = House::open().await;
        let connect = Connect {
            will: Some(will("gone", "bye")),
            ..hello(version, "c")
        };
        let (mut old, _) = Client::enter(house.tcp(), connect).await;
        old.subscribe("old/#", qos(1)).await;
        let mut new = Client::connect(house.tcp(), version, "c").await;
        old.expect_end(Reason::SESSION_TAKEN_OVER).await;
        until("the will", || house.log.messages().len() == 1).await;
        // The new session is clean: it has none of the old subscriptions.
        let mut publisher = Client::connect(house.tcp(), version, "p").await;
        publisher.publish_acked(message(1, 1, "old/x", "x")).await;
        assert!(!house.broker.has_subscriber("old/x"));
        new.ping().await;
    }
}

#[tokio::test]
async fn fault_7_two_clients_that_take_each_other_over_for_long_harm_nobody() {
    let house = House::open().await;
    let mut held = Client::connect(house.tcp(), Version::V5, "twin").await;
    for _ in 0..100 {
        let next = Client::connect(house.tcp(), Version::V5, "twin").await;
        held.expect_end(Reason::SESSION_TAKEN_OVER).await;
        held = next;
    }
    held.ping().await;
    until("one is left", || house.broker.connections() == 1).await;
}

#[tokio::test]
async fn a_session_keeps_its_filters_and_messages_until_its_client_is_back() {
    for version in BOTH {
        let house = House::open().await;
        let mut expiry = PropertyList::default();
        expiry.push(Property::SessionExpiry(60));
        let connect = Connect {
            clean_start: false,
            properties: match version {
                Version::V5 => expiry.list(),
                Version::V311 => Properties::EMPTY,
            },
            ..hello(version, "c")
        };
        let (mut client, connack) = Client::enter(house.tcp(), connect).await;
        assert!(matches!(connack.packet(), Packet::Connack(c) if !c.session_present));
        client.subscribe("a", qos(1)).await;
        goodbye(&mut client, Reason::SUCCESS).await;
        until("it is gone", || house.broker.connections() == 0).await;
        let mut publisher = Client::connect(house.tcp(), version, "p").await;
        let away = ["one", "two", "three"];
        for payload in away {
            publisher.publish_acked(message(1, 1, "a", payload)).await;
        }
        let (mut client, connack) = Client::enter(house.tcp(), connect).await;
        assert!(matches!(connack.packet(), Packet::Connack(c) if c.session_present));
        let mut ids = Vec::new();
        for payload in away {
            let received = client.receive().await;
            assert_eq!(received.publish().payload, payload.as_bytes());
            ids.push(received.publish().packet_id);
        }
        // Not acknowledged, so they come again, as duplicates, in their order.
        drop(client);
        until("it is gone", || house.broker.connections() == 1).await;
        let (mut client, _) = Client::enter(house.tcp(), connect).await;
        for (payload, id) in away.into_iter().zip(ids) {
            let received = client.receive().await;
            let publish = received.publish();
            assert_eq!((publish.packet_id, publish.dup), (id, true));
            assert_eq!(publish.payload, payload.as_bytes());
            client.send(Packet::Puback(Ack::success(id))).await;
        }
        client.ping().await;
    }
}

#[tokio::test]
async fn a_clean_start_drops_the_older_session() {
    let house = House::open().await;
    let connect = Connect {
        clean_start: false,
        ..hello(Version::V311, "c")
    };
    let (mut client, _) = Client::enter(house.tcp(), connect).await;
    client.subscribe("a", qos(1)).await;
    drop(client);
    let (_client, connack) = Client::enter(house.tcp(), hello(Version::V311, "c")).await;
    assert!(matches!(connack.packet(), Packet::Connack(c) if !c.session_present));
    assert!(!house.broker.has_subscriber("a"));
}

#[tokio::test]
async fn fault_7_an_empty_client_id_gets_one_if_the_session_is_clean() {
    let house = House::open().await;
    let mut assigned = Vec::new();
    for _ in 0..2 {
        let (client, connack) = Client::enter(house.tcp(), hello(Version::V5, "")).await;
        let Packet::Connack(answer) = connack.packet() else {
            panic!("no CONNACK");
        };
        let named = answer.properties.iter().find_map(|given| match given {
            Property::AssignedClientId(id) => Some(id.to_owned()),
            _ => None,
        });
        assigned.push((named.unwrap(), client));
    }
    assert!(!assigned[0].0.is_empty());
    assert_ne!(assigned[0].0, assigned[1].0);
    let _old = Client::connect(house.tcp(), Version::V311, "").await;
    let mut refused = Client::open(house.tcp(), Version::V311).await;
    let connect = Connect {
        clean_start: false,
        ..hello(Version::V311, "")
    };
    refused.send(Packet::Connect(connect)).await;
    refused.expect_refused(2).await;
}

#[tokio::test]
async fn a_silent_client_is_cut_after_one_and_a_half_keep_alives() {
    for version in BOTH {
        let house = House::open().await;
        let connect = Connect {
            keep_alive_s: 1,
            will: Some(will("gone", "silent")),
            ..hello(version, "c")
        };
        let (mut client, _) = Client::enter(house.tcp(), connect).await;
        let forever = Connect {
            keep_alive_s: 0,
            ..hello(version, "forever")
        };
        let (mut patient, _) = Client::enter(house.tcp(), forever).await;
        client.expect_end(Reason::KEEP_ALIVE_TIMEOUT).await;
        until("the will", || house.log.messages().len() == 1).await;
        patient.ping().await;
    }
}

#[tokio::test]
async fn fault_20_a_keep_alive_over_the_limit_is_lowered_and_said_so() {
    let limited = nhip_broker::Config {
        keep_alive_max_s: 300,
        ..config()
    };
    let house = House::with(limited, Arc::new(OpenAccess)).await;
    for (asked, is_lowered) in [(300, false), (0, true), (301, true), (65_535, true)] {
        let connect = Connect {
            keep_alive_s: asked,
            ..hello(Version::V5, "c")
        };
        let (_client, connack) = Client::enter(house.tcp(), connect).await;
        let Packet::Connack(answer) = connack.packet() else {
            panic!("no CONNACK");
        };
        let told = Property::ServerKeepAlive(300);
        let says_so = answer.properties.iter().any(|property| property == told);
        assert_eq!(says_so, is_lowered, "{asked}");
    }
}

#[tokio::test]
async fn shutdown_acknowledges_what_is_durable_and_says_why() {
    let house = House::open().await;
    house.log.hold();
    let mut client = Client::connect(house.tcp(), Version::V5, "c").await;
    let mut old = Client::connect(house.tcp(), Version::V311, "d").await;
    client.publish(message(1, 9, "a", "x")).await;
    until("it is queued", || house.log.queued() == 1).await;
    let shutdown = house.broker.shutdown(Duration::from_secs(5));
    let last = async {
        house.log.commit();
        let answer = client.receive().await;
        assert!(matches!(answer.packet(), Packet::Puback(ack) if ack.packet_id == 9));
        client.expect_end(Reason::SERVER_SHUTTING_DOWN).await;
        old.expect_end(Reason::SERVER_SHUTTING_DOWN).await;
    };
    let (told, ()) = tokio::join!(shutdown, last);
    assert!(told);
    assert!(tokio::net::TcpStream::connect(house.tcp()).await.is_err());
}
