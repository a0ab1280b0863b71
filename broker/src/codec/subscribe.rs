//! SUBSCRIBE, UNSUBSCRIBE and their acknowledgements (sections 3.8 to 3.11).

use super::cursor::{Cursor, put_binary};
use super::{DecodeError, Kind, Place, Properties, Property, Reason, Version, valid_filter};

/// What a subscriber wants of the retained messages that its filter takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RetainHandling {
    /// Send them at each SUBSCRIBE.
    #[default]
    Send,
    /// Send them if there was no such subscription.
    SendIfNew,
    /// Send none.
    Never,
}

/// How a subscriber wants its messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SubscribeOptions {
    /// The most that messages are sent with: 0, 1 or 2.
    pub qos: u8,
    /// Whether its own messages are left out.
    pub no_local: bool,
    /// Whether the RETAIN flag is kept as published.
    pub retain_as_published: bool,
    /// What becomes of retained messages.
    pub retain_handling: RetainHandling,
}

impl SubscribeOptions {
    pub(crate) fn read(byte: u8, version: Version) -> Result<Self, DecodeError> {
        let reserved = match version {
            Version::V311 => 0xfc,
            Version::V5 => 0xc0,
        };
        if byte & reserved != 0 || byte & 3 == 3 {
            return Err(DecodeError::Malformed("reserved subscription options"));
        }
        let retain_handling = match byte >> 4 & 3 {
            0 => RetainHandling::Send,
            1 => RetainHandling::SendIfNew,
            2 => RetainHandling::Never,
            _ => return Err(DecodeError::Protocol("retain handling 3")),
        };
        Ok(Self {
            qos: byte & 3,
            no_local: byte & 4 != 0,
            retain_as_published: byte & 8 != 0,
            retain_handling,
        })
    }

    /// The options as SUBSCRIBE has them.
    pub(crate) fn byte(self) -> u8 {
        let handling = match self.retain_handling {
            RetainHandling::Send => 0,
            RetainHandling::SendIfNew => 0x10,
            RetainHandling::Never => 0x20,
        };
        self.qos | u8::from(self.no_local) << 2 | u8::from(self.retain_as_published) << 3 | handling
    }
}

/// SUBSCRIBE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscribe<'a> {
    /// Not 0.
    pub packet_id: u16,
    /// MQTT 5 properties.
    pub properties: Properties<'a>,
    /// At least one filter with its options.
    pub filters: Filters<'a>,
}

/// UNSUBSCRIBE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsubscribe<'a> {
    /// Not 0.
    pub packet_id: u16,
    /// MQTT 5 properties.
    pub properties: Properties<'a>,
    /// At least one filter; their options are the defaults.
    pub filters: Filters<'a>,
}

/// Filters as they stand in a packet. Their text is valid UTF-8; whether it is a valid filter
/// is asked with [`valid_filter`], since MQTT 5 answers that filter by filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filters<'a> {
    bytes: &'a [u8],
    options: bool,
    version: Version,
}

impl<'a> Filters<'a> {
    fn read(cursor: &mut Cursor<'a>, version: Version, options: bool) -> Result<Self, DecodeError> {
        let bytes = cursor.rest();
        let filters = Self {
            bytes,
            options,
            version,
        };
        if bytes.is_empty() {
            return Err(DecodeError::Protocol("no filter"));
        }
        let mut left = Cursor(bytes);
        while !left.is_empty() {
            let (filter, asked) = filters.entry(&mut left)?;
            if filter.is_empty() {
                return Err(DecodeError::Protocol("empty filter"));
            }
            if asked.no_local && filter.starts_with("$share/") {
                return Err(DecodeError::Protocol("no-local on a shared subscription"));
            }
            if version == Version::V311 && !valid_filter(filter) {
                return Err(DecodeError::TopicFilter);
            }
        }
        Ok(filters)
    }

    fn entry(&self, cursor: &mut Cursor<'a>) -> Result<(&'a str, SubscribeOptions), DecodeError> {
        let filter = cursor.text()?;
        let options = match self.options {
            true => SubscribeOptions::read(cursor.u8()?, self.version)?,
            false => SubscribeOptions::default(),
        };
        Ok((filter, options))
    }

    /// Filters to write, in `buffer`, which is emptied first.
    pub fn of<'f>(
        entries: impl IntoIterator<Item = (&'f str, SubscribeOptions)>,
        options: bool,
        version: Version,
        buffer: &'a mut Vec<u8>,
    ) -> Self {
        buffer.clear();
        for (filter, asked) in entries {
            put_binary(buffer, filter.as_bytes());
            if options {
                buffer.push(asked.byte());
            }
        }
        Self {
            bytes: buffer,
            options,
            version,
        }
    }

