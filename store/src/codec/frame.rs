//! The version byte in front of every value and the checksum behind it.

use super::varint::Malformed;

const VERSION: u8 = 1;
const CHECKSUM_BYTES: usize = 4;

/// The beginning of a value.
pub(crate) fn open(capacity: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(capacity + 1 + CHECKSUM_BYTES);
    out.push(VERSION);
    out
}

/// Closes a value with its checksum.
pub(crate) fn close(mut out: Vec<u8>) -> Vec<u8> {
    let checksum = crc32c::crc32c(&out);
    out.extend_from_slice(&checksum.to_le_bytes());
    out
}

/// What is between version and checksum, if both are right.
pub(crate) fn check(value: &[u8]) -> Result<&[u8], Malformed> {
    let (body, checksum) = value
        .split_last_chunk::<CHECKSUM_BYTES>()
        .ok_or(Malformed("too short for a checksum"))?;
    if crc32c::crc32c(body) != u32::from_le_bytes(*checksum) {
        return Err(Malformed("its checksum is wrong"));
    }
    match body.split_first() {
        Some((&VERSION, rest)) => Ok(rest),
        _ => Err(Malformed("its version is not known")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_changed_bit_is_seen(body: Vec<u8>, position: usize, bit in 0..8_u8) {
            let mut out = open(body.len());
            out.extend_from_slice(&body);
            let mut value = close(out);
            prop_assert_eq!(check(&value), Ok(body.as_slice()));
            let position = position % value.len();
            value[position] ^= 1 << bit;
            prop_assert!(check(&value).is_err());
        }
    }
}
