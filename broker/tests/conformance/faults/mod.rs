//! Inputs that kill other brokers: each must end at most its own connection. The numbers are those
//! of the table in `docs/broker.md`.

mod clients;
mod packets;
mod rights;
mod topics;

use crate::kit::{Client, House, message, qos};
use nhip_broker::codec::{Reason, Version};

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