    /// The filters in their order.
    pub fn iter(&self) -> FilterEntries<'a> {
        FilterEntries {
            left: Cursor(self.bytes),
            filters: *self,
        }
    }
}

/// Goes through [`Filters`].
#[derive(Clone, Debug)]
pub struct FilterEntries<'a> {
    left: Cursor<'a>,
    filters: Filters<'a>,
}

impl<'a> Iterator for FilterEntries<'a> {
    type Item = (&'a str, SubscribeOptions);

    fn next(&mut self) -> Option<Self::Item> {
        match self.left.is_empty() {
            true => None,
            false => self.filters.entry(&mut self.left).ok(),
        }
    }
}

impl<'a> Subscribe<'a> {
    pub(super) fn read(cursor: &mut Cursor<'a>, version: Version) -> Result<Self, DecodeError> {
        Ok(Self {
            packet_id: cursor.packet_id()?,
            properties: Properties::read(cursor, version, Place::Subscribe)?,
            filters: Filters::read(cursor, version, true)?,
        })
    }

    pub(super) fn write(&self, version: Version, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.packet_id.to_be_bytes());
        self.properties.write(version, out);
        out.extend_from_slice(self.filters.bytes);
    }

    /// The subscription identifier, if one is given.
    pub fn identifier(&self) -> Option<u32> {
        self.properties.iter().find_map(|property| match property {
            Property::SubscriptionIdentifier(id) => Some(id),
            _ => None,
        })
    }
}

impl<'a> Unsubscribe<'a> {
    pub(super) fn read(cursor: &mut Cursor<'a>, version: Version) -> Result<Self, DecodeError> {
        Ok(Self {
            packet_id: cursor.packet_id()?,
            properties: Properties::read(cursor, version, Place::Unsubscribe)?,
            filters: Filters::read(cursor, version, false)?,
        })
    }

    pub(super) fn write(&self, version: Version, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.packet_id.to_be_bytes());
        self.properties.write(version, out);
        out.extend_from_slice(self.filters.bytes);
    }
}

/// SUBACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suback<'a> {
    /// Which SUBSCRIBE it answers.
    pub packet_id: u16,
    /// MQTT 5 properties.
    pub properties: Properties<'a>,
    /// One code a filter.
    pub codes: &'a [u8],
}

impl<'a> Suback<'a> {
    pub(super) fn read(cursor: &mut Cursor<'a>, version: Version) -> Result<Self, DecodeError> {
        Ok(Self {
            packet_id: cursor.packet_id()?,
            properties: Properties::read(cursor, version, Place::Ack)?,
            codes: codes(cursor, version, Kind::Suback)?,
        })
    }

    pub(super) fn write(&self, version: Version, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.packet_id.to_be_bytes());
        self.properties.write(version, out);
        out.extend_from_slice(self.codes);
    }
}

/// UNSUBACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsuback<'a> {
    /// Which UNSUBSCRIBE it answers.
    pub packet_id: u16,
    /// MQTT 5 properties.
    pub properties: Properties<'a>,
    /// One code a filter in MQTT 5; none in 3.1.1.
    pub codes: &'a [u8],
}

impl<'a> Unsuback<'a> {
    pub(super) fn read(cursor: &mut Cursor<'a>, version: Version) -> Result<Self, DecodeError> {
        Ok(Self {
            packet_id: cursor.packet_id()?,
            properties: Properties::read(cursor, version, Place::Ack)?,
            codes: match version {
                Version::V311 => &[],
                Version::V5 => codes(cursor, version, Kind::Unsuback)?,
            },
        })
    }

    pub(super) fn write(&self, version: Version, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.packet_id.to_be_bytes());
        if version == Version::V5 {
            self.properties.write(version, out);
            out.extend_from_slice(self.codes);
        }
    }
}

/// One code a filter, and there is no SUBSCRIBE or UNSUBSCRIBE without a filter.
fn codes<'a>(
    cursor: &mut Cursor<'a>,
    version: Version,
    kind: Kind,
) -> Result<&'a [u8], DecodeError> {
    let codes = cursor.rest();
    if codes.is_empty() {
        return Err(DecodeError::Protocol("no reason code"));
    }
    for code in codes {
        Reason(*code).check(version, kind)?;
    }
    Ok(codes)
}
