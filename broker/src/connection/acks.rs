//! Acknowledgements that wait for the log, in the order of their publishes (MQTT-4.6.0-2).

use crate::codec::{Ack, Packet, Reason, Version};
use std::collections::VecDeque;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Acks {
    waiting: VecDeque<(u16, Reason)>,
    /// How many of `waiting` are due when the log's durable end is at the offset.
    groups: VecDeque<(u64, u32)>,
    /// The newest ones, not in a group yet.
    loose: u32,
}

impl Acks {
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn push(&mut self, packet_id: u16, reason: Reason) {
        self.waiting.push_back((packet_id, reason));
        self.loose += 1;
    }

    /// What was pushed since the last call is due once everything before `end` is durable.
    pub(crate) fn group(&mut self, end: u64) {
        if self.loose > 0 {
            self.groups.push_back((end, self.loose));
            self.loose = 0;
        }
    }

    /// What was pushed since the last call waits for nothing but what came before it.
    pub(crate) fn group_behind(&mut self) {
        self.group(self.groups.back().map_or(0, |(end, _)| *end));
    }

    /// Writes the acknowledgements that are due.
    pub(crate) fn resolve(&mut self, durable_end: u64, version: Version, out: &mut Vec<u8>) {
        while let Some((end, count)) = self.groups.front().copied()
            && end <= durable_end
        {
            self.groups.pop_front();
            out.reserve(4 * count as usize);
            for (packet_id, reason) in self.waiting.drain(..count as usize) {
                write(packet_id, reason, version, out);
            }
            if self.waiting.is_empty() && self.waiting.capacity() > 64 {
                // An idle connection holds no memory for what it once did.
                self.waiting = VecDeque::new();
                self.groups = VecDeque::new();
            }
        }
    }
}

fn write(packet_id: u16, reason: Reason, version: Version, out: &mut Vec<u8>) {
    if reason == Reason::SUCCESS {
        let [high, low] = packet_id.to_be_bytes();
        out.extend_from_slice(&[0x40, 2, high, low]);
    } else {
        Packet::Puback(Ack::with(packet_id, reason)).write(version, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_does_not_overtake_what_came_before_it() {
        let (mut acks, mut out) = (Acks::default(), Vec::new());
        acks.push(1, Reason::SUCCESS);
        acks.group(10);
        acks.push(2, Reason::TOPIC_NAME_INVALID);
        acks.group_behind();
        acks.resolve(9, Version::V5, &mut out);
        assert!(out.is_empty());
        acks.resolve(10, Version::V5, &mut out);
        assert_eq!(out, [0x40, 2, 0, 1, 0x40, 3, 0, 2, 0x90]);
        assert!(acks.is_empty());
    }

    #[test]
    fn a_refusal_alone_waits_for_nothing() {
        let (mut acks, mut out) = (Acks::default(), Vec::new());
        acks.push(7, Reason::TOPIC_NAME_INVALID);
        acks.group_behind();
        acks.resolve(0, Version::V5, &mut out);
        assert_eq!(out, [0x40, 3, 0, 7, 0x90]);
    }
}
