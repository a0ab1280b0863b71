//! PUBLISH (section 3.3).

use super::cursor::{Cursor, put_binary};
use super::{DecodeError, Place, Properties, Version, put_varint, valid_topic, varint_bytes};

/// One application message on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publish<'a> {
    /// Whether it may be a repetition.
    pub dup: bool,
    /// 0, 1 or 2.
    pub qos: u8,
    /// Whether the server keeps it, or kept it.
    pub retain: bool,
    /// Empty only in MQTT 5, where a topic alias then stands for it.
    pub topic: &'a str,
    /// 0 with QoS 0, not 0 otherwise.
    pub packet_id: u16,
    /// MQTT 5 properties.
    pub properties: Properties<'a>,
    /// The application message.
    pub payload: &'a [u8],
}

impl<'a> Publish<'a> {
    /// Reads it from its first byte and the bytes behind the fixed header.
    pub fn read(version: Version, first: u8, body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut cursor = Cursor(body);
        let topic = cursor.text()?;
        let qos = first >> 1 & 3;
        let packet_id = match qos {
            0 => 0,
            _ => cursor.packet_id()?,
        };
        let properties = Properties::read(&mut cursor, version, Place::Publish)?;
        if !valid_topic(topic) && (version == Version::V311 || !topic.is_empty()) {
            return Err(DecodeError::TopicName);
        }
        Ok(Self {
            dup: first & 8 != 0,
            qos,
            retain: first & 1 != 0,
            topic,
            packet_id,
            properties,
            payload: cursor.rest(),
        })
    }

    /// Bytes behind the fixed header when written.
    pub fn body_bytes(&self, version: Version) -> usize {
        let id = if self.qos == 0 { 0 } else { 2 };
        2 + self.topic.len() + id + self.properties.written_bytes(version) + self.payload.len()
    }

    /// Bytes of the whole packet when written.
    pub fn bytes(&self, version: Version) -> usize {
        let body = self.body_bytes(version);
        1 + varint_bytes(body) + body
    }

    /// Writes the whole packet.
    pub fn write(&self, version: Version, out: &mut Vec<u8>) {
        let body = self.body_bytes(version);
        out.reserve(body + 5);
        out.push(0x30 | u8::from(self.dup) << 3 | self.qos << 1 | u8::from(self.retain));
        put_varint(out, body);
        put_binary(out, self.topic.as_bytes());
        if self.qos > 0 {
            out.extend_from_slice(&self.packet_id.to_be_bytes());
        }
        self.properties.write(version, out);
        out.extend_from_slice(self.payload);
    }
}
