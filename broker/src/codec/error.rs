//! Why bytes are no packet.

use super::Reason;
use thiserror::Error;

/// Why bytes are no packet. All of them end the connection: after one of them the stream
/// can't be trusted to be in step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The bytes break the grammar of a packet.
    #[error("malformed packet: {0}")]
    Malformed(&'static str),
    /// The grammar is kept and a rule of the protocol is not.
    #[error("protocol error: {0}")]
    Protocol(&'static str),
    /// The packet says that it is longer than is allowed.
    #[error("packet of {bytes} B is over the limit of {bytes_max} B")]
    TooLarge {
        /// Bytes of the whole packet as its header says.
        bytes: usize,
        /// The limit in force.
        bytes_max: usize,
    },
    /// CONNECT asks for a protocol that isn't MQTT 3.1.1 or 5.
    #[error("unsupported protocol level {0}")]
    UnsupportedVersion(u8),
    /// A topic name is empty or holds a wildcard.
    #[error("invalid topic name")]
    TopicName,
    /// A topic filter breaks the rules for wildcards.
    #[error("invalid topic filter")]
    TopicFilter,
}

impl DecodeError {
    /// The MQTT 5 reason code that tells a client of it.
    pub const fn reason(self) -> Reason {
        match self {
            Self::Malformed(_) => Reason::MALFORMED_PACKET,
            Self::Protocol(_) => Reason::PROTOCOL_ERROR,
            Self::TooLarge { .. } => Reason::PACKET_TOO_LARGE,
            Self::UnsupportedVersion(_) => Reason::UNSUPPORTED_PROTOCOL_VERSION,
            Self::TopicName => Reason::TOPIC_NAME_INVALID,
            Self::TopicFilter => Reason::TOPIC_FILTER_INVALID,
        }
    }
}
