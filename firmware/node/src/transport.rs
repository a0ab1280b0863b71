//! The stream under the session: what the session can't take of a broker, or can't say to one.

use crate::node::RECEIVE_BYTES;
use embedded_io_async::{ErrorType, Read, Write};

/// Type, length, and the length of a PUBLISH's topic.
const HEAD_BYTES: usize = 7;
const PUBLISH: u8 = 3;
/// Bytes of the widest length of a packet.
const LENGTH_BYTES_MAX: usize = 4;
/// What a message that is too long is handed on with: no properties, and a text that is no JSON,
/// so that it is acknowledged and refused as a command.
const REST: [u8; 2] = [0, b'{'];
/// Bytes that are thrown away at a time.
const WASTE_BYTES: usize = 32;
const CLEAN_START: u8 = 1 << 1;

/// Passes packets on, but for two things.
///
/// A PUBLISH that is longer than the device said it takes comes in with its topic and its id
/// only: a broker that insists on it would otherwise end every connection.
///
/// A session whose messages in flight were put together anew resumes the broker's session, with
/// all that waits there: its CONNECT asks for no clean start.
pub(crate) struct Transport<IO> {
    io: IO,
    head: [u8; HEAD_BYTES],
    /// Bytes of the head that came.
    filled: u8,
    /// Bytes of the head to hand on, and those that were.
    ready: u8,
    given: u8,
    /// Then, so many bytes of the stream.
    pass: u32,
    /// Then, so many of the rest.
    rest: u8,
    /// Then, so many bytes of the stream are thrown away.
    waste: u32,
    connect: Connect,
}

/// The bytes of CONNECT that were not written yet, as far as they matter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Connect {
    Whole,
    /// So many before the flags.
    Before(u8),
    Done,
}

impl<IO> Transport<IO> {
    pub(crate) fn new(io: IO, resume: bool) -> Self {
        Self {
            io,
            head: [0; HEAD_BYTES],
            filled: 0,
            ready: 0,
            given: 0,
            pass: 0,
            rest: 0,
            waste: 0,
            connect: match resume {
                true => Connect::Whole,
                false => Connect::Done,
            },
        }
    }

    /// Takes the next byte of a packet's head.
    fn take(&mut self, byte: u8) {
        let at = usize::from(self.filled);
        if let Some(place) = self.head.get_mut(at) {
            *place = byte;
        }
        self.filled += 1;
        let Some((size, length)) = self.length() else {
            if at == LENGTH_BYTES_MAX {
                // No length at all: the session says what is wrong.
                self.hand_on(at + 1, 0);
            }
            return;
        };
        let publish = self.head[0] >> 4 == PUBLISH;
        if !publish || size + length <= RECEIVE_BYTES {
            return self.hand_on(size, length);
        }
        if at + 1 == size + 2 {
            self.shorten(size, length);
        }
    }

    /// The bytes of the fixed header, and what it says of the bytes behind it; none before it is
    /// there.
    fn length(&self) -> Option<(usize, usize)> {
        let mut length = 0;
        let came = self.head.get(1..usize::from(self.filled))?;
        for (at, &byte) in came.iter().take(LENGTH_BYTES_MAX).enumerate() {
            length |= usize::from(byte & 0x7f) << (7 * at);
            if byte < 0x80 {
                return Some((at + 2, length));
            }
        }
        None
    }

    fn hand_on(&mut self, head: usize, pass: usize) {
        (self.ready, self.given, self.filled) = (head as u8, 0, 0);
        self.pass = pass as u32;
    }

    fn shorten(&mut self, size: usize, length: usize) {
        let topic = [self.head[size], self.head[size + 1]];
        let id = match self.head[0] & 0b110 {
            0 => 0,
            _ => 2,
        };
        let kept = usize::from(u16::from_be_bytes(topic)) + id;
        let left = length - 2;
        let new = 2 + kept + REST.len();
        if new + 3 > RECEIVE_BYTES || kept > left {
            self.filled = 0;
            self.waste = left as u32;
            return;
        }
        // A length of one byte, or of two: not of more than it takes.
        let low = (new & 0x7f) as u8;
        match new >> 7 {
            0 => self.head[1..4].copy_from_slice(&[low, topic[0], topic[1]]),
            high => self.head[1..5].copy_from_slice(&[low | 0x80, high as u8, topic[0], topic[1]]),
        }
        self.hand_on(4 + usize::from(new > 0x7f), kept);
        self.rest = REST.len() as u8;
        self.waste = (left - kept) as u32;
    }
}

impl<IO: ErrorType> ErrorType for Transport<IO> {
    type Error = IO::Error;
}

impl<IO: Read> Read for Transport<IO> {
    async fn read(&mut self, bytes: &mut [u8]) -> Result<usize, IO::Error> {
        loop {
            if self.given < self.ready {
                let head = &self.head[usize::from(self.given)..usize::from(self.ready)];
                let count = head.len().min(bytes.len());
                bytes[..count].copy_from_slice(&head[..count]);
                self.given += count as u8;
                return Ok(count);
            }
            if self.pass > 0 {
                let count = bytes.len().min(self.pass as usize);
                let count = self.io.read(&mut bytes[..count]).await?;
                self.pass -= count as u32;
                return Ok(count);
            }
            if self.rest > 0
                && let Some(first) = bytes.first_mut()
            {
                *first = REST[REST.len() - usize::from(self.rest)];
                self.rest -= 1;
                return Ok(1);
            }
            let mut came = [0; WASTE_BYTES];
            let room = WASTE_BYTES.min(self.waste.max(1) as usize);
            let count = self.io.read(&mut came[..room]).await?;
            match (count, self.waste) {
                (0, _) => return Ok(0),
                (_, 0) => self.take(came[0]),
                _ => self.waste -= count as u32,
            }
        }
    }
}

