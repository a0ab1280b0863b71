//! Fault 13: ways to read what one may not. `delivery.rs` has the plain ones.

use crate::kit::{Client, House, Rules, config, message, qos};
use nhip_broker::codec::Version;
use std::sync::Arc;

#[tokio::test]
async fn fault_13_a_shared_filter_shows_nothing_that_is_forbidden() {
    let house = House::with(config(), Arc::new(Rules)).await;
    for version in [Version::V5, Version::V311] {
        let refused = if version == Version::V5 { 0x87 } else { 0x80 };
        let mut client = Client::connect(house.tcp(), version, "c").await;
        let codes = client
            .subscribe_all(&[("$share/g/forbidden/x", qos(1)), ("$share/g/#", qos(1))])
            .await;
        assert_eq!(codes, [refused, 1]);
        // The platform may publish there.
        house
            .broker
            .publish_retained("forbidden/x", b"secret")
            .await;
        let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
        publisher.publish_acked(message(1, 1, "open", "x")).await;
        assert_eq!(client.receive().await.publish().topic, "open");
        client.ping().await;
    }
}
