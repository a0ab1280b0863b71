//! From the bytes of a message to readings, whatever the format.
//!
//! What concerns one reading (a value that is no number, an unknown quality) makes that reading
//! [`Value::Invalid`] and leaves the others; what leaves unclear where a reading begins or ends
//! is a [`DecodeError`] for the message. Nothing here knows a device, a unit's meaning or the
//! present: the fold validates what comes out.

mod compact;
mod error;
pub(crate) mod json;
pub(crate) mod number;
pub(crate) mod readings;
mod senml;
pub(crate) mod time;

pub use error::{DecodeError, Reason};
pub use readings::{Invalid, Reading, Readings, Span, Value};
pub use time::{TimeError, integer_ms, rfc3339};

use nhip_wire::Format;

/// What a message may hold at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Readings in one message; more make it a dead letter. Default 10,000.
    pub readings_max: u32,
    /// Arrays and objects inside one another; at most 64. Default 32.
    pub depth_max: u32,
    /// Bytes of a unit. Default 32.
    pub unit_bytes_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            readings_max: 10_000,
            depth_max: 32,
            unit_bytes_max: 32,
        }
    }
}

/// Takes a message apart. `out` is emptied first, and is empty after an error.
///
/// `received_us`, µs since 1970 UTC, is what SenML's relative times are relative to.
pub fn decode(
    format: Format,
    payload: &[u8],
    received_us: i64,
    limits: &Limits,
    out: &mut Readings,
) -> Result<(), DecodeError> {
    out.clear();
    let outcome = match format {
        Format::Json => json::decode(payload, limits, out),
        Format::Compact => compact::decode(payload, received_us, limits, out),
        Format::SenmlJson => senml::decode_json(payload, received_us, limits, out),
        Format::SenmlCbor => senml::decode_cbor(payload, received_us, limits, out),
    };
    if outcome.is_err() {
        out.clear();
    }
    outcome
}

/// The beginning of a text that may be long, for a name or a message to a person.
pub(crate) fn shortened(text: &str) -> &str {
    let mut end = text.len().min(64);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
