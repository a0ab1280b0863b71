//! Reason strings: what a code means here, and what to do next.

use super::{Connect, Property, PropertyList, Reason};

/// Bytes of the largest packet that has a reason string, less the string.
const AROUND_BYTES: usize = 16;

/// Whether reason strings are sent to a client: only if it asked for them, and only in packets
/// that it takes (MQTT-3.4.2-2 and its like).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explained {
    packet_bytes_max: usize,
}

impl Explained {
    /// Never.
    pub const NOT: Self = Self {
        packet_bytes_max: 0,
    };

    /// In packets of so many bytes at most.
    pub const fn up_to(packet_bytes_max: usize) -> Self {
        Self { packet_bytes_max }
    }

    /// As a CONNECT asks for it.
    pub fn asked_by(connect: &Connect<'_>) -> Self {
        let (mut asked, mut bytes_max) = (false, usize::MAX);
        for property in connect.properties.iter() {
            match property {
                Property::RequestProblemInformation(wanted) => asked = wanted,
                Property::MaximumPacketSize(bytes) => bytes_max = bytes as usize,
                _ => {}
            }
        }
        match asked {
            true => Self::up_to(bytes_max),
            false => Self::NOT,
        }
    }

    /// The properties that explain `reason`; `beside` bytes are in the packet already.
    pub fn words_beside(self, reason: Reason, beside: usize) -> PropertyList {
        let mut list = PropertyList::default();
        if let Some(text) = reason.text()
            && text.len() + AROUND_BYTES + beside <= self.packet_bytes_max
        {
            list.push(Property::ReasonString(text));
        }
        list
    }

    /// The properties that explain `reason`, in a packet with nothing else of length.
    pub fn words(self, reason: Reason) -> PropertyList {
        self.words_beside(reason, 0)
    }
}

impl Reason {
    /// What an error means at this server, and what to do next; `None` for codes that it doesn't
    /// send.
    pub const fn text(self) -> Option<&'static str> {
        Some(match self {
            Self::MALFORMED_PACKET => "the bytes are no MQTT packet: look at the client library",
            Self::PROTOCOL_ERROR => "this packet may not come here: look at the client library",
            Self::CLIENT_IDENTIFIER_NOT_VALID => "the client id is too long: use a shorter one",
            Self::BAD_USER_NAME_OR_PASSWORD => "no such user name and password: check both",
            Self::NOT_AUTHORIZED => "this client has no right to that: ask the operator",
            Self::SERVER_UNAVAILABLE => "the platform can't serve now: try again later",
            Self::SERVER_BUSY => "the platform can't do that now: try again later",
            Self::SERVER_SHUTTING_DOWN => "the platform is stopping: connect again later",
            Self::BAD_AUTHENTICATION_METHOD => "only user name and password are taken",
            Self::KEEP_ALIVE_TIMEOUT => "nothing came within 1.5 times the keep-alive",
            Self::SESSION_TAKEN_OVER => "another connection uses this client id: give each its own",
            Self::TOPIC_FILTER_INVALID => "a filter is too long, too deep or breaks the rules",
            Self::TOPIC_NAME_INVALID => "a topic is too long, too deep or not for clients",
            Self::RECEIVE_MAXIMUM_EXCEEDED => "wait for acknowledgements: see Receive Maximum",
            Self::TOPIC_ALIAS_INVALID => "the alias is 0 or above Topic Alias Maximum",
            Self::PACKET_TOO_LARGE => "the packet is above Maximum Packet Size: send less",
            Self::QUOTA_EXCEEDED => "a bound of the platform is reached: ask the operator",
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_explained_as_far_as_the_packet_may_be_long() {
        let text = Reason::NOT_AUTHORIZED.text().unwrap();
        let bytes = text.len() + AROUND_BYTES;
        let words = |bytes| Explained::up_to(bytes).words(Reason::NOT_AUTHORIZED);
        let said = words(bytes);
        let said: Vec<_> = said.list().iter().collect();
        assert_eq!(said, [Property::ReasonString(text)]);
        assert!(words(bytes - 1).list().is_empty());
        let not = Explained::NOT.words(Reason::NOT_AUTHORIZED);
        assert!(not.list().is_empty());
    }
}
