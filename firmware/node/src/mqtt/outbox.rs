//! The packets that are to be written, and those that wait for their PUBACK, in their order.

use super::packet::{DUP, PUBLISH};
use crate::bytes::Writer;
use heapless::Vec;

/// Most packets at a time: messages in flight, and acknowledgements and pings between them.
const PACKETS_MAX: usize = 16;
/// The widest fixed header here: the type, and a length below 16,384.
const HEAD_BYTES: usize = 3;

/// Why a packet wasn't taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsent {
    /// There is no room at the moment.
    Full,
    /// The broker takes none of this size.
    TooLarge,
}

struct Packet {
    bytes: u16,
    /// Under which a PUBACK ends it; 0: it is done with when it is written.
    id: u16,
    written: bool,
}

pub(super) struct Outbox<'b> {
    buffer: &'b mut [u8],
    used: usize,
    packets: Vec<Packet, PACKETS_MAX>,
    /// Bytes that were written of the first packet that isn't written.
    begun: usize,
}

impl<'b> Outbox<'b> {
    pub(super) fn new(buffer: &'b mut [u8]) -> Self {
        Self {
            buffer,
            used: 0,
            packets: Vec::new(),
            begun: 0,
        }
    }

    /// Puts a packet in: its first byte, and what follows its fixed header.
    pub(super) fn put(
        &mut self,
        first: u8,
        id: u16,
        bytes_max: u32,
        body: &dyn Fn(&mut Writer<'_>) -> Option<()>,
    ) -> Result<(), Unsent> {
        let free = &mut self.buffer[self.used..];
        let place = free.get_mut(HEAD_BYTES..).ok_or(Unsent::Full)?;
        let mut to = Writer::new(place);
        body(&mut to).ok_or(Unsent::Full)?;
        let length = to.len();
        let low = (length & 0x7f) as u8;
        let head = match length >> 7 {
            0 => &[first, low][..],
            high => &[first, low | 0x80, high as u8],
        };
        let bytes = head.len() + length;
        if bytes > bytes_max as usize {
            return Err(Unsent::TooLarge);
        }
        let packet = Packet {
            bytes: bytes as u16,
            id,
            written: false,
        };
        self.packets.push(packet).map_err(|_| Unsent::Full)?;
        // The length takes as few bytes as it can (1.5.5).
        free.copy_within(HEAD_BYTES..HEAD_BYTES + length, head.len());
        free[..head.len()].copy_from_slice(head);
        self.used += bytes;
        Ok(())
    }

    /// What is to be written next.
    pub(super) fn unwritten(&self) -> Option<&[u8]> {
        let at = self.packets.iter().position(|packet| !packet.written)?;
        let start = self.start(at);
        let end = start + usize::from(self.packets[at].bytes);
        self.buffer.get(start + self.begun..end)
    }

    /// So many bytes of it were written.
    pub(super) fn wrote(&mut self, bytes: usize) {
        self.begun += bytes;
        let first = self.packets.iter().position(|packet| !packet.written);
        if let Some(at) = first
            && self.begun >= usize::from(self.packets[at].bytes)
        {
            self.begun = 0;
            self.packets[at].written = true;
            if self.packets[at].id == 0 {
                self.remove(at);
            }
        }
    }

    /// Takes the message of this id out; false if it isn't in flight.
    pub(super) fn acknowledge(&mut self, id: u16) -> bool {
        let mut packets = self.packets.iter();
        let found = packets.position(|packet| packet.id == id && packet.written);
        if let Some(at) = found {
            self.remove(at);
        }
        found.is_some()
    }

    /// Whether the message of this id waits for its PUBACK.
    pub(super) fn is_pending(&self, id: u16) -> bool {
        self.packets.iter().any(|packet| packet.id == id)
    }

    /// The messages that wait for their PUBACK.
    pub(super) fn in_flight(&self) -> usize {
        self.packets.iter().filter(|packet| packet.id != 0).count()
    }

    /// A connection has ended: what nobody acknowledges is of the past, the messages wait for
    /// [`Self::repeat`].
    pub(super) fn hold(&mut self) {
        let broken = self.packets.iter_mut().find(|packet| !packet.written);
        if let Some(packet) = broken.filter(|_| self.begun > 0) {
            packet.written = true;
        }
        self.begun = 0;
        let mut at = 0;
        while let Some(packet) = self.packets.get(at) {
            let (id, written) = (packet.id, packet.written);
            if id == 0 {
                self.remove(at);
                continue;
            }
            let start = self.start(at);
            if written && let Some(first) = self.buffer.get_mut(start) {
                *first |= DUP;
            }
            self.packets[at].written = true;
            at += 1;
        }
    }

    /// The broker knows the session: what is in flight is written again (4.4). False if it takes
    /// fewer messages at a time, or packets of so many bytes only and one is longer.
    pub(super) fn repeat(&mut self, bytes_max: u32, messages_max: u16) -> bool {
        if self.in_flight() > usize::from(messages_max) {
            return false;
        }
        for packet in &mut self.packets {
            packet.written = false;
        }
        let mut packets = self.packets.iter();
        packets.all(|packet| u32::from(packet.bytes) <= bytes_max)
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.packets.clear();
        (self.used, self.begun) = (0, 0);
    }

    fn start(&self, at: usize) -> usize {
        let before = self.packets.iter().take(at);
        before.map(|packet| usize::from(packet.bytes)).sum()
    }

    fn remove(&mut self, at: usize) {
        let start = self.start(at);
        let end = start + usize::from(self.packets.remove(at).bytes);
        self.buffer.copy_within(end..self.used, start);
        self.used -= end - start;
    }
}

// A packet with an id is a PUBLISH: DUP is a bit of its first byte only.
const _: () = assert!(PUBLISH & 0x0f == 0);
