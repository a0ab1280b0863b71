//! Clients that take turns with the messages of one filter.

use crate::kit::{Client, House, config, durable, hello, message, qos, retained, until};
use nhip_broker::codec::{
    Ack, Connect, Filters, Packet, Properties, Property, PropertyList, Reason, Subscribe,
    SubscribeOptions, Unsubscribe, Version,
};
use std::collections::{BTreeMap, BTreeSet};

pub const SHARE: &str = "$share/g/a/#";

/// A member that takes two messages at a time.
fn two_at_a_time(list: &mut PropertyList) -> Properties<'_> {
    list.push(Property::ReceiveMaximum(2)).list()
}

pub async fn publish(house: &House, payloads: std::ops::Range<u32>) {
    let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
    for payload in payloads {
        let payload = payload.to_string();
        publisher
            .publish_acked(message(1, 1, "a/1", &payload))
            .await;
    }
}

pub async fn next(client: &mut Client) -> (u16, u32) {
    let received = client.receive().await;
    let publish = received.publish();
    let payload = std::str::from_utf8(publish.payload).unwrap();
    (publish.packet_id, payload.parse().unwrap())
}

pub async fn acknowledge(client: &mut Client, packet_id: u16) {
    client.send(Packet::Puback(Ack::success(packet_id))).await;
}

/// Takes and acknowledges what comes to any of them until there are `count`.
pub async fn take(clients: &mut [Client], count: usize) -> BTreeMap<u32, usize> {
    let mut taken = BTreeMap::new();
    let mut turn = 0;
    while taken.len() < count {
        turn += 1;
        let index = turn % clients.len();
        clients[index].send(Packet::Pingreq).await;
        loop {
            let received = clients[index].receive().await;
            let Packet::Publish(publish) = received.packet() else {
                assert_eq!(received.packet(), Packet::Pingresp);
                break;
            };
            let payload: u32 = std::str::from_utf8(publish.payload)
                .unwrap()
                .parse()
                .unwrap();
            let before = taken.insert(payload, index);
            assert!(before.is_none(), "{payload} came twice");
            if publish.qos > 0 {
                acknowledge(&mut clients[index], publish.packet_id).await;
            }
        }
    }
    taken
}

pub async fn unsubscribe(client: &mut Client, filter: &str) {
    let mut buffer = Vec::new();
    let none = Default::default();
    let filters = Filters::of([(filter, none)], false, client.version, &mut buffer);
    client
        .send(Packet::Unsubscribe(Unsubscribe {
            packet_id: 5,
            properties: Properties::EMPTY,
            filters,
        }))
        .await;
    let answer = client.receive().await;
    assert!(matches!(answer.packet(), Packet::Unsuback(_)));
}

#[tokio::test]
async fn each_message_goes_to_one_of_those_who_share() {
    for version in [Version::V311, Version::V5] {
        for granted in [0, 1] {
            let house = House::open().await;
            let mut members = Vec::new();
            for name in ["one", "two", "three"] {
                let mut member = Client::connect(house.tcp(), version, name).await;
                assert_eq!(member.subscribe(SHARE, qos(granted)).await, granted);
                members.push(member);
            }
            let mut other = Client::connect(house.tcp(), version, "other").await;
            other.subscribe("$share/h/a/1", qos(granted)).await;
            publish(&house, 0..60).await;
            let taken = take(&mut members, 60).await;
            for index in 0..3 {
                let each = taken.values().filter(|by| **by == index).count();
                assert!(each > 0, "member {index} had none");
            }
            take(&mut [other], 60).await;
        }
    }
}

#[tokio::test]
async fn who_shares_and_subscribes_gets_both() {
    let house = House::open().await;
    let mut client = Client::connect(house.tcp(), Version::V5, "c").await;
    client
        .subscribe_all(&[(SHARE, qos(1)), ("a/1", qos(1))])
        .await;
    publish(&house, 7..8).await;
    for _ in 0..2 {
        let (id, payload) = next(&mut client).await;
        assert_eq!(payload, 7);
        acknowledge(&mut client, id).await;
    }
    client.ping().await;
}

#[tokio::test]
async fn exactly_once_is_not_granted_to_one_of_many() {
    let house = House::open().await;
    let mut client = Client::connect(house.tcp(), Version::V5, "c").await;
    assert_eq!(client.subscribe(SHARE, qos(2)).await, 1);
    let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
    publisher.publish(message(2, 1, "a/1", "x")).await;
    assert_eq!(client.receive().await.publish().qos, 1);
}

