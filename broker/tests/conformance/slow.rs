//! Many subscribers that read nothing for a while.

use crate::kit::{Client, House, config, message, qos, until};
use nhip_broker::codec::{Ack, Packet, Version};
use nhip_broker::{Config, OpenAccess};
use std::sync::Arc;

/// Of those with QoS 0 and of those with QoS 1.
const SLOW: usize = 6;
const MESSAGES: u16 = 1_500;
const BYTES: usize = 10_000;
const TOTAL: usize = 1 << 20;

async fn slow(house: &House, granted: u8) -> Vec<Client> {
    let mut clients = Vec::new();
    for number in 0..SLOW {
        let name = format!("slow {granted} {number}");
        let mut client = Client::connect(house.tcp(), Version::V5, &name).await;
        client.subscribe("a", qos(granted)).await;
        clients.push(client);
    }
    clients
}

/// The messages that come with QoS 1, in their order.
async fn assert_whole(client: &mut Client) {
    for number in 0..MESSAGES {
        let received = client.receive().await;
        let publish = received.publish();
        assert!(publish.payload.starts_with(format!("{number} ").as_bytes()));
        let ack = Packet::Puback(Ack::success(publish.packet_id));
        client.send(ack).await;
    }
}

#[tokio::test]
async fn many_slow_subscribers_share_so_many_bytes_and_neither_they_nor_others_lose_by_it() {
    let house = House::with(
        Config {
            outgoing_total_bytes_max: TOTAL,
            ..config()
        },
        Arc::new(OpenAccess),
    )
    .await;
    let (never, mut once) = (slow(&house, 0).await, slow(&house, 1).await);
    let mut publisher = Client::connect(house.tcp(), Version::V5, "publisher").await;
    let mut reader = Client::connect(house.tcp(), Version::V5, "reader").await;
    reader.subscribe("b", qos(0)).await;
    let held = || usize::try_from(house.metrics.outgoing_bytes.get()).unwrap();
    let mut most = 0;
    for number in 0..MESSAGES {
        let payload = format!("{number} {}", "x".repeat(BYTES));
        let publish = message(1, number + 1, "a", &payload);
        publisher.publish_acked(publish).await;
        most = most.max(held());
        if number % 100 == 0 {
            publisher.publish(message(0, 0, "b", "")).await;
            assert_eq!(reader.receive().await.publish().topic, "b");
        }
    }
    let dropped = house
        .metrics
        .dropped
        .with_label_values(&["subscriber_slow"]);
    until("some is dropped", || dropped.get() > 0).await;
    // Each may have one message and 16 KiB more, encoded and on its way to the socket.
    let little = 2 * (BYTES + (16 << 10));
    assert!(most > TOTAL / 2, "{most} B");
    assert!(most < TOTAL + 2 * SLOW * little, "{most} B");
    for client in &mut once {
        assert_whole(client).await;
    }
    drop((never, once));
    until("it is given back", || held() == 0).await;
}
