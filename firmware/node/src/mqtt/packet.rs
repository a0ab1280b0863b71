//! What a device sends, byte by byte (chapter 3).

use crate::bytes::Writer;

pub(super) const CONNECT: u8 = 0x10;
pub(super) const CONNACK: u8 = 0x20;
pub(super) const PUBLISH: u8 = 0x30;
pub(super) const PUBACK: u8 = 0x40;
pub(super) const SUBSCRIBE: u8 = 0x82;
pub(super) const SUBACK: u8 = 0x90;
pub(super) const PINGREQ: u8 = 0xc0;
pub(super) const PINGRESP: u8 = 0xd0;
pub(super) const DISCONNECT: u8 = 0xe0;

/// Flags of PUBLISH's first byte.
pub(super) const DUP: u8 = 8;
pub(super) const AT_LEAST_ONCE: u8 = 2;
pub(super) const RETAIN: u8 = 1;

/// Options of a subscription, beside its QoS.
const RETAIN_AS_PUBLISHED: u8 = 8;

/// Properties.
pub(super) const SESSION_EXPIRY: u8 = 0x11;
pub(super) const SERVER_KEEP_ALIVE: u8 = 0x13;
pub(super) const RECEIVE_MAXIMUM: u8 = 0x21;
pub(super) const MAXIMUM_QOS: u8 = 0x24;
pub(super) const MAXIMUM_PACKET_SIZE: u8 = 0x27;

/// What a device says of itself when it connects.
#[derive(Clone, Copy, Debug)]
pub struct Hello<'a> {
    /// The client id.
    pub client_id: &'a str,
    /// User name and password, where the broker asks for them.
    pub credentials: Option<(&'a str, &'a [u8])>,
    /// Seconds without a packet after which the broker gives the device up; 0: never.
    pub keep_alive_s: u16,
    /// For how long the broker keeps the session of a device that is away, s.
    pub session_expiry_s: u32,
    /// Under which topic the broker says, retained and at QoS 1, that the device is gone.
    pub will_topic: &'a str,
    /// In which words.
    pub will: &'a [u8],
}

impl Hello<'_> {
    /// CONNECT behind its fixed header (3.1): packets of so many bytes, and so many unacknowledged
    /// messages at a time, are what the device takes.
    pub(super) fn write(
        &self,
        to: &mut Writer<'_>,
        clean_start: bool,
        packet_bytes_max: u32,
        receive_max: u16,
    ) -> Option<()> {
        const WILL_RETAINED_AT_LEAST_ONCE: u8 = 0b10_1100;
        let mut flags = WILL_RETAINED_AT_LEAST_ONCE | u8::from(clean_start) << 1;
        if self.credentials.is_some() {
            flags |= 0b1100_0000;
        }
        to.bytes(b"\0\x04MQTT\x05")?;
        to.byte(flags)?;
        to.bytes(&self.keep_alive_s.to_be_bytes())?;
        let properties_bytes = 5 + 5 + 3;
        to.bytes(&[properties_bytes, MAXIMUM_PACKET_SIZE])?;
        to.bytes(&packet_bytes_max.to_be_bytes())?;
        to.byte(SESSION_EXPIRY)?;
        to.bytes(&self.session_expiry_s.to_be_bytes())?;
        to.byte(RECEIVE_MAXIMUM)?;
        to.bytes(&receive_max.to_be_bytes())?;
        binary(to, self.client_id.as_bytes())?;
        // The will has no properties.
        to.byte(0)?;
        binary(to, self.will_topic.as_bytes())?;
        binary(to, self.will)?;
        if let Some((user, password)) = self.credentials {
            binary(to, user.as_bytes())?;
            binary(to, password)?;
        }
        Some(())
    }
}

/// PUBLISH behind its fixed header (3.3), without properties; an id at QoS 1.
pub(super) fn publish(to: &mut Writer<'_>, topic: &str, id: u16, payload: &[u8]) -> Option<()> {
    binary(to, topic.as_bytes())?;
    if id != 0 {
        to.bytes(&id.to_be_bytes())?;
    }
    to.byte(0)?;
    to.bytes(payload)
}

/// SUBSCRIBE behind its fixed header (3.8), to one filter at QoS 1. What the broker keeps says so also
/// when it was published just now.
pub(super) fn subscribe(to: &mut Writer<'_>, filter: &str, id: u16) -> Option<()> {
    to.bytes(&id.to_be_bytes())?;
    to.byte(0)?;
    binary(to, filter.as_bytes())?;
    to.byte(RETAIN_AS_PUBLISHED | 1)
}

/// Text or binary data with its length before it (1.5.4, 1.5.6).
fn binary(to: &mut Writer<'_>, bytes: &[u8]) -> Option<()> {
    to.bytes(&u16::try_from(bytes.len()).ok()?.to_be_bytes())?;
    to.bytes(bytes)
}
