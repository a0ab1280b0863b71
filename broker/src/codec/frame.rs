//! Where one packet ends and the next begins.

use super::{DecodeError, Kind};

/// The fixed header of a packet whose bytes are all there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Packet type and flags.
    pub first: u8,
    /// Bytes of the fixed header.
    pub header_bytes: usize,
    /// Bytes behind the fixed header.
    pub body_bytes: usize,
}

impl Frame {
    /// Bytes of the whole packet.
    pub const fn bytes(&self) -> usize {
        self.header_bytes + self.body_bytes
    }
}

/// Finds the packet that `bytes` begin with; `None` while a part of it is missing.
///
/// Refuses at the first byte that can't be right, so that nothing is kept for a length that
/// is over `bytes_max` (of the whole packet), or for a packet type or flags that don't exist.
pub fn frame(bytes: &[u8], bytes_max: usize) -> Result<Option<Frame>, DecodeError> {
    let Some(&first) = bytes.first() else {
        return Ok(None);
    };
    Kind::of(first)?;
    let mut body_bytes = 0;
    for index in 0..4 {
        let Some(&byte) = bytes.get(1 + index) else {
            return Ok(None);
        };
        body_bytes |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            if byte == 0 && index > 0 {
                return Err(DecodeError::Malformed("remaining length is padded"));
            }
            let frame = Frame {
                first,
                header_bytes: 2 + index,
                body_bytes,
            };
            if frame.bytes() > bytes_max {
                return Err(DecodeError::TooLarge {
                    bytes: frame.bytes(),
                    bytes_max,
                });
            }
            return Ok((bytes.len() >= frame.bytes()).then_some(frame));
        }
    }
    Err(DecodeError::Malformed(
        "remaining length is over four bytes",
    ))
}

/// Writes a variable byte integer; `value` is at most 268,435,455.
pub fn put_varint(out: &mut Vec<u8>, mut value: usize) {
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}

/// Bytes that [`put_varint`] writes.
pub const fn varint_bytes(value: usize) -> usize {
    match value {
        0..=0x7f => 1,
        0x80..=0x3fff => 2,
        0x4000..=0x1f_ffff => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_over_the_limit_is_refused_before_its_bytes_come() {
        let claimed = [0x30, 0xff, 0xff, 0xff, 0x7f];
        assert!(matches!(
            frame(&claimed, 256 << 10),
            Err(DecodeError::TooLarge { .. })
        ));
        assert!(frame(&[0x30, 0xff, 0xff, 0xff, 0xff, 0x01], usize::MAX).is_err());
        assert_eq!(frame(&[0x30, 0xff, 0xff], 256 << 10), Ok(None));
    }

    #[test]
    fn the_limit_itself_is_allowed() {
        let mut packet = vec![0x30, 8];
        packet.extend([0; 8]);
        assert_eq!(
            frame(&packet, 10).map(|f| f.map(|f| f.bytes())),
            Ok(Some(10))
        );
        assert!(frame(&packet, 9).is_err());
    }

    #[test]
    fn reserved_types_and_flags_are_refused_at_the_first_byte() {
        for first in [
            0x00, 0x11, 0x36, 0x3e, 0x41, 0x60, 0x80, 0xa0, 0xc1, 0xe1, 0xf1,
        ] {
            assert!(frame(&[first], 100).is_err(), "{first:#x}");
        }
    }
}
