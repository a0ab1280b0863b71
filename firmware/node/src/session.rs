//! The session with the broker, as the configuration has it.

use crate::{config::Config, link::OFFLINE, node::SESSION_EXPIRY_S, topics::Topics};
use minimq::{Buffers, ConfigBuilder, QoS, Session, Will};

/// None if the name or the topics don't fit, which was checked before.
pub(crate) fn session<'b>(
    config: &Config<'b>,
    topics: &Topics,
    receive: &'b mut [u8],
    transmit: &'b mut [u8],
) -> Option<Session<'b>> {
    let will = Will::new(&topics.status, OFFLINE, &[]).ok()?;
    let mut builder = ConfigBuilder::new(Buffers::new(receive, transmit))
        .client_id(config.device)
        .ok()?
        .keepalive_interval(config.keep_alive_s)
        .session_expiry_interval(SESSION_EXPIRY_S)
        .will(will.retained().qos(QoS::AtLeastOnce))
        .ok()?;
    if let Some((user, password)) = config.credentials {
        builder = builder.auth(user, password).ok()?;
    }
    Some(Session::new(builder))
}