#[tokio::test]
async fn what_a_lost_member_had_goes_to_another() {
    for version in [Version::V311, Version::V5] {
        let house = House::open().await;
        let (mut lost, _) = Client::come(house.tcp(), durable(version, "lost")).await;
        lost.subscribe(SHARE, qos(1)).await;
        publish(&house, 0..5).await;
        let (first, _) = next(&mut lost).await;
        for _ in 1..5 {
            next(&mut lost).await;
        }
        acknowledge(&mut lost, first).await;
        lost.ping().await;
        let mut other = Client::connect(house.tcp(), version, "other").await;
        other.subscribe(SHARE, qos(1)).await;
        other.ping().await;
        drop(lost);
        let taken = take(std::slice::from_mut(&mut other), 4).await;
        assert_eq!(taken.into_keys().collect::<Vec<_>>(), [1, 2, 3, 4]);
        let (mut back, present) = Client::come(house.tcp(), durable(version, "lost")).await;
        assert!(present);
        back.ping().await;
    }
}

#[tokio::test]
async fn what_a_member_refuses_goes_to_nobody_else() {
    let house = House::open().await;
    let mut one = Client::connect(house.tcp(), Version::V5, "one").await;
    one.subscribe(SHARE, qos(1)).await;
    publish(&house, 0..1).await;
    let (id, _) = next(&mut one).await;
    one.send(Packet::Puback(Ack::with(id, Reason::UNSPECIFIED)))
        .await;
    one.ping().await;
    let mut other = Client::connect(house.tcp(), Version::V5, "other").await;
    other.subscribe(SHARE, qos(1)).await;
    drop(one);
    until("it is gone", || house.broker.connections() == 1).await;
    publish(&house, 1..2).await;
    assert_eq!(next(&mut other).await.1, 1);
}

#[tokio::test]
async fn full_hands_leave_the_rest_in_the_log() {
    let house = House::open().await;
    let mut members = Vec::new();
    for name in ["one", "two"] {
        let mut list = PropertyList::default();
        let connect = Connect {
            properties: two_at_a_time(&mut list),
            ..hello(Version::V5, name)
        };
        let (mut member, _) = Client::enter(house.tcp(), connect).await;
        member.subscribe(SHARE, qos(1)).await;
        members.push(member);
    }
    publish(&house, 0..50).await;
    let mut held = Vec::new();
    for member in &mut members {
        let ids = [next(member).await.0, next(member).await.0];
        member.ping().await;
        held.push(ids);
    }
    for (member, ids) in members.iter_mut().zip(held) {
        for id in ids {
            acknowledge(member, id).await;
        }
    }
    take(&mut members, 46).await;
}

#[tokio::test]
async fn those_who_are_away_find_what_they_share_also_after_a_restart() {
    let house = House::open().await;
    for name in ["one", "two"] {
        let (mut member, _) = Client::come(house.tcp(), durable(Version::V5, name)).await;
        member.subscribe(SHARE, qos(1)).await;
    }
    until("both are gone", || house.broker.connections() == 0).await;
    publish(&house, 0..10).await;
    let (mut one, present) = Client::come(house.tcp(), durable(Version::V5, "one")).await;
    assert!(present);
    for _ in 0..10 {
        let (id, payload) = next(&mut one).await;
        if payload < 6 {
            acknowledge(&mut one, id).await;
        }
    }
    one.ping().await;
    let house = house.reopen(config()).await;
    publish(&house, 10..12).await;
    let (mut two, present) = Client::come(house.tcp(), durable(Version::V5, "two")).await;
    assert!(present);
    let taken = take(std::slice::from_mut(&mut two), 6).await;
    assert_eq!(taken.into_keys().collect::<Vec<_>>(), [6, 7, 8, 9, 10, 11]);
    let (mut one, present) = Client::come(house.tcp(), durable(Version::V5, "one")).await;
    assert!(present);
    one.ping().await;
    publish(&house, 12..20).await;
    take(&mut [one, two], 8).await;
}

#[tokio::test]
async fn those_who_share_go_on_with_the_oldest_record_and_keep_their_sessions() {
    for restarts in [false, true] {
        let mut house = House::open().await;
        let connect = durable(Version::V5, "away");
        let (mut away, _) = Client::come(house.tcp(), connect).await;
        away.subscribe(SHARE, qos(1)).await;
        let idle = durable(Version::V5, "idle");
        drop(Client::come(house.tcp(), idle).await);
        drop(away);
        until("they are gone", || house.broker.connections() == 0).await;
        publish(&house, 0..3).await;
        // Answered when everything before it is folded, which pins the log otherwise.
        let mut probe = Client::connect(house.tcp(), Version::V5, "probe").await;
        probe.subscribe("$share/x/y", qos(1)).await;
        drop(probe);
        house.log.trim();
        publish(&house, 3..6).await;
        // A worker that was about to read for "away" may see the loss before the restart, and
        // too late for the checkpoint: then it is seen again.
        let before = house.metrics.sessions_trimmed.clone();
        if restarts {
            house = house.reopen(config()).await;
        }
        let (mut away, present) = Client::come(house.tcp(), connect).await;
        assert!(present);
        let taken = take(std::slice::from_mut(&mut away), 3).await;
        assert_eq!(taken.into_keys().collect::<Vec<_>>(), [3, 4, 5]);
        let since = house.metrics.sessions_trimmed.clone();
        let trimmed = || since.get() + if restarts { before.get() } else { 0 };
        until("the group's loss is counted", || trimmed() > 0).await;
        let counted = trimmed();
        let (mut idle, present) = Client::come(house.tcp(), idle).await;
        assert!(present, "nothing could be for it");
        idle.ping().await;
        assert_eq!(trimmed(), counted);
    }
}

