//! What a broker sends to a device (chapter 3).

use super::packet::{
    CONNACK, MAXIMUM_PACKET_SIZE, MAXIMUM_QOS, PINGRESP, PUBACK, PUBLISH, RECEIVE_MAXIMUM, RETAIN,
    SERVER_KEEP_ALIVE, SUBACK,
};
use crate::bytes::Reader;

/// What a message that is longer than the device takes is handed on with: a text that is no JSON,
/// so that it is refused as a command.
const CUT: &[u8] = b"{";

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Under which topic it was published.
    pub topic: &'a str,
    /// What.
    pub payload: &'a [u8],
    /// Whether the broker keeps it for every later subscription.
    pub retained: bool,
}

/// What the broker allows (3.2.2.3).
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) receive_max: u16,
    pub(super) packet_bytes_max: u32,
    /// Seconds, where it wants other ones than the device.
    pub(super) keep_alive_s: Option<u16>,
}

pub(super) enum Packet<'a> {
    /// The connection is accepted; whether the broker knows the session.
    Connack(bool, Limits),
    /// With the id to acknowledge; none of a message that is too long for its topic to be known.
    Publish(Option<Message<'a>>, Option<u16>),
    /// Of which message, and the reason.
    Puback(u16, u8),
    Suback(u8),
    Pingresp,
}

impl<'a> Packet<'a> {
    /// Reads what came of a packet behind its fixed header. None where the broker ends the
    /// connection, by DISCONNECT, a refusal or something that isn't of the protocol.
    pub(super) fn read(first: u8, body: &'a [u8], whole: bool) -> Option<Self> {
        let mut from = Reader::new(body);
        if first & 0xf0 == PUBLISH {
            return publish(first, &mut from, whole);
        }
        if !whole {
            return None;
        }
        Some(match first {
            CONNACK => return connack(&mut from),
            PUBACK => Self::Puback(u16(&mut from)?, from.byte().unwrap_or(0)),
            SUBACK => {
                u16(&mut from)?;
                skip_properties(&mut from)?;
                Self::Suback(from.byte()?)
            }
            PINGRESP => Self::Pingresp,
            _ => return None,
        })
    }
}

fn publish<'a>(first: u8, from: &mut Reader<'a>, whole: bool) -> Option<Packet<'a>> {
    let qos = first >> 1 & 3;
    let heading = heading(from, qos);
    let Some((topic, id)) = heading else {
        // Too long to be answered at all, or malformed.
        return (!whole).then_some(Packet::Publish(None, None));
    };
    let payload = match whole {
        true => {
            skip_properties(from)?;
            from.rest()
        }
        false => CUT,
    };
    let message = Message {
        topic,
        payload,
        retained: first & RETAIN != 0,
    };
    // It was subscribed to at QoS 1.
    (qos < 2).then_some(Packet::Publish(Some(message), id))
}

fn heading<'a>(from: &mut Reader<'a>, qos: u8) -> Option<(&'a str, Option<u16>)> {
    let topic = core::str::from_utf8(binary(from)?).ok()?;
    let id = match qos {
        0 => None,
        _ => Some(u16(from)?),
    };
    Some((topic, id))
}

fn connack<'a>(from: &mut Reader<'a>) -> Option<Packet<'a>> {
    let [present, reason] = from.array()?;
    let mut limits = Limits {
        receive_max: u16::MAX,
        packet_bytes_max: u32::MAX,
        keep_alive_s: None,
    };
    let length = from.varint()?;
    let mut properties = Reader::new(from.bytes(usize::try_from(length).ok()?)?);
    while let Some(id) = properties.byte() {
        let value = property(id, &mut properties)?;
        match id {
            RECEIVE_MAXIMUM => limits.receive_max = value as u16,
            MAXIMUM_PACKET_SIZE => limits.packet_bytes_max = value,
            SERVER_KEEP_ALIVE => limits.keep_alive_s = Some(value as u16),
            // Without acknowledgements nothing could be delivered.
            MAXIMUM_QOS if value == 0 => return None,
            _ => {}
        }
    }
    (reason == 0 && limits.receive_max > 0).then_some(Packet::Connack(present & 1 != 0, limits))
}

/// A property's value, if it is a number (2.2.2.2).
fn property(id: u8, from: &mut Reader<'_>) -> Option<u32> {
    let mut value = 0;
    match id {
        0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28..=0x2a => value = from.byte()?.into(),
        0x13 | 0x21..=0x23 => value = u16(from)?.into(),
        0x02 | 0x11 | 0x18 | 0x27 => value = u32::from_be_bytes(from.array()?),
        0x0b => value = from.varint()? as u32,
        0x26 => {
            binary(from)?;
            binary(from)?;
        }
        0x03 | 0x08 | 0x09 | 0x12 | 0x15 | 0x16 | 0x1a | 0x1c | 0x1f => {
            binary(from)?;
        }
        _ => return None,
    }
    Some(value)
}

fn skip_properties(from: &mut Reader<'_>) -> Option<()> {
    let length = usize::try_from(from.varint()?).ok()?;
    from.bytes(length).map(|_| ())
}

fn u16(from: &mut Reader<'_>) -> Option<u16> {
    from.array().map(u16::from_be_bytes)
}

/// Text or binary data behind its length (1.5.4, 1.5.6).
fn binary<'a>(from: &mut Reader<'a>) -> Option<&'a [u8]> {
    let length = u16(from)?;
    from.bytes(length.into())
}
