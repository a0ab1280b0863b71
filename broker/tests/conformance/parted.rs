//! Members of a shared subscription that leave it with messages in their hands.

use crate::kit::{Client, House, config, durable, message, qos, until};
use crate::shared::{SHARE, acknowledge, next, publish, unsubscribe};
use nhip_broker::codec::Version;
use nhip_broker::{Config, OpenAccess};
use std::sync::Arc;

/// What is queued so far is folded, and where everything stands is kept.
async fn kept(house: &House) {
    for round in 0..2 {
        let mut client = Client::connect(house.tcp(), Version::V5, "kept").await;
        client.publish_acked(message(1, 1, "other", "x")).await;
        client.subscribe(&format!("{round}"), qos(0)).await;
    }
}

#[tokio::test]
async fn who_unsubscribes_keeps_what_it_has_in_its_hands_and_no_other_gets_it_too() {
    let house = House::with(
        Config {
            // With every stretch of the log.
            retained_checkpoint_s: 0,
            ..config()
        },
        Arc::new(OpenAccess),
    )
    .await;
    let (mut away, _) = Client::come(house.tcp(), durable(Version::V5, "away")).await;
    away.subscribe(SHARE, qos(1)).await;
    drop(away);
    until("it is away", || house.broker.connections() == 0).await;
    let mut leaves = Client::connect(house.tcp(), Version::V5, "leaves").await;
    leaves.subscribe(SHARE, qos(1)).await;
    publish(&house, 0..2).await;
    let (first, _) = next(&mut leaves).await;
    next(&mut leaves).await;
    unsubscribe(&mut leaves, SHARE).await;
    kept(&house).await;
    let (mut back, present) = Client::come(house.tcp(), durable(Version::V5, "away")).await;
    assert!(present);
    publish(&house, 2..3).await;
    let (id, payload) = next(&mut back).await;
    assert_eq!(payload, 2, "the others are in somebody's hands");
    acknowledge(&mut back, id).await;
    // One is acknowledged after all; the other is free when its client is gone.
    acknowledge(&mut leaves, first).await;
    leaves.ping().await;
    drop(leaves);
    assert_eq!(next(&mut back).await.1, 1);
    back.ping().await;
}

#[tokio::test]
async fn the_only_member_leaves_with_a_message_in_its_hands_and_finds_it_again() {
    for version in [Version::V311, Version::V5] {
        let house = House::open().await;
        let (mut only, _) = Client::come(house.tcp(), durable(version, "only")).await;
        only.subscribe(SHARE, qos(1)).await;
        publish(&house, 0..1).await;
        assert_eq!(next(&mut only).await.1, 0);
        drop(only);
        until("it is away", || house.broker.connections() == 0).await;
        publish(&house, 1..2).await;
        let (mut back, present) = Client::come(house.tcp(), durable(version, "only")).await;
        assert!(present);
        for expected in 0..2 {
            let (id, payload) = next(&mut back).await;
            assert_eq!(payload, expected);
            acknowledge(&mut back, id).await;
        }
        back.ping().await;
    }
}
