//! The embedded router dies, or stands still, and nobody but the operator notices.

use crate::kit::{Client, House, config, durable, message, qos, until};
use nhip_broker::Config;
use nhip_broker::codec::{Ack, Packet, Reason, Version};
use nhip_broker::fanout::{Carrier, CarrierError, Engine, carrier, router};
use parking_lot::Mutex;
use rumqttd::local::{LinkBuilder, LinkTx};
use std::sync::Arc;

/// Messages before the harm, and behind it.
const MESSAGES: usize = 50;

/// What can be done to the router that runs now.
type Harm = Box<dyn FnOnce() + Send>;

/// Real routers, with a way to harm each.
#[derive(Clone, Copy)]
enum Way {
    Panic,
    StandStill,
}

struct Frail {
    way: Way,
    harm: Arc<Mutex<Option<Harm>>>,
}

impl Engine for Frail {
    fn open(&self) -> Result<Box<dyn Carrier>, CarrierError> {
        let sender = router(0).spawn();
        let carrier = carrier(|name| LinkBuilder::new(name, sender.clone()));
        let way = self.way;
        *self.harm.lock() = Some(Box::new(move || {
            let (mut link, _notices, _) = LinkBuilder::new("harm", sender.clone()).build().unwrap();
            match way {
                // rumqttd cuts the first byte of the topic off, which is half of this letter.
                Way::Panic => drop(link.publish("đo/1", "x").unwrap()),
                // The router takes the lock of a link to read what it sent: the third link's is
                // never given back.
                Way::StandStill => {
                    std::mem::forget(link.buffer());
                    let mut same = LinkTx::new(2, sender, Arc::default());
                    same.publish("x", "x").unwrap();
                    std::mem::forget(link);
                }
            }
        }));
        carrier
    }
}

async fn nobody_notices(way: Way) {
    let harm = Arc::new(Mutex::new(None));
    let engine = Frail {
        way,
        harm: Arc::clone(&harm),
    };
    let impatient = Config {
        router_stall_ms: 500,
        ..config()
    };
    let house = House::with_engine(impatient, engine).await;
    let connect = durable(Version::V5, "subscriber");
    let (mut subscriber, _) = Client::come(house.tcp(), connect).await;
    subscriber.subscribe("m/#", qos(1)).await;
    let mut publisher = Client::connect(house.tcp(), Version::V5, "publisher").await;
    for number in 0..2 * MESSAGES {
        if number == MESSAGES {
            do_harm(&harm).await;
        }
        let payload = number.to_string();
        let publish = message(1, 1, "m/1", &payload);
        assert_eq!(publisher.publish_acked(publish).await, Reason::SUCCESS);
    }
    for number in 0..2 * MESSAGES {
        let received = subscriber.receive().await;
        let publish = received.publish();
        assert_eq!(publish.payload, number.to_string().as_bytes());
        let ack = Ack::success(publish.packet_id);
        subscriber.send(Packet::Puback(ack)).await;
    }
    let rebuilds = house.metrics.router_rebuilds.get();
    assert_ne!(rebuilds, 0);
    // While nobody publishes the canary notices it.
    do_harm(&harm).await;
    let rebuilt = || house.metrics.router_rebuilds.get() > rebuilds;
    until("the next router", rebuilt).await;
    assert_eq!(house.broker.problem(), None);
}

async fn do_harm(harm: &Mutex<Option<Harm>>) {
    until("a router", || harm.lock().is_some()).await;
    let harm = harm.lock().take().unwrap();
    harm();
}

#[tokio::test]
async fn a_router_that_panics_costs_nobody_a_message() {
    nobody_notices(Way::Panic).await;
}

#[tokio::test]
async fn a_router_that_stands_still_costs_nobody_a_message() {
    nobody_notices(Way::StandStill).await;
}
