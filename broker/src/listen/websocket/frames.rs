//! WebSocket frames from a client (RFC 6455 section 5), taken apart where they lie.
//!
//! Nothing is put together: what bounds messages and frames have means nothing to MQTT
//! (MQTT-6.0.0-2), so a frame's payload goes on as it comes, and the length that it claims is only
//! counted down.

/// Bytes of the longest header: two, a length of eight, a mask of four.
const HEADER_BYTES_MAX: usize = 14;
/// Bytes of the longest payload of a control frame.
const CONTROL_BYTES_MAX: usize = 125;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
pub(super) const CLOSE: u8 = 8;
const PING: u8 = 9;
pub(super) const PONG: u8 = 10;

/// What a client may not send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Violation {
    /// MQTT-6.0.0-1.
    #[error("a text message, where MQTT is binary")]
    Text,
    #[error("no WebSocket frame of a client: {0}")]
    Frame(&'static str),
}

impl Violation {
    /// The status code that says so (RFC 6455 section 7.4.1).
    pub(super) fn code(self) -> u16 {
        match self {
            Self::Text => 1003,
            Self::Frame(_) => 1002,
        }
    }
}

/// What control frames ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// The payload is to come back.
    Pong(Vec<u8>),
    /// Nothing comes behind it.
    Close,
}

/// Where in the frames of a client its bytes have come to.
#[derive(Debug, Default)]
pub(super) struct Frames {
    header: [u8; HEADER_BYTES_MAX],
    /// As much of it as has come.
    header_bytes: usize,
    /// Bytes of the frame's payload that are still to come.
    left_bytes: u64,
    mask: [u8; 4],
    /// The control frame that is coming, and its payload so far.
    control: Option<(u8, Vec<u8>)>,
    /// Whether a message is to be continued.
    continues: bool,
    asked: Option<Asked>,
}

impl Frames {
    /// Takes the next bytes of the stream, and moves what is payload to their front; gives back how
    /// many that are. What is behind a close frame is left.
    pub(super) fn take(&mut self, bytes: &mut [u8]) -> Result<usize, Violation> {
        let (mut read, mut payload) = (0, 0);
        while read < bytes.len() && self.asked != Some(Asked::Close) {
            if self.left_bytes == 0 {
                self.header[self.header_bytes] = bytes[read];
                self.header_bytes += 1;
                read += 1;
                self.begin()?;
                continue;
            }
            let room = bytes.len() - read;
            let count = usize::try_from(self.left_bytes).map_or(room, |left| left.min(room));
            let part = read..read + count;
            self.unmask(&mut bytes[part.clone()]);
            match &mut self.control {
                Some((_, body)) => body.extend_from_slice(&bytes[part]),
                None => {
                    bytes.copy_within(part, payload);
                    payload += count;
                }
            }
            read += count;
            self.left_bytes -= count as u64;
            if self.left_bytes == 0 {
                self.end();
            }
        }
        Ok(payload)
    }

    /// What the newest control frame asks for, once.
    pub(super) fn asked(&mut self) -> Option<Asked> {
        self.asked.take()
    }

    /// Begins a frame if its header is whole.
    fn begin(&mut self) -> Result<(), Violation> {
        let [first, second] = [self.header[0], self.header[1]];
        if self.header_bytes < 2 {
            return Ok(());
        }
        let length_bytes = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if self.header_bytes < 2 + length_bytes + 4 {
            return Ok(());
        }
        let (length, mask) = self.header[2..self.header_bytes].split_at(length_bytes);
        let left_bytes = match length_bytes {
            0 => u64::from(second & 0x7f),
            _ => length
                .iter()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
        };
        for (held, byte) in self.mask.iter_mut().zip(mask) {
            *held = *byte;
        }
        self.check(first, second, left_bytes)?;
        self.header_bytes = 0;
        self.left_bytes = left_bytes;
        if left_bytes == 0 {
            self.end();
        }
        Ok(())
    }

    fn check(&mut self, first: u8, second: u8, length: u64) -> Result<(), Violation> {
        let (is_last, opcode) = (first & 0x80 != 0, first & 0x0f);
        if first & 0x70 != 0 {
            return Err(Violation::Frame("reserved bits"));
        }
        if second & 0x80 == 0 {
            return Err(Violation::Frame("no mask"));
        }
        match opcode {
            CONTINUATION | BINARY if (opcode == CONTINUATION) == self.continues => {
                self.continues = !is_last;
                Ok(())
            }
            CONTINUATION => Err(Violation::Frame("a continuation of nothing")),
            BINARY => Err(Violation::Frame("a message within another")),
            TEXT => Err(Violation::Text),
            CLOSE | PING | PONG if is_last && length <= CONTROL_BYTES_MAX as u64 => {
                self.control = Some((opcode, Vec::new()));
                Ok(())
            }
            CLOSE | PING | PONG => Err(Violation::Frame("a control frame in parts, or too long")),
            _ => Err(Violation::Frame("an unknown opcode")),
        }
    }

