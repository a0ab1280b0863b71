//! Whether a broker lets a client in.

use super::link::{self, Event, Introduction};
use super::{Config, Protocol};
use std::{net::SocketAddr, time::Duration};
use tokio::time::timeout;

/// How long the broker may take to hear the goodbye.
const GOODBYE_MAX: Duration = Duration::from_secs(1);

/// Connects, and leaves again; an error is what the connection said.
pub(crate) async fn knock(address: SocketAddr) -> Result<(), String> {
    let bounds = Config::new(address);
    let client_id = format!("knock-{:08x}", std::process::id());
    let (sender, mut wheel) = link::open(&Introduction {
        address,
        client_id: &client_id,
        protocol: Protocol::V4,
        keep_alive: Duration::from_secs(bounds.keep_alive_s.into()),
        window: bounds.window,
        packet_bytes_max: bounds.packet_bytes_max,
        will_topic: None,
    });
    while wheel.turn().await? != Event::Connected {}
    if sender.disconnect().is_ok() {
        // The goodbye is written by turning on, until the connection is gone.
        while let Ok(Ok(_)) = timeout(GOODBYE_MAX, wheel.turn()).await {}
    }
    Ok(())
}
