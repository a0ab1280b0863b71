//! A message on its way into the session.

use crate::{WRITE_TIMEOUT_US, platform::Platform, shared::Shared};
use core::pin::pin;
use embedded_io_async::{Read, Write};
use minimq::{Connection, Error, Op, PubError, Publication, QoS, ResourceError};

/// How a message goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// At QoS 1: repeated until it is acknowledged.
    Acknowledged,
    /// At QoS 0.
    Once,
    /// At QoS 0, and the broker keeps it.
    Retained,
}

/// Why a message wasn't handed to the session.
pub(super) enum Unsent {
    /// There is no room at the moment.
    Full,
    /// The broker takes none of this size.
    TooLarge,
    /// The connection is gone; the session may have kept the message or not.
    Broken,
}

/// Hands a message (topic, payload, how) to the session.
///
/// All messages go through here: the session's own code for it is big, and there once.
pub(super) async fn hand_over<P: Platform, IO: Read + Write>(
    shared: &Shared<'_, P>,
    connection: &mut Connection<'_, '_, IO>,
    (topic, payload, how): (&str, &[u8], How),
) -> Result<Option<Op>, Unsent> {
    let publication = Publication::bytes(topic, payload);
    let publication = match how {
        How::Acknowledged => publication.qos(QoS::AtLeastOnce),
        How::Once => publication,
        How::Retained => publication.retain(),
    };
    match shared
        .within(WRITE_TIMEOUT_US, pin!(connection.publish(publication)))
        .await
    {
        Some(Ok(op)) => Ok(op),
        Some(Err(PubError::Session(Error::Resource(ResourceError::PacketTooLarge)))) => {
            Err(Unsent::TooLarge)
        }
        Some(Err(PubError::Payload(_)))
        | Some(Err(PubError::Session(Error::Resource(_) | Error::NotReady))) => Err(Unsent::Full),
        _ => Err(Unsent::Broken),
    }
}
