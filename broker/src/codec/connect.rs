//! CONNECT (section 3.1).

use super::cursor::{Cursor, put_binary};
use super::{DecodeError, Place, Properties, Version, valid_topic};

/// A client's request to be let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connect<'a> {
    /// The version that it wants to speak.
    pub version: Version,
    /// Whether an older session is to be dropped.
    pub clean_start: bool,
    /// Seconds; 0 turns the check off.
    pub keep_alive_s: u16,
    /// May be empty.
    pub client_id: &'a str,
    /// What to publish if the client is lost.
    pub will: Option<Will<'a>>,
    /// The user name.
    pub username: Option<&'a str>,
    /// The password.
    pub password: Option<&'a [u8]>,
    /// MQTT 5 properties.
    pub properties: Properties<'a>,
}

/// A message that the server publishes when the client is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Will<'a> {
    /// 0, 1 or 2.
    pub qos: u8,
    /// Whether it is kept.
    pub retain: bool,
    /// A valid topic name.
    pub topic: &'a str,
    /// The application message.
    pub payload: &'a [u8],
    /// MQTT 5 properties.
    pub properties: Properties<'a>,
}

const WILL: u8 = 0x04;
const WILL_RETAIN: u8 = 0x20;
const PASSWORD: u8 = 0x40;
const USERNAME: u8 = 0x80;

impl<'a> Connect<'a> {
    pub(super) fn read(cursor: &mut Cursor<'a>) -> Result<Self, DecodeError> {
        let name = cursor.binary()?;
        let level = cursor.u8()?;
        let version = match (name, level) {
            (b"MQTT", 4) => Version::V311,
            (b"MQTT", 5) => Version::V5,
            (b"MQTT" | b"MQIsdp", _) => return Err(DecodeError::UnsupportedVersion(level)),
            _ => return Err(DecodeError::Malformed("protocol name is not MQTT")),
        };
        let flags = cursor.u8()?;
        check_flags(flags, version)?;
        let keep_alive_s = cursor.u16()?;
        let properties = Properties::read(cursor, version, Place::Connect)?;
        let client_id = cursor.text()?;
        let will = match flags & WILL != 0 {
            true => Some(Will::read(cursor, version, flags)?),
            false => None,
        };
        let username = (flags & USERNAME != 0).then(|| cursor.text()).transpose()?;
        let password = (flags & PASSWORD != 0)
            .then(|| cursor.binary())
            .transpose()?;
        Ok(Self {
            version,
            clean_start: flags & 2 != 0,
            keep_alive_s,
            client_id,
            will,
            username,
            password,
            properties,
        })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        put_binary(out, b"MQTT");
        out.push(match self.version {
            Version::V311 => 4,
            Version::V5 => 5,
        });
        let will = self.will.map_or(0, |will| {
            WILL | will.qos << 3 | if will.retain { WILL_RETAIN } else { 0 }
        });
        let username = self.username.map_or(0, |_| USERNAME);
        let password = self.password.map_or(0, |_| PASSWORD);
        out.push(will | username | password | u8::from(self.clean_start) << 1);
        out.extend_from_slice(&self.keep_alive_s.to_be_bytes());
        self.properties.write(self.version, out);
        put_binary(out, self.client_id.as_bytes());
        if let Some(will) = self.will {
            will.properties.write(self.version, out);
            put_binary(out, will.topic.as_bytes());
            put_binary(out, will.payload);
        }
        if let Some(username) = self.username {
            put_binary(out, username.as_bytes());
        }
        if let Some(password) = self.password {
            put_binary(out, password);
        }
    }
}

impl<'a> Will<'a> {
    fn read(cursor: &mut Cursor<'a>, version: Version, flags: u8) -> Result<Self, DecodeError> {
        let properties = Properties::read(cursor, version, Place::Will)?;
        let topic = cursor.text()?;
        let payload = cursor.binary()?;
        if !valid_topic(topic) {
            return Err(DecodeError::TopicName);
        }
        Ok(Self {
            qos: flags >> 3 & 3,
            retain: flags & WILL_RETAIN != 0,
            topic,
            payload,
            properties,
        })
    }
}

fn check_flags(flags: u8, version: Version) -> Result<(), DecodeError> {
    let no_will = flags & WILL == 0;
    let wrong = if flags & 1 != 0 {
        "reserved CONNECT flag"
    } else if no_will && flags & 0x38 != 0 {
        "will flags without a will"
    } else if flags >> 3 & 3 == 3 {
        "will with QoS 3"
    } else if version == Version::V311 && flags & USERNAME == 0 && flags & PASSWORD != 0 {
        "password without a user name"
    } else {
        return Ok(());
    };
    Err(DecodeError::Malformed(wrong))
}
