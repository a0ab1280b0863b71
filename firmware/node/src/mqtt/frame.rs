//! A packet that comes in pieces (2.1).

use super::session::Fault;
use embedded_io_async::Read;

/// Bytes of the widest length (1.5.5).
const LENGTH_BYTES_MAX: u32 = 4;
/// Bytes of what there is no room for that are read at a time.
const WASTE_BYTES: usize = 16;

/// What comes next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    First,
    /// So many bytes of the length came.
    Length(u32),
    Body,
}

/// One packet at a time. Of one that is longer than the buffer the rest is passed over.
pub(super) struct Frame<'b> {
    buffer: &'b mut [u8],
    next: Next,
    first: u8,
    /// Bytes behind the fixed header, and how many of them came.
    length: u32,
    came: u32,
}

impl<'b> Frame<'b> {
    pub(super) fn new(buffer: &'b mut [u8]) -> Self {
        Self {
            buffer,
            next: Next::First,
            first: 0,
            length: 0,
            came: 0,
        }
    }

    /// Bytes of the longest packet that comes in whole.
    pub(super) fn bytes_max(&self) -> usize {
        self.buffer.len()
    }

    /// Goes on with the next packet.
    pub(super) fn begin(&mut self) {
        (self.next, self.length, self.came) = (Next::First, 0, 0);
    }

    /// Reads until the packet is there. Dropping the future loses nothing if that is so of the
    /// stream's reads.
    pub(super) async fn read<IO: Read>(&mut self, io: &mut IO) -> Result<(), Fault> {
        if self.is_whole() {
            self.begin();
        }
        while !self.is_whole() {
            let mut few = [0; WASTE_BYTES];
            let count = match io.read(self.place(&mut few)).await {
                Ok(count) if count > 0 => count,
                _ => return Err(Fault::Lost),
            };
            self.take(count, few[0])?;
        }
        Ok(())
    }

    /// The packet's first byte and what is kept of its body, whether that is all, and the body's
    /// length.
    pub(super) fn packet(&self) -> (u8, &[u8], bool) {
        let length = self.length as usize;
        let kept = &self.buffer[..length.min(self.buffer.len())];
        (self.first, kept, length <= kept.len())
    }

    fn is_whole(&self) -> bool {
        self.next == Next::Body && self.came == self.length
    }

    /// Where the next bytes go: never to behind this packet.
    fn place<'p>(&'p mut self, few: &'p mut [u8]) -> &'p mut [u8] {
        if self.next != Next::Body {
            return &mut few[..1];
        }
        let left = (self.length - self.came) as usize;
        let room = self.buffer.get_mut(self.came as usize..);
        let place = room.filter(|room| !room.is_empty()).unwrap_or(few);
        let count = place.len().min(left);
        &mut place[..count]
    }

    fn take(&mut self, count: usize, byte: u8) -> Result<(), Fault> {
        match self.next {
            Next::First => {
                self.first = byte;
                self.next = Next::Length(0);
            }
            Next::Length(LENGTH_BYTES_MAX) => return Err(Fault::Lost),
            Next::Length(at) => {
                self.length |= u32::from(byte & 0x7f) << (7 * at);
                self.next = match byte < 0x80 {
                    true => Next::Body,
                    false => Next::Length(at + 1),
                };
            }
            Next::Body => self.came += count as u32,
        }
        Ok(())
    }
}