#[tokio::test]
async fn members_that_come_and_go_lose_nothing_together() {
    const NAMES: [&str; 3] = ["one", "two", "three"];
    let house = House::open().await;
    let mut members = [None, None, None];
    for (member, name) in members.iter_mut().zip(NAMES) {
        let (mut client, _) = Client::come(house.tcp(), durable(Version::V5, name)).await;
        client.subscribe(SHARE, qos(1)).await;
        *member = Some(client);
    }
    let (mut published, mut done) = (0, BTreeSet::new());
    for round in 0..60 {
        let index = (round * 7 + round / 3) % 3;
        // Every other time the client is lost, with what it has in its hands.
        let held = members[index].take().filter(|_| round % 2 == 1);
        let mut client = match held {
            Some(client) => client,
            None => {
                let connect = durable(Version::V5, NAMES[index]);
                Client::come(house.tcp(), connect).await.0
            }
        };
        publish(&house, published..published + 5).await;
        published += 5;
        client.send(Packet::Pingreq).await;
        loop {
            let received = client.receive().await;
            let Packet::Publish(publish) = received.packet() else {
                break;
            };
            let payload: u32 = std::str::from_utf8(publish.payload)
                .unwrap()
                .parse()
                .unwrap();
            if !payload.is_multiple_of(3) {
                assert!(done.insert(payload), "{payload} came again");
                acknowledge(&mut client, publish.packet_id).await;
            }
        }
        // Its acknowledgements are there before it may be lost.
        client.send(Packet::Pingreq).await;
        while !matches!(client.receive().await.packet(), Packet::Pingresp) {}
        members[index] = Some(client);
    }
    drop(members);
    let (mut last, _) = Client::come(house.tcp(), durable(Version::V5, "last")).await;
    last.subscribe(SHARE, qos(1)).await;
    while done.len() < published as usize {
        let (id, payload) = next(&mut last).await;
        assert!(done.insert(payload), "{payload} came again");
        acknowledge(&mut last, id).await;
    }
    last.ping().await;
}

#[tokio::test]
async fn a_share_that_everybody_left_begins_anew() {
    for connect in [hello(Version::V5, "c"), durable(Version::V5, "c")] {
        let house = House::open().await;
        let (mut client, _) = Client::enter(house.tcp(), connect).await;
        client.subscribe(SHARE, qos(1)).await;
        unsubscribe(&mut client, SHARE).await;
        publish(&house, 0..3).await;
        client.subscribe(SHARE, qos(1)).await;
        publish(&house, 3..4).await;
        assert_eq!(next(&mut client).await.1, 3);
        client.ping().await;
        drop(client);
        // The same after a restart, when only the log and the kept state know of it.
        let house = house.reopen(config()).await;
        let mut other = Client::connect(house.tcp(), Version::V5, "other").await;
        other.subscribe(SHARE, qos(1)).await;
        publish(&house, 4..5).await;
        let taken = take(std::slice::from_mut(&mut other), 1).await;
        let expected = if connect.clean_start { 4 } else { 3 };
        assert_eq!(taken.into_keys().next(), Some(expected));
    }
}

#[tokio::test]
async fn a_share_needs_a_name_and_a_filter_and_gets_no_retained_messages() {
    let house = House::open().await;
    let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
    publisher.publish_acked(retained(1, "a/1", "old")).await;
    let mut client = Client::connect(house.tcp(), Version::V5, "c").await;
    let invalid = Reason::TOPIC_FILTER_INVALID.0;
    for bad in [
        "$share/g",
        "$share//a",
        "$share/g/",
        "$share/+/a",
        "$share/g/a#",
    ] {
        assert_eq!(client.subscribe(bad, qos(1)).await, invalid, "{bad}");
    }
    assert_eq!(client.subscribe(SHARE, qos(1)).await, 1);
    client.ping().await;
    let mut buffer = Vec::new();
    let no_local = SubscribeOptions {
        no_local: true,
        ..qos(1)
    };
    let filters = Filters::of([(SHARE, no_local)], true, Version::V5, &mut buffer);
    client
        .send(Packet::Subscribe(Subscribe {
            packet_id: 1,
            properties: Properties::EMPTY,
            filters,
        }))
        .await;
    client.expect_end(Reason::PROTOCOL_ERROR).await;
}
