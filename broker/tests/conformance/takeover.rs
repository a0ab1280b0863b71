//! What the broker is doing for a client while it comes a second time.

use crate::kit::{Client, House, config, durable, message, qos, until};
use nhip_broker::codec::{Ack, Connect, Packet, Properties, Property, PropertyList, Version};
use nhip_broker::{Access, Principal};
use parking_lot::{Condvar, Mutex};
use std::{collections::BTreeMap, sync::Arc};

/// Whoever publishes to `gate` waits until it is opened.
#[derive(Default)]
struct Gate {
    /// Whether it is open, and whether somebody is there.
    state: Mutex<(bool, bool)>,
    opened: Condvar,
}

impl Gate {
    fn open(&self) {
        self.state.lock().0 = true;
        self.opened.notify_all();
    }
}

impl Access for Gate {
    fn may_publish(&self, _: &Principal, topic: &str) -> bool {
        if topic == "gate" {
            tokio::task::block_in_place(|| {
                let mut state = self.state.lock();
                state.1 = true;
                self.opened.wait_while(&mut state, |(open, _)| !*open);
            });
        }
        true
    }

    fn may_subscribe(&self, _: &Principal, _: &str) -> bool {
        true
    }

    fn may_read(&self, _: &Principal, _: &str) -> bool {
        true
    }
}

/// The next messages, packet id by payload.
async fn receive(client: &mut Client, count: usize) -> BTreeMap<String, u16> {
    let mut received = BTreeMap::new();
    for _ in 0..count {
        let packet = client.receive().await;
        let publish = packet.publish();
        let payload = String::from_utf8(publish.payload.to_vec()).unwrap();
        received.insert(payload, publish.packet_id);
    }
    received
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_acknowledgement_finishes_nothing_of_the_next_connection() {
    const SHARED: usize = 20;
    let gate = Arc::new(Gate::default());
    let house = House::with(config(), Arc::clone(&gate) as Arc<dyn Access>).await;
    let connect = durable(Version::V5, "c");
    let (mut first, _) = Client::come(house.tcp(), connect).await;
    let filters = [("$share/g/a", qos(1)), ("own", qos(1))];
    first.subscribe_all(&filters).await;
    let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
    for number in 0..SHARED {
        let payload = number.to_string();
        publisher.publish_acked(message(1, 1, "a", &payload)).await;
    }
    receive(&mut first, SHARED).await;
    let (mut second, _) = Client::come(house.tcp(), connect).await;
    let shared = receive(&mut second, SHARED).await;
    publisher.publish_acked(message(1, 1, "own", "own")).await;
    // The id of the client's own message, which one that it shares has on this connection.
    let id = u16::try_from(house.log.records().len()).unwrap();
    assert!(shared.values().any(|held| *held == id));
    let mut both = Vec::new();
    Packet::Publish(message(0, 0, "gate", "")).write(Version::V5, &mut both);
    Packet::Puback(Ack::success(id)).write(Version::V5, &mut both);
    second.send_bytes(&both).await;
    until("it waits at the gate", || gate.state.lock().1).await;
    let (mut third, _) = Client::come(house.tcp(), connect).await;
    assert_eq!(receive(&mut third, SHARED + 1).await["own"], id);
    gate.open();
    while second.receive_or_end().await.is_some() {}
    let (mut fourth, _) = Client::come(house.tcp(), connect).await;
    let again = receive(&mut fourth, SHARED + 1).await;
    assert!(again.contains_key("own"), "it was never acknowledged");
}

#[tokio::test]
async fn what_was_read_for_the_last_connection_is_not_given_to_the_next() {
    let house = House::open().await;
    let mut list = PropertyList::default();
    list.push(Property::SessionExpiry(60));
    let properties: Properties<'_> = list.push(Property::ReceiveMaximum(2)).list();
    let connect = Connect {
        properties,
        ..durable(Version::V5, "c")
    };
    let (mut client, _) = Client::come(house.tcp(), connect).await;
    client.subscribe("a", qos(1)).await;
    let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
    for number in 0..10 {
        let payload = number.to_string();
        publisher.publish_acked(message(1, 1, "a", &payload)).await;
    }
    receive(&mut client, 2).await;
    let (mut client, _) = Client::come(house.tcp(), connect).await;
    let held = receive(&mut client, 2).await;
    house.log.hold_readers();
    // The second, so that the first is still to come again; it makes room for more.
    client.send(Packet::Puback(Ack::success(held["1"]))).await;
    until("the log is read", || house.log.readers_waiting() > 0).await;
    let (mut client, _) = Client::come(house.tcp(), connect).await;
    house.log.let_read();
    for number in [0, 2, 3, 4, 5, 6, 7, 8, 9] {
        let received = receive(&mut client, 1).await;
        let id = received[&number.to_string()];
        client.send(Packet::Puback(Ack::success(id))).await;
    }
    client.ping().await;
}
