//! Lists of properties, checked once and then read in place.

use super::cursor::Cursor;
use super::{DecodeError, Place, Property, Version, put_varint, varint_bytes};

/// A valid list of properties, without the length before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Properties<'a>(&'a [u8]);

impl<'a> Properties<'a> {
    /// None at all.
    pub const EMPTY: Self = Self(&[]);

    /// Reads the list that `cursor` begins with and checks it for `place`; empty in 3.1.1.
    pub(crate) fn read(
        cursor: &mut Cursor<'a>,
        version: Version,
        place: Place,
    ) -> Result<Self, DecodeError> {
        if version == Version::V311 {
            return Ok(Self(&[]));
        }
        let length = cursor.varint()?;
        Self::check(cursor.take(length as usize)?, place)
    }

    /// Checks bytes that stand without their length, such as those kept in the log.
    pub fn check(bytes: &'a [u8], place: Place) -> Result<Self, DecodeError> {
        let mut cursor = Cursor(bytes);
        let mut seen = 0u64;
        while !cursor.is_empty() {
            let property = Property::read(&mut cursor)?;
            if !property.allowed(place) {
                return Err(DecodeError::Protocol("a property stands where it may not"));
            }
            let bit = 1 << property.id();
            if seen & bit != 0 && !property.repeats(place) {
                return Err(DecodeError::Protocol("a property stands twice"));
            }
            seen |= bit;
        }
        if place_needs_method(place, seen) {
            return Err(DecodeError::Protocol(
                "authentication data without a method",
            ));
        }
        Ok(Self(bytes))
    }

    /// Bytes that were checked when they came in.
    pub(crate) const fn trusted(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The properties in their order.
    pub fn iter(&self) -> impl Iterator<Item = Property<'a>> + use<'a> {
        let mut cursor = Cursor(self.0);
        std::iter::from_fn(move || match cursor.is_empty() {
            true => None,
            false => Property::read(&mut cursor).ok(),
        })
    }

    /// Their bytes as they came, without the length.
    pub fn bytes(&self) -> &'a [u8] {
        self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes that [`Self::write`] writes.
    pub fn written_bytes(&self, version: Version) -> usize {
        match version {
            Version::V311 => 0,
            Version::V5 => varint_bytes(self.0.len()) + self.0.len(),
        }
    }

    /// Writes the list behind its length; nothing in 3.1.1.
    pub fn write(&self, version: Version, out: &mut Vec<u8>) {
        if version == Version::V5 {
            put_varint(out, self.0.len());
            out.extend_from_slice(self.0);
        }
    }
}

const fn place_needs_method(place: Place, seen: u64) -> bool {
    let (method, data) = (seen & 1 << 0x15 != 0, seen & 1 << 0x16 != 0);
    matches!(place, Place::Connect | Place::Connack | Place::Auth) && data && !method
}

/// A list of properties that is being put together.
#[derive(Clone, Debug, Default)]
pub struct PropertyList(Vec<u8>);

impl PropertyList {
    /// Adds one.
    pub fn push(&mut self, property: Property<'_>) -> &mut Self {
        property.write(&mut self.0);
        self
    }

    /// The list as packets hold it. What may stand where is up to the one who pushed.
    pub fn list(&self) -> Properties<'_> {
        Properties(&self.0)
    }
}