    fn end(&mut self) {
        match self.control.take() {
            Some((PING, body)) => self.asked = Some(Asked::Pong(body)),
            Some((CLOSE, _)) => self.asked = Some(Asked::Close),
            _ => {}
        }
    }

    fn unmask(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(self.mask.len()) {
            for (byte, mask) in chunk.iter_mut().zip(self.mask) {
                *byte ^= mask;
            }
        }
        let past = bytes.len() % self.mask.len();
        self.mask.rotate_left(past);
    }
}

/// Writes the header of a whole frame from the server, which masks nothing.
pub(super) fn push_header(opcode: u8, payload_bytes: usize, out: &mut Vec<u8>) {
    out.push(0x80 | opcode);
    match payload_bytes {
        0..=125 => out.push(payload_bytes as u8),
        126..=0xffff => {
            out.push(126);
            out.extend((payload_bytes as u16).to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend((payload_bytes as u64).to_be_bytes());
        }
    }
}

/// Writes a whole binary message.
pub(super) fn push_binary(payload: &[u8], out: &mut Vec<u8>) {
    push_header(BINARY, payload.len(), out);
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASK: [u8; 4] = [0x12, 0xef, 0x00, 0x5a];

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        push_header(0, payload.len(), &mut bytes);
        bytes[0] = first;
        bytes[1] |= 0x80;
        bytes.extend(MASK);
        let masked = payload.iter().zip(MASK.iter().cycle());
        bytes.extend(masked.map(|(byte, mask)| byte ^ mask));
        bytes
    }

    /// What comes out if the bytes come in such parts.
    fn through(bytes: &[u8], part_bytes: usize) -> Result<(Vec<u8>, Vec<Asked>), Violation> {
        let mut frames = Frames::default();
        let (mut payload, mut asked) = (Vec::new(), Vec::new());
        for part in bytes.chunks(part_bytes) {
            let mut part = part.to_vec();
            let count = frames.take(&mut part)?;
            payload.extend_from_slice(&part[..count]);
            asked.extend(frames.asked());
        }
        Ok((payload, asked))
    }

    #[test]
    fn payloads_come_out_in_whatever_parts_frames_and_reads_are() {
        let long = vec![7; 70_000];
        let bytes = [
            frame(0x02, b"one"),
            frame(0x89, b"still there?"),
            frame(0x00, b""),
            frame(0x80, &[9; 300]),
            frame(0x8a, b"unasked"),
            frame(0x82, &long),
            frame(0x88, &[3, 232]),
            frame(0x82, b"behind the end"),
        ]
        .concat();
        let expected = [&b"one"[..], &[9; 300], &long].concat();
        let asked = [Asked::Pong(b"still there?".to_vec()), Asked::Close];
        for part_bytes in [1, 2, 3, 5, 13, 64, 1000] {
            let (payload, found) = through(&bytes[..bytes.len() - 20], part_bytes).unwrap();
            assert!(payload == expected, "{part_bytes}");
            assert_eq!(found, asked, "{part_bytes}");
        }
    }

    #[test]
    fn the_newest_of_several_pings_is_answered_and_close_before_all() {
        let bytes = [frame(0x89, b"1"), frame(0x89, b"2")].concat();
        let (_, asked) = through(&bytes, bytes.len()).unwrap();
        assert_eq!(asked, [Asked::Pong(b"2".to_vec())]);
        let bytes = [frame(0x88, b""), frame(0x89, b"3")].concat();
        assert_eq!(through(&bytes, bytes.len()).unwrap().1, [Asked::Close]);
    }

    #[test]
    fn a_length_that_is_claimed_is_not_allocated() {
        let mut frames = Frames::default();
        let mut claim = [
            0x82, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 1, 2, 3, 4, 9,
        ];
        assert_eq!(frames.take(&mut claim), Ok(1));
        assert_eq!(claim[0], 9 ^ 1);
    }

    #[test]
    fn what_is_no_frame_of_a_client_is_refused() {
        let mut unmasked = frame(0x82, b"x");
        unmasked[1] &= 0x7f;
        let bad = [
            frame(0x81, b"text"),
            frame(0xc2, b"reserved"),
            frame(0x83, b"unknown"),
            frame(0x80, b"nothing before"),
            [frame(0x02, b"a"), frame(0x82, b"b")].concat(),
            frame(0x09, b"in parts"),
            frame(0x89, &[0; 126]),
            unmasked,
        ];
        for bytes in bad {
            assert!(through(&bytes, 1).is_err(), "{bytes:x?}");
        }
    }
}
