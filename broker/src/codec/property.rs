//! MQTT 5 properties, one by one (section 2.2.2.2).

use super::cursor::{Cursor, put_binary};
use super::{DecodeError, put_varint, valid_topic};

/// Where a list of properties stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In CONNECT.
    Connect,
    /// In the will of a CONNECT.
    Will,
    /// In CONNACK.
    Connack,
    /// In PUBLISH.
    Publish,
    /// In PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK or UNSUBACK.
    Ack,
    /// In SUBSCRIBE.
    Subscribe,
    /// In UNSUBSCRIBE.
    Unsubscribe,
    /// In DISCONNECT.
    Disconnect,
    /// In AUTH.
    Auth,
}

/// One property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the specification")]
pub enum Property<'a> {
    PayloadFormat(bool),
    MessageExpiry(u32),
    ContentType(&'a str),
    ResponseTopic(&'a str),
    CorrelationData(&'a [u8]),
    SubscriptionIdentifier(u32),
    SessionExpiry(u32),
    AssignedClientId(&'a str),
    ServerKeepAlive(u16),
    AuthenticationMethod(&'a str),
    AuthenticationData(&'a [u8]),
    RequestProblemInformation(bool),
    WillDelay(u32),
    RequestResponseInformation(bool),
    ResponseInformation(&'a str),
    ServerReference(&'a str),
    ReasonString(&'a str),
    ReceiveMaximum(u16),
    TopicAliasMaximum(u16),
    TopicAlias(u16),
    MaximumQos(bool),
    RetainAvailable(bool),
    UserProperty(&'a str, &'a str),
    MaximumPacketSize(u32),
    WildcardAvailable(bool),
    SubscriptionIdentifiersAvailable(bool),
    SharedAvailable(bool),
}

impl<'a> Property<'a> {
    pub(crate) fn read(cursor: &mut Cursor<'a>) -> Result<Self, DecodeError> {
        Ok(match cursor.varint()? {
            0x01 => Self::PayloadFormat(cursor.flag()?),
            0x02 => Self::MessageExpiry(cursor.u32()?),
            0x03 => Self::ContentType(cursor.text()?),
            0x08 => Self::ResponseTopic(topic(cursor.text()?)?),
            0x09 => Self::CorrelationData(cursor.binary()?),
            0x0b => Self::SubscriptionIdentifier(not_zero(cursor.varint()?)?),
            0x11 => Self::SessionExpiry(cursor.u32()?),
            0x12 => Self::AssignedClientId(cursor.text()?),
            0x13 => Self::ServerKeepAlive(cursor.u16()?),
            0x15 => Self::AuthenticationMethod(cursor.text()?),
            0x16 => Self::AuthenticationData(cursor.binary()?),
            0x17 => Self::RequestProblemInformation(cursor.flag()?),
            0x18 => Self::WillDelay(cursor.u32()?),
            0x19 => Self::RequestResponseInformation(cursor.flag()?),
            0x1a => Self::ResponseInformation(cursor.text()?),
            0x1c => Self::ServerReference(cursor.text()?),
            0x1f => Self::ReasonString(cursor.text()?),
            0x21 => Self::ReceiveMaximum(not_zero(cursor.u16()?)?),
            0x22 => Self::TopicAliasMaximum(cursor.u16()?),
            // 0 is refused by the session, with a reason code of its own (MQTT-3.3.2-8).
            0x23 => Self::TopicAlias(cursor.u16()?),
            0x24 => Self::MaximumQos(cursor.flag()?),
            0x25 => Self::RetainAvailable(cursor.flag()?),
            0x26 => Self::UserProperty(cursor.text()?, cursor.text()?),
            0x27 => Self::MaximumPacketSize(not_zero(cursor.u32()?)?),
            0x28 => Self::WildcardAvailable(cursor.flag()?),
            0x29 => Self::SubscriptionIdentifiersAvailable(cursor.flag()?),
            0x2a => Self::SharedAvailable(cursor.flag()?),
            _ => return Err(DecodeError::Malformed("unknown property")),
        })
    }

    /// Its identifier on the wire.
    pub const fn id(&self) -> u8 {
        match self {
            Self::PayloadFormat(_) => 0x01,
            Self::MessageExpiry(_) => 0x02,
            Self::ContentType(_) => 0x03,
            Self::ResponseTopic(_) => 0x08,
            Self::CorrelationData(_) => 0x09,
            Self::SubscriptionIdentifier(_) => 0x0b,
            Self::SessionExpiry(_) => 0x11,
            Self::AssignedClientId(_) => 0x12,
            Self::ServerKeepAlive(_) => 0x13,
            Self::AuthenticationMethod(_) => 0x15,
            Self::AuthenticationData(_) => 0x16,
            Self::RequestProblemInformation(_) => 0x17,
            Self::WillDelay(_) => 0x18,
            Self::RequestResponseInformation(_) => 0x19,
            Self::ResponseInformation(_) => 0x1a,
            Self::ServerReference(_) => 0x1c,
            Self::ReasonString(_) => 0x1f,
            Self::ReceiveMaximum(_) => 0x21,
            Self::TopicAliasMaximum(_) => 0x22,
            Self::TopicAlias(_) => 0x23,
            Self::MaximumQos(_) => 0x24,
            Self::RetainAvailable(_) => 0x25,
            Self::UserProperty(..) => 0x26,
            Self::MaximumPacketSize(_) => 0x27,
            Self::WildcardAvailable(_) => 0x28,
            Self::SubscriptionIdentifiersAvailable(_) => 0x29,
            Self::SharedAvailable(_) => 0x2a,
        }
    }

    /// Whether it may stand in `place`.
    pub const fn allowed(&self, place: Place) -> bool {
        use Place::{Ack, Auth, Connack, Connect, Disconnect, Publish, Subscribe, Will};
        match self.id() {
            0x01 | 0x02 | 0x03 | 0x08 | 0x09 => matches!(place, Publish | Will),
            0x0b => matches!(place, Publish | Subscribe),
            0x11 => matches!(place, Connect | Connack | Disconnect),
            0x15 | 0x16 => matches!(place, Connect | Connack | Auth),
            0x17 | 0x19 => matches!(place, Connect),
            0x18 => matches!(place, Will),
            0x1c => matches!(place, Connack | Disconnect),
            0x1f => matches!(place, Connack | Ack | Disconnect | Auth),
            0x21 | 0x22 | 0x27 => matches!(place, Connect | Connack),
            0x23 => matches!(place, Publish),
            0x26 => true,
            _ => matches!(place, Connack),
        }
    }

    /// Whether it may stand in `place` more than once.
    pub const fn repeats(&self, place: Place) -> bool {
        match self {
            Self::UserProperty(..) => true,
            Self::SubscriptionIdentifier(_) => matches!(place, Place::Publish),
            _ => false,
        }
    }

    /// Writes it behind its identifier.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(self.id());
        match *self {
            Self::PayloadFormat(flag)
            | Self::RequestProblemInformation(flag)
            | Self::RequestResponseInformation(flag)
            | Self::MaximumQos(flag)
            | Self::RetainAvailable(flag)
            | Self::WildcardAvailable(flag)
            | Self::SubscriptionIdentifiersAvailable(flag)
            | Self::SharedAvailable(flag) => out.push(u8::from(flag)),
            Self::ServerKeepAlive(value)
            | Self::ReceiveMaximum(value)
            | Self::TopicAliasMaximum(value)
            | Self::TopicAlias(value) => out.extend_from_slice(&value.to_be_bytes()),
            Self::MessageExpiry(value)
            | Self::SessionExpiry(value)
            | Self::WillDelay(value)
            | Self::MaximumPacketSize(value) => out.extend_from_slice(&value.to_be_bytes()),
            Self::SubscriptionIdentifier(value) => put_varint(out, value as usize),
            Self::CorrelationData(data) | Self::AuthenticationData(data) => put_binary(out, data),
            Self::ContentType(text)
            | Self::ResponseTopic(text)
            | Self::AssignedClientId(text)
            | Self::AuthenticationMethod(text)
            | Self::ResponseInformation(text)
            | Self::ServerReference(text)
            | Self::ReasonString(text) => put_binary(out, text.as_bytes()),
            Self::UserProperty(name, value) => {
                put_binary(out, name.as_bytes());
                put_binary(out, value.as_bytes());
            }
        }
    }
}

fn topic(text: &str) -> Result<&str, DecodeError> {
    match valid_topic(text) {
        true => Ok(text),
        false => Err(DecodeError::Protocol("response topic holds a wildcard")),
    }
}

fn not_zero<T: PartialEq + Default>(value: T) -> Result<T, DecodeError> {
    match value == T::default() {
        true => Err(DecodeError::Protocol("a property is 0 that may not be")),
        false => Ok(value),
    }
}