impl<IO: Write> Write for Transport<IO> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, IO::Error> {
        if self.connect == Connect::Whole {
            // Type, length of one or two bytes, `MQTT` with its length, version.
            let wide = bytes.get(1).is_some_and(|length| length & 0x80 != 0);
            self.connect = Connect::Before(9 + u8::from(wide));
        }
        match self.connect {
            Connect::Before(0) => {
                let flags = bytes.first().map_or(0, |flags| flags & !CLEAN_START);
                let count = self.io.write(&[flags]).await?;
                if count > 0 {
                    self.connect = Connect::Done;
                }
                Ok(count)
            }
            Connect::Before(left) => {
                let part = bytes.len().min(left.into());
                let count = self.io.write(&bytes[..part]).await?;
                self.connect = Connect::Before(left - count as u8);
                Ok(count)
            }
            _ => self.io.write(bytes).await,
        }
    }

    async fn flush(&mut self) -> Result<(), IO::Error> {
        self.io.flush().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::convert::Infallible;
    use embassy_futures::block_on;

    /// Gives what it holds, so many bytes at a time, and keeps what is written.
    struct Wire {
        incoming: Vec<u8>,
        step: usize,
        written: Vec<u8>,
    }

    impl ErrorType for Wire {
        type Error = Infallible;
    }

    impl Read for Wire {
        async fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Infallible> {
            let count = bytes.len().min(self.step).min(self.incoming.len());
            for (to, from) in bytes.iter_mut().zip(self.incoming.drain(..count)) {
                *to = from;
            }
            Ok(count)
        }
    }

    impl Write for Wire {
        async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
            let count = bytes.len().min(self.step);
            self.written.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        async fn flush(&mut self) -> Result<(), Infallible> {
            Ok(())
        }
    }

    fn transport(incoming: Vec<u8>, step: usize, resume: bool) -> Transport<Wire> {
        let written = Vec::new();
        Transport::new(
            Wire {
                incoming,
                step,
                written,
            },
            resume,
        )
    }

    fn all(incoming: &[u8], step: usize) -> Vec<u8> {
        let mut transport = transport(incoming.to_vec(), step, false);
        let (mut found, mut bytes) = (Vec::new(), [0; 50]);
        loop {
            match block_on(transport.read(&mut bytes[..step.min(50)])).unwrap() {
                0 => return found,
                count => found.extend_from_slice(&bytes[..count]),
            }
        }
    }

    fn publish(first: u8, length: usize) -> Vec<u8> {
        let mut packet = vec![first];
        let mut left = length;
        while left > 127 {
            packet.push((left & 0x7f) as u8 | 0x80);
            left >>= 7;
        }
        packet.push(left as u8);
        let begin = packet.len();
        packet.extend_from_slice(b"\0\x03a/b\x12\x34\0");
        packet.resize(begin + length, b'z');
        packet
    }

    #[test]
    fn packets_of_a_size_that_the_device_takes_pass_as_they_are() {
        let mut stream = vec![0x20, 3, 0, 0, 0, 0xd0, 0];
        stream.extend(publish(0x32, RECEIVE_BYTES - 3));
        stream.extend([0x40, 2, 0, 7]);
        for step in [1, 2, 7, 100] {
            assert_eq!(all(&stream, step), stream);
        }
    }

    #[test]
    fn of_a_message_that_is_too_long_topic_and_id_remain() {
        for length in [RECEIVE_BYTES - 2, 1000, 70_000] {
            let mut stream = publish(0x32, length);
            stream.extend([0xd0, 0]);
            let shortened = b"\x32\x09\0\x03a/b\x12\x34\0{\xd0\0";
            for step in [1, 3, 100] {
                assert_eq!(all(&stream, step), shortened, "{length} {step}");
            }
        }
    }

    #[test]
    fn of_one_whose_topic_alone_is_too_long_nothing_remains() {
        let mut stream = publish(0x32, 1000);
        stream[3..5].copy_from_slice(&500_u16.to_be_bytes());
        stream.extend([0xd0, 0]);
        assert_eq!(all(&stream, 9), [0xd0, 0]);
    }

    #[test]
    fn a_session_that_resumes_asks_for_no_clean_start() {
        for (length, flags_at) in [(&[60][..], 9), (&[0x9c, 1], 10)] {
            let mut connect = vec![0x10];
            connect.extend_from_slice(length);
            connect.extend_from_slice(b"\0\x04MQTT\x05\xc6rest");
            let mut expected = connect.clone();
            expected[flags_at] = 0xc4;
            for step in [1, 4, 100] {
                let mut transport = transport(Vec::new(), step, true);
                let mut left = connect.as_slice();
                while !left.is_empty() {
                    left = &left[block_on(transport.write(left)).unwrap()..];
                }
                assert_eq!(transport.io.written, expected);
            }
        }
    }
}
