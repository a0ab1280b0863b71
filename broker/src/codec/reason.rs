//! MQTT 5 reason codes.

use super::{DecodeError, Kind, Version};

/// One reason code as MQTT 5 defines it (section 2.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Reason(pub u8);

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        impl Reason {
            $($(#[$doc])* pub const $name: Self = Self($code);)*

            /// A short name for logs and metric labels.
            pub const fn name(self) -> &'static str {
                match self.0 {
                    $($code => $text,)*
                    _ => "other",
                }
            }
        }
    };
}

reasons! {
    /// Done, or a normal disconnection, or QoS 0 granted.
    SUCCESS = 0x00, "success";
    /// Nobody subscribes to it; still a success.
    NO_MATCHING_SUBSCRIBERS = 0x10, "no_matching_subscribers";
    /// There was no such subscription.
    NO_SUBSCRIPTION_EXISTED = 0x11, "no_subscription_existed";
    /// Disconnect and publish the will.
    DISCONNECT_WITH_WILL = 0x04, "disconnect_with_will";
    /// Nothing more precise can be said.
    UNSPECIFIED = 0x80, "unspecified";
    /// Bytes that are no packet.
    MALFORMED_PACKET = 0x81, "malformed_packet";
    /// A packet that may not come here or now.
    PROTOCOL_ERROR = 0x82, "protocol_error";
    /// Valid, and not accepted by this server.
    IMPLEMENTATION_SPECIFIC = 0x83, "implementation_specific";
    /// Neither MQTT 3.1.1 nor 5.
    UNSUPPORTED_PROTOCOL_VERSION = 0x84, "unsupported_protocol_version";
    /// The client id is not taken.
    CLIENT_IDENTIFIER_NOT_VALID = 0x85, "client_identifier_not_valid";
    /// Wrong name or password.
    BAD_USER_NAME_OR_PASSWORD = 0x86, "bad_user_name_or_password";
    /// Not allowed.
    NOT_AUTHORIZED = 0x87, "not_authorized";
    /// The server can't serve now.
    SERVER_UNAVAILABLE = 0x88, "server_unavailable";
    /// Too much to do: try later.
    SERVER_BUSY = 0x89, "server_busy";
    /// The server is shutting down.
    SERVER_SHUTTING_DOWN = 0x8B, "server_shutting_down";
    /// The authentication method is not supported.
    BAD_AUTHENTICATION_METHOD = 0x8C, "bad_authentication_method";
    /// Nothing came for one and a half keep-alive times.
    KEEP_ALIVE_TIMEOUT = 0x8D, "keep_alive_timeout";
    /// Another connection uses the client id.
    SESSION_TAKEN_OVER = 0x8E, "session_taken_over";
    /// The filter is not accepted.
    TOPIC_FILTER_INVALID = 0x8F, "topic_filter_invalid";
    /// The topic is not accepted.
    TOPIC_NAME_INVALID = 0x90, "topic_name_invalid";
    /// The packet id is in use.
    PACKET_IDENTIFIER_IN_USE = 0x91, "packet_identifier_in_use";
    /// The packet id is not known.
    PACKET_IDENTIFIER_NOT_FOUND = 0x92, "packet_identifier_not_found";
    /// More unacknowledged publishes than allowed.
    RECEIVE_MAXIMUM_EXCEEDED = 0x93, "receive_maximum_exceeded";
    /// An alias of 0, over the maximum, or not set.
    TOPIC_ALIAS_INVALID = 0x94, "topic_alias_invalid";
    /// The packet is larger than allowed.
    PACKET_TOO_LARGE = 0x95, "packet_too_large";
    /// Too many messages in a time.
    MESSAGE_RATE_TOO_HIGH = 0x96, "message_rate_too_high";
    /// A bound of this server is reached.
    QUOTA_EXCEEDED = 0x97, "quota_exceeded";
    /// Ended by the operator.
    ADMINISTRATIVE_ACTION = 0x98, "administrative_action";
    /// The payload is not what its format says.
    PAYLOAD_FORMAT_INVALID = 0x99, "payload_format_invalid";
    /// Retained messages are not supported.
    RETAIN_NOT_SUPPORTED = 0x9A, "retain_not_supported";
    /// A QoS above the maximum.
    QOS_NOT_SUPPORTED = 0x9B, "qos_not_supported";
    /// Use another server for now.
    USE_ANOTHER_SERVER = 0x9C, "use_another_server";
    /// Use another server from now on.
    SERVER_MOVED = 0x9D, "server_moved";
    /// Shared subscriptions are not supported.
    SHARED_SUBSCRIPTIONS_NOT_SUPPORTED = 0x9E, "shared_subscriptions_not_supported";
    /// Too many connections in a time.
    CONNECTION_RATE_EXCEEDED = 0x9F, "connection_rate_exceeded";
    /// Connected longer than allowed.
    MAXIMUM_CONNECT_TIME = 0xA0, "maximum_connect_time";
    /// Subscription identifiers are not supported.
    SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED = 0xA1, "subscription_identifiers_not_supported";
    /// Wildcard subscriptions are not supported.
    WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED = 0xA2, "wildcard_subscriptions_not_supported";
}

