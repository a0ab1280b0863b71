//! What bytes tell the clients to do.

use super::said::written;
use nhip_broker::codec::{Packet, Version};

/// Clients in one script.
pub const CLIENTS: usize = 4;

/// One step of one client.
#[derive(Clone, Debug)]
pub enum Step {
    /// A new connection, and its first bytes.
    Come(Vec<u8>),
    /// Bytes on the connection.
    Say(Vec<u8>),
    /// The answer that it owes longest, or another.
    Answer {
        which: u8,
        reason: u8,
    },
    /// It is gone without a word.
    Drop,
    /// It reads nothing until `Listen`.
    Deafen,
    Listen,
    /// It waits until it has everything that is for it.
    Settle,
    /// Nothing is durable until `Commit`.
    Hold,
    Commit,
    /// So many seconds pass on the wall clock.
    Wait(u8),
}

/// The steps of an input, each with the client that takes it.
pub struct Script<'a> {
    bytes: &'a [u8],
    pub(super) run: u64,
    pub(super) versions: [Version; CLIENTS],
}

impl<'a> Script<'a> {
    pub fn new(bytes: &'a [u8], run: u64) -> Self {
        let versions = [Version::V5; CLIENTS];
        Self {
            bytes,
            run,
            versions,
        }
    }

    pub(super) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.bytes.split_first() else {
            return 0;
        };
        self.bytes = rest;
        *first
    }

    fn step(&mut self, who: usize, kind: u8) -> Step {
        match kind {
            0..=6 => self.come(who, kind & 3),
            7..=19 => Step::Say(self.publish(who)),
            20..=26 => Step::Say(self.subscribe(who)),
            27..=28 => Step::Say(self.unsubscribe(who)),
            29..=39 => Step::Answer {
                which: 0,
                reason: 0,
            },
            40..=42 => Step::Answer {
                which: self.byte(),
                reason: self.byte(),
            },
            43..=45 => Step::Say(self.ack(who)),
            46..=47 => Step::Say(written(self.versions[who], Packet::Pingreq)),
            48 => Step::Say(self.goodbye(who)),
            49..=50 => Step::Drop,
            51 => Step::Deafen,
            52 => Step::Listen,
            53..=56 => Step::Settle,
            57 => Step::Hold,
            58..=59 => Step::Commit,
            60 => Step::Wait(self.byte()),
            61 => Step::Say(self.connect(who, 0).1),
            _ => Step::Say(self.raw()),
        }
    }

    fn come(&mut self, who: usize, asked: u8) -> Step {
        let (version, bytes) = self.connect(who, asked);
        self.versions[who] = version;
        Step::Come(bytes)
    }

    fn raw(&mut self) -> Vec<u8> {
        let length = usize::from(self.byte() & 63).min(self.bytes.len());
        let (raw, rest) = self.bytes.split_at(length);
        self.bytes = rest;
        raw.to_vec()
    }
}

impl Iterator for Script<'_> {
    type Item = (usize, Step);

    fn next(&mut self) -> Option<Self::Item> {
        if self.bytes.is_empty() {
            return None;
        }
        let first = self.byte();
        let who = usize::from(first & 3);
        Some((who, self.step(who, first >> 2)))
    }
}
