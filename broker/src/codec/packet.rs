//! All packets of both versions.

use super::cursor::Cursor;
use super::{
    Ack, Auth, Connack, Connect, DecodeError, Disconnect, Frame, Publish, Suback, Subscribe,
    Unsuback, Unsubscribe, put_varint,
};

/// The version of the protocol that a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// MQTT 3.1.1, level 4.
    V311,
    /// MQTT 5, level 5.
    V5,
}

/// The type of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the specification")]
pub enum Kind {
    Connect,
    Connack,
    Publish,
    Puback,
    Pubrec,
    Pubrel,
    Pubcomp,
    Subscribe,
    Suback,
    Unsubscribe,
    Unsuback,
    Pingreq,
    Pingresp,
    Disconnect,
    Auth,
}

impl Kind {
    /// The type that a first byte says, if its flags are right (MQTT-2.1.3-1).
    pub const fn of(first: u8) -> Result<Self, DecodeError> {
        let kind = match first >> 4 {
            1 => Self::Connect,
            2 => Self::Connack,
            3 => Self::Publish,
            4 => Self::Puback,
            5 => Self::Pubrec,
            6 => Self::Pubrel,
            7 => Self::Pubcomp,
            8 => Self::Subscribe,
            9 => Self::Suback,
            10 => Self::Unsubscribe,
            11 => Self::Unsuback,
            12 => Self::Pingreq,
            13 => Self::Pingresp,
            14 => Self::Disconnect,
            15 => Self::Auth,
            _ => return Err(DecodeError::Malformed("packet type 0")),
        };
        let flags = first & 0x0f;
        let right = match kind {
            // DUP is only for QoS above 0 (MQTT-3.3.1-2), QoS 3 doesn't exist (-4).
            Self::Publish => flags >> 1 & 3 != 3 && (flags & 8 == 0 || flags >> 1 & 3 != 0),
            Self::Pubrel | Self::Subscribe | Self::Unsubscribe => flags == 2,
            _ => flags == 0,
        };
        match right {
            true => Ok(kind),
            false => Err(DecodeError::Malformed("reserved flags of the fixed header")),
        }
    }

    /// Whether only a server sends it.
    pub const fn server_only(self) -> bool {
        matches!(
            self,
            Self::Connack | Self::Suback | Self::Unsuback | Self::Pingresp
        )
    }
}

/// One packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the specification")]
pub enum Packet<'a> {
    Connect(Connect<'a>),
    Connack(Connack<'a>),
    Publish(Publish<'a>),
    Puback(Ack<'a>),
    Pubrec(Ack<'a>),
    Pubrel(Ack<'a>),
    Pubcomp(Ack<'a>),
    Subscribe(Subscribe<'a>),
    Suback(Suback<'a>),
    Unsubscribe(Unsubscribe<'a>),
    Unsuback(Unsuback<'a>),
    Pingreq,
    Pingresp,
    Disconnect(Disconnect<'a>),
    Auth(Auth<'a>),
}

impl<'a> Packet<'a> {
    /// Reads the packet of `frame`, whose bytes behind the fixed header are `body`.
    /// `version` is of no account for CONNECT, which says its own.
    pub fn read(version: Version, frame: Frame, body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut cursor = Cursor(body);
        let packet = match Kind::of(frame.first)? {
            Kind::Connect => Self::Connect(Connect::read(&mut cursor)?),
            Kind::Connack => Self::Connack(Connack::read(&mut cursor, version)?),
            Kind::Publish => {
                return Publish::read(version, frame.first, body).map(Self::Publish);
            }
            kind @ Kind::Puback => Self::Puback(Ack::read(&mut cursor, version, kind)?),
            kind @ Kind::Pubrec => Self::Pubrec(Ack::read(&mut cursor, version, kind)?),
            kind @ Kind::Pubrel => Self::Pubrel(Ack::read(&mut cursor, version, kind)?),
            kind @ Kind::Pubcomp => Self::Pubcomp(Ack::read(&mut cursor, version, kind)?),
            Kind::Subscribe => Self::Subscribe(Subscribe::read(&mut cursor, version)?),
            Kind::Suback => Self::Suback(Suback::read(&mut cursor, version)?),
            Kind::Unsubscribe => Self::Unsubscribe(Unsubscribe::read(&mut cursor, version)?),
            Kind::Unsuback => Self::Unsuback(Unsuback::read(&mut cursor, version)?),
            Kind::Pingreq => Self::Pingreq,
            Kind::Pingresp => Self::Pingresp,
            Kind::Disconnect => Self::Disconnect(Disconnect::read(&mut cursor, version)?),
            Kind::Auth if version == Version::V311 => {
                return Err(DecodeError::Malformed("AUTH in MQTT 3.1.1"));
            }
            Kind::Auth => Self::Auth(Auth::read(&mut cursor)?),
        };
        match cursor.is_empty() {
            true => Ok(packet),
            false => Err(DecodeError::Malformed("bytes behind the last field")),
        }
    }

    /// Writes the packet as `version` has it.
    pub fn write(&self, version: Version, out: &mut Vec<u8>) {
        let mut body = Vec::new();
        let first = match self {
            Self::Publish(publish) => return publish.write(version, out),
            Self::Connect(connect) => {
                connect.write(&mut body);
                0x10
            }
            Self::Connack(connack) => {
                connack.write(version, &mut body);
                0x20
            }
            Self::Puback(ack) => ack.write_body(version, 0x40, &mut body),
            Self::Pubrec(ack) => ack.write_body(version, 0x50, &mut body),
            Self::Pubrel(ack) => ack.write_body(version, 0x62, &mut body),
            Self::Pubcomp(ack) => ack.write_body(version, 0x70, &mut body),
            Self::Subscribe(subscribe) => {
                subscribe.write(version, &mut body);
                0x82
            }
            Self::Suback(suback) => {
                suback.write(version, &mut body);
                0x90
            }
            Self::Unsubscribe(unsubscribe) => {
                unsubscribe.write(version, &mut body);
                0xa2
            }
            Self::Unsuback(unsuback) => {
                unsuback.write(version, &mut body);
                0xb0
            }
            Self::Pingreq => 0xc0,
            Self::Pingresp => 0xd0,
            Self::Disconnect(disconnect) => {
                disconnect.write(version, &mut body);
                0xe0
            }
            Self::Auth(auth) => {
                auth.write(&mut body);
                0xf0
            }
        };
        out.push(first);
        put_varint(out, body.len());
        out.extend_from_slice(&body);
    }
}
