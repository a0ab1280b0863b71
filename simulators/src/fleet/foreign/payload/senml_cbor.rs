//! SenML in CBOR, written by hand: an array of small maps, no string above 63 bytes.

use super::Content;

/// Labels of RFC 8428 table 4, as CBOR integers.
const BASE_TIME: u8 = 0x22;
const NAME: u8 = 0x00;
const VALUE: u8 = 0x02;

const FLOAT_64: u8 = 0xfb;
const TEXT_LENGTH_FOLLOWS: u8 = 0x78;
const ARRAY_UNTIL_BREAK: u8 = 0x9f;
const BREAK: u8 = 0xff;

/// The first record has the base time, each has a name and a value.
pub(super) fn write(content: &Content<'_>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(16 + 32 * content.values.len());
    bytes.push(ARRAY_UNTIL_BREAK);
    for (order, (_, name, value)) in content.readings().enumerate() {
        bytes.push(if order == 0 { 0xa3 } else { 0xa2 });
        if order == 0 {
            bytes.push(BASE_TIME);
            float(&mut bytes, content.time_ms as f64 / 1e3);
        }
        bytes.push(NAME);
        bytes.extend([TEXT_LENGTH_FOLLOWS, name.len() as u8]);
        bytes.extend(name.as_bytes());
        bytes.push(VALUE);
        float(&mut bytes, value);
    }
    bytes.push(BREAK);
    bytes
}

fn float(bytes: &mut Vec<u8>, value: f64) {
    bytes.push(FLOAT_64);
    bytes.extend(value.to_be_bytes());
}
