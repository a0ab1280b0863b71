//! CONNACK, the acknowledgements of PUBLISH, DISCONNECT and AUTH.

use super::cursor::Cursor;
use super::{DecodeError, Kind, Place, Properties, Property, Reason, Version};

/// PUBACK, PUBREC, PUBREL or PUBCOMP (sections 3.4 to 3.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack<'a> {
    /// Which PUBLISH it is about; not 0.
    pub packet_id: u16,
    /// What became of it; success in 3.1.1.
    pub reason: Reason,
    /// MQTT 5 properties.
    pub properties: Properties<'a>,
}

impl<'a> Ack<'a> {
    /// A success without properties.
    pub const fn success(packet_id: u16) -> Self {
        Self::with(packet_id, Reason::SUCCESS)
    }

    /// An acknowledgement without properties.
    pub const fn with(packet_id: u16, reason: Reason) -> Self {
        Self {
            packet_id,
            reason,
            properties: Properties::EMPTY,
        }
    }

    pub(super) fn read(
        cursor: &mut Cursor<'a>,
        version: Version,
        kind: Kind,
    ) -> Result<Self, DecodeError> {
        let packet_id = cursor.packet_id()?;
        let (reason, properties) = tail(cursor, version, kind, Place::Ack)?;
        Ok(Self {
            packet_id,
            reason,
            properties,
        })
    }

    pub(super) fn write_body(&self, version: Version, first: u8, out: &mut Vec<u8>) -> u8 {
        out.extend_from_slice(&self.packet_id.to_be_bytes());
        put_tail(self.reason, self.properties, version, out);
        first
    }
}

/// CONNACK (section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connack<'a> {
    /// Whether the server had a session for the client.
    pub session_present: bool,
    /// The code as the version has it: a return code in 3.1.1, a reason code in 5.
    pub code: u8,
    /// MQTT 5 properties.
    pub properties: Properties<'a>,
}

impl<'a> Connack<'a> {
    pub(super) fn read(cursor: &mut Cursor<'a>, version: Version) -> Result<Self, DecodeError> {
        let session_present = match cursor.u8()? {
            0 => false,
            1 => true,
            _ => return Err(DecodeError::Malformed("reserved CONNACK flags")),
        };
        let code = cursor.u8()?;
        Reason(code).check(version, Kind::Connack)?;
        if session_present && code != 0 {
            // MQTT-3.2.2-6; MQTT-3.2.2-4 of 3.1.1.
            return Err(DecodeError::Protocol(
                "a session for a client that is refused",
            ));
        }
        Ok(Self {
            session_present,
            code,
            properties: Properties::read(cursor, version, Place::Connack)?,
        })
    }

    pub(super) fn write(&self, version: Version, out: &mut Vec<u8>) {
        out.push(u8::from(self.session_present));
        out.push(self.code);
        self.properties.write(version, out);
    }
}

/// DISCONNECT (section 3.14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disconnect<'a> {
    /// Why; a normal end in 3.1.1.
    pub reason: Reason,
    /// MQTT 5 properties.
    pub properties: Properties<'a>,
}

impl<'a> Disconnect<'a> {
    pub(super) fn read(cursor: &mut Cursor<'a>, version: Version) -> Result<Self, DecodeError> {
        let (reason, properties) = tail(cursor, version, Kind::Disconnect, Place::Disconnect)?;
        Ok(Self { reason, properties })
    }

    pub(super) fn write(&self, version: Version, out: &mut Vec<u8>) {
        put_tail(self.reason, self.properties, version, out);
    }
}

/// AUTH (section 3.15), which is in MQTT 5 only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Auth<'a> {
    /// Success, continue, or authenticate again.
    pub reason: Reason,
    /// MQTT 5 properties.
    pub properties: Properties<'a>,
}

impl<'a> Auth<'a> {
    pub(super) fn read(cursor: &mut Cursor<'a>) -> Result<Self, DecodeError> {
        let (reason, properties) = tail(cursor, Version::V5, Kind::Auth, Place::Auth)?;
        let is_method = |property| matches!(property, Property::AuthenticationMethod(_));
        // Only a bare success may leave the method out (section 3.15.2.1).
        if reason != Reason::SUCCESS && !properties.iter().any(is_method) {
            return Err(DecodeError::Protocol("AUTH without a method"));
        }
        Ok(Self { reason, properties })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        put_tail(self.reason, self.properties, Version::V5, out);
    }
}

/// Reason code and properties, each of which may be left out from the end.
fn tail<'a>(
    cursor: &mut Cursor<'a>,
    version: Version,
    kind: Kind,
    place: Place,
) -> Result<(Reason, Properties<'a>), DecodeError> {
    if version == Version::V311 || cursor.is_empty() {
        return Ok((Reason::SUCCESS, Properties::EMPTY));
    }
    let reason = Reason(cursor.u8()?);
    reason.check(version, kind)?;
    let properties = match cursor.is_empty() {
        true => Properties::EMPTY,
        false => Properties::read(cursor, version, place)?,
    };
    Ok((reason, properties))
}

fn put_tail(reason: Reason, properties: Properties<'_>, version: Version, out: &mut Vec<u8>) {
    if version == Version::V311 || (reason == Reason::SUCCESS && properties.is_empty()) {
        return;
    }
    out.push(reason.0);
    if !properties.is_empty() {
        properties.write(version, out);
    }
}
