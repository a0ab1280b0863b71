//! Retained messages at their limits when another process goes on with them.

use crate::kit::{Client, House, config, retained, until};
use crate::retained_limits::{kept, limited};
use nhip_broker::codec::{Reason, Version};
use nhip_broker::{Config, OpenAccess};
use std::sync::Arc;

const TAKEN: Reason = Reason::SUCCESS;
const FULL: Reason = Reason::QUOTA_EXCEEDED;

/// Publishes topics and payloads one by one, and compares the answers.
async fn publish(house: &House, expected: &[(&str, &str, Reason)]) {
    let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
    for (topic, payload, reason) in expected {
        let answer = publisher.publish_acked(retained(1, topic, payload)).await;
        assert_eq!(answer, *reason, "{topic} {payload:?}");
    }
}

#[tokio::test]
async fn what_was_acknowledged_and_not_kept_before_a_crash_is_there_and_counts() {
    let limited = Config {
        retained_max: 3,
        ..config()
    };
    let house = House::with(limited.clone(), Arc::new(OpenAccess)).await;
    publish(&house, &[("r/1", "x", TAKEN), ("r/2", "x", TAKEN)]).await;
    let house = house.reopen(limited.clone()).await;
    let image = house.image();
    let beyond_the_checkpoint = [
        ("r/1", "newer", TAKEN),
        ("r/2", "", TAKEN),
        ("r/3", "x", TAKEN),
        ("r/4", "x", TAKEN),
        ("r/5", "x", FULL),
    ];
    publish(&house, &beyond_the_checkpoint).await;
    let house = house.reopen_on(limited.clone(), image.path()).await;
    let after_the_crash = [
        ("r/2", "back", FULL),
        ("r/5", "x", FULL),
        ("r/3", "newer", TAKEN),
        ("r/4", "", TAKEN),
        ("r/2", "back", TAKEN),
        ("r/5", "x", FULL),
    ];
    publish(&house, &after_the_crash).await;
    let house = house.reopen_on(limited, image.path()).await;
    publish(&house, &[("r/5", "x", FULL), ("r/1", "newest", TAKEN)]).await;
    let kept = kept(&house, "s").await;
    let expected = [("r/1", "newest"), ("r/2", "back"), ("r/3", "newer")];
    assert_eq!(kept.len(), expected.len());
    for (topic, payload) in expected {
        assert_eq!(kept[topic], payload.as_bytes(), "{topic}");
    }
    until("they are counted", || house.metrics.retained.get() == 3).await;
}

#[tokio::test]
async fn what_is_kept_stays_when_the_limits_are_lowered() {
    let (house, mut publisher) = limited(config()).await;
    for topic in ["r/1", "r/2", "r/3"] {
        publisher.publish_acked(retained(1, topic, "four")).await;
    }
    let lowered = Config {
        retained_max: 2,
        retained_bytes_max: 40,
        ..config()
    };
    let house = house.reopen(lowered).await;
    let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
    for (topic, payload, reason) in [
        ("r/4", "x", Reason::QUOTA_EXCEEDED),
        ("r/1", "longer", Reason::QUOTA_EXCEEDED),
        ("r/2", "same", Reason::SUCCESS),
        ("r/3", "", Reason::SUCCESS),
        ("r/4", "x", Reason::QUOTA_EXCEEDED),
    ] {
        let answer = publisher.publish_acked(retained(1, topic, payload)).await;
        assert_eq!(answer, reason, "{topic} {payload}");
    }
    let kept = kept(&house, "s").await;
    assert_eq!(kept.len(), 2);
    assert_eq!(
        (&kept["r/1"][..], &kept["r/2"][..]),
        (&b"four"[..], &b"same"[..])
    );
}