impl Reason {
    /// Whether it says that something failed.
    pub const fn is_error(self) -> bool {
        self.0 >= 0x80
    }

    /// Whether a packet of the type may have it (the tables of sections 3.2 to 3.15): in 3.1.1
    /// it stands for a return code.
    pub const fn allowed(self, version: Version, kind: Kind) -> bool {
        match (version, kind) {
            (Version::V311, Kind::Connack) => matches!(self.0, 0..=5),
            (Version::V311, Kind::Suback) => matches!(self.0, 0..=2 | 0x80),
            (Version::V311, _) => self.0 == 0,
            (_, Kind::Connack) => matches!(
                self.0,
                0 | 0x80..=0x8A | 0x8C | 0x90 | 0x95 | 0x97 | 0x99..=0x9D | 0x9F
            ),
            (_, Kind::Puback | Kind::Pubrec) => matches!(
                self.0,
                0 | 0x10 | 0x80 | 0x83 | 0x87 | 0x90 | 0x91 | 0x97 | 0x99
            ),
            (_, Kind::Pubrel | Kind::Pubcomp) => matches!(self.0, 0 | 0x92),
            (_, Kind::Suback) => matches!(
                self.0,
                0..=2 | 0x80 | 0x83 | 0x87 | 0x8F | 0x91 | 0x97 | 0x9E | 0xA1 | 0xA2
            ),
            (_, Kind::Unsuback) => {
                matches!(self.0, 0 | 0x11 | 0x80 | 0x83 | 0x87 | 0x8F | 0x91)
            }
            (_, Kind::Disconnect) => matches!(
                self.0,
                0 | 4 | 0x80..=0x83 | 0x87 | 0x89 | 0x8B | 0x8D..=0x90 | 0x93..=0xA2
            ),
            (_, Kind::Auth) => matches!(self.0, 0 | 0x18 | 0x19),
            _ => false,
        }
    }

    pub(super) const fn check(self, version: Version, kind: Kind) -> Result<(), DecodeError> {
        match self.allowed(version, kind) {
            true => Ok(()),
            false => Err(DecodeError::Protocol("a reason code of another packet")),
        }
    }

    /// The MQTT 3.1.1 CONNACK return code nearest to it (section 3.2.2.3).
    pub const fn v311_connack(self) -> u8 {
        match self {
            Self::SUCCESS => 0,
            Self::UNSUPPORTED_PROTOCOL_VERSION => 1,
            Self::CLIENT_IDENTIFIER_NOT_VALID => 2,
            Self::BAD_USER_NAME_OR_PASSWORD => 4,
            Self::SERVER_UNAVAILABLE
            | Self::SERVER_BUSY
            | Self::QUOTA_EXCEEDED
            | Self::SERVER_SHUTTING_DOWN
            | Self::CONNECTION_RATE_EXCEEDED => 3,
            _ => 5,
        }
    }
}
