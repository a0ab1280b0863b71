//! Listens to everything that a device publishes.

use super::{Judge, Seen};
use rumqttc::v5::{
    AsyncClient, Event, MqttOptions,
    mqttbytes::{
        QoS,
        v5::{Filter, Packet},
    },
};
use std::{
    net::SocketAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::time::{Instant, timeout_at};

/// Why a device can't be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// There is no broker, or it ended the connection.
    #[error(
        "no platform takes MQTT at {address}, or it ended the connection ({reason}); start it \
         with `nhip up`, or say where it is with --mqtt"
    )]
    Connection {
        /// Where it should be.
        address: SocketAddr,
        /// What the connection said.
        reason: String,
    },
    /// The broker doesn't let this client see the device's topics.
    #[error("the broker refuses a subscription to {filter}")]
    Subscription {
        /// The filter.
        filter: String,
    },
}

const QUEUE: usize = 16;
const PACKET_BYTES_MAX: u32 = 1 << 20;
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// The command that makes a device visible, and nothing else, for a second.
const COMMAND: &str = "identify";

/// Watches a device for a while. If it is to `identify` itself, that command is sent to it first.
pub async fn watch(
    address: SocketAddr,
    device: &str,
    long: Duration,
    identify: bool,
) -> Result<Judge, WatchError> {
    let client_id = format!("nhip-check-{:08x}", std::process::id());
    let mut options = MqttOptions::new(client_id, address.ip().to_string(), address.port());
    options
        .set_keep_alive(KEEP_ALIVE)
        .set_clean_start(true)
        .set_max_packet_size(Some(PACKET_BYTES_MAX));
    let (client, mut events) = AsyncClient::new(options, QUEUE);
    let filter = format!("devices/{device}/#");
    let subscription = Filter {
        preserve_retain: true,
        ..Filter::new(filter.clone(), QoS::AtLeastOnce)
    };
    // The queue has room, and the event loop is there.
    drop(client.try_subscribe_many([subscription]));
    let until = Instant::now() + long;
    let mut judge = Judge::default();
    if identify {
        let id = format!("check-{:x}", now_ms());
        let topic = format!("devices/{device}/commands/{COMMAND}");
        let payload = format!(r#"{{"id":"{id}","seconds":1}}"#);
        drop(client.try_publish(topic, QoS::AtLeastOnce, false, payload));
        judge.asked(&id);
    }
    while let Ok(event) = timeout_at(until, events.poll()).await {
        match event {
            Ok(Event::Incoming(Packet::Publish(publish))) => judge.see(&Seen {
                at_ms: now_ms(),
                topic: String::from_utf8_lossy(&publish.topic).into_owned(),
                payload: publish.payload.to_vec(),
                qos: publish.qos as u8,
                retain: publish.retain,
            }),
            Ok(Event::Incoming(Packet::SubAck(ack))) => {
                use rumqttc::v5::mqttbytes::v5::SubscribeReasonCode::Success;
                if !ack
                    .return_codes
                    .iter()
                    .all(|code| matches!(code, Success(_)))
                {
                    return Err(WatchError::Subscription { filter });
                }
            }
            Ok(_) => {}
            Err(error) => {
                let reason = error.to_string();
                return Err(WatchError::Connection { address, reason });
            }
        }
    }
    Ok(judge)
}

fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
