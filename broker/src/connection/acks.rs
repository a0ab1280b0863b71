//! Answers that wait for the log, in the order of what they answer (MQTT-4.6.0-2).

use crate::codec::{Ack, Explained, Packet, Reason, Version};
use std::collections::VecDeque;

/// What is due behind a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// The answer to a PUBLISH with QoS 1.
    Puback,
    /// The answer to one with QoS 2.
    Pubrec,
    /// The answer to PUBREC.
    Pubrel,
    /// The answer to PUBREL.
    Pubcomp,
    /// No packet: PUBCOMP has come, and the packet id is free.
    Free,
    /// No packet: records for this session alone can be read.
    Given,
}

impl Due {
    fn is_silent(self) -> bool {
        matches!(self, Self::Free | Self::Given)
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Acks {
    waiting: VecDeque<(u16, Due, Reason)>,
    groups: VecDeque<Group>,
    /// The newest ones, not in a group yet.
    loose: u32,
    /// Bytes of records on their way into the log, and those of them not in a group yet.
    bytes: usize,
    loose_bytes: usize,
    /// Publishes that count against the Receive Maximum that the client was told.
    window: u32,
    /// How many of `waiting` are no packets.
    silent: u32,
}

/// What is due, and how many bytes are no longer on their way, when the log's durable end is at
/// an offset.
#[derive(Clone, Copy, Debug)]
struct Group {
    end: u64,
    count: u32,
    bytes: u32,
}

/// What became due and is no packet.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    /// Packet ids that are free.
    pub(crate) free: Vec<u16>,
    pub(crate) given: bool,
}

impl Acks {
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether nothing waits but packets, so that the session isn't touched by what is due.
    pub(crate) fn are_packets(&self) -> bool {
        self.silent == 0
    }

    /// Publishes with QoS 1 that aren't answered, and those with QoS 2 that aren't completed.
    pub(crate) fn window(&self) -> usize {
        self.window as usize
    }

    pub(crate) fn push(&mut self, packet_id: u16, due: Due, reason: Reason) {
        self.waiting.push_back((packet_id, due, reason));
        self.loose += 1;
        self.silent += u32::from(due.is_silent());
        if matches!(due, Due::Puback | Due::Pubrec) {
            self.window += 1;
        }
    }

    /// Bytes of the client's records on their way into the log.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether a commit must be told of if `bytes` are appended now: somebody is to be answered,
    /// or they are `many`.
    pub(crate) fn must_hear(&self, bytes: usize, many: usize) -> bool {
        !self.is_empty() || self.loose_bytes + bytes >= many
    }

    /// What was pushed since the last call is due once everything before `end` is durable.
    pub(crate) fn group(&mut self, end: u64) {
        if self.loose > 0 {
            self.close_group(end);
        }
    }

    /// The same for records of `bytes` that end there; they make a group of their own if they
    /// are `many`.
    pub(crate) fn group_records(&mut self, end: u64, bytes: usize, many: usize) {
        self.bytes += bytes;
        self.loose_bytes += bytes;
        if self.loose > 0 || self.loose_bytes >= many {
            self.close_group(end);
        }
    }

    fn close_group(&mut self, end: u64) {
        // Nothing of 4 GiB fits into the log's queue.
        let bytes = u32::try_from(self.loose_bytes).unwrap_or(u32::MAX);
        self.groups.push_back(Group {
            end,
            count: self.loose,
            bytes,
        });
        (self.loose, self.loose_bytes) = (0, 0);
    }

    /// What was pushed since the last call waits for nothing but what came before it.
    pub(crate) fn group_behind(&mut self) {
        self.group(self.groups.back().map_or(0, |group| group.end));
    }

    /// Forgets what was pushed since the last call of [`Self::group`].
    pub(crate) fn forget_loose(&mut self) {
        let kept = self.waiting.len() - self.loose as usize;
        let forgotten = self.waiting.drain(kept..);
        let silent = forgotten.filter(|(_, due, _)| due.is_silent()).count();
        self.silent -= silent as u32;
        self.loose = 0;
    }

    /// Writes the answers that are due.
    pub(crate) fn resolve(
        &mut self,
        durable_end: u64,
        version: Version,
        explained: Explained,
        out: &mut Vec<u8>,
    ) -> Passed {
        let mut passed = Passed::default();
        while let Some(Group { end, count, bytes }) = self.groups.front().copied()
            && end <= durable_end
        {
            self.groups.pop_front();
            self.bytes -= bytes as usize;
            out.reserve(4 * count as usize);
            for (packet_id, due, reason) in self.waiting.drain(..count as usize) {
                match due {
                    Due::Free => passed.free.push(packet_id),
                    Due::Given => passed.given = true,
                    due => write((packet_id, due, reason), version, explained, out),
                }
                self.silent -= u32::from(due.is_silent());
                let over = due == Due::Puback
                    || due == Due::Pubcomp
                    || (due == Due::Pubrec && reason.is_error());
                self.window = self.window.saturating_sub(u32::from(over));
            }
        }
        if self.groups.is_empty() && self.waiting.is_empty() && self.waiting.capacity() > 64 {
            // An idle connection holds no memory for what it once did.
            self.waiting = VecDeque::new();
            self.groups = VecDeque::new();
        }
        passed
    }
}

fn write(
    (packet_id, due, reason): (u16, Due, Reason),
    version: Version,
    explained: Explained,
    out: &mut Vec<u8>,
) {
    if reason == Reason::SUCCESS && due == Due::Puback {
        let [high, low] = packet_id.to_be_bytes();
        out.extend_from_slice(&[0x40, 2, high, low]);
        return;
    }
    let words = explained.words(reason);
    let ack = Ack {
        packet_id,
        reason,
        properties: words.list(),
    };
    let packet = match due {
        Due::Puback => Packet::Puback(ack),
        Due::Pubrec => Packet::Pubrec(ack),
        Due::Pubrel => Packet::Pubrel(ack),
        Due::Pubcomp => Packet::Pubcomp(ack),
        Due::Free | Due::Given => return,
    };
    packet.write(version, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_does_not_overtake_what_came_before_it() {
        let (mut acks, mut out) = (Acks::default(), Vec::new());
        acks.push(1, Due::Puback, Reason::SUCCESS);
        acks.group(10);
        acks.push(2, Due::Puback, Reason::TOPIC_NAME_INVALID);
        acks.group_behind();
        acks.resolve(9, Version::V5, Explained::NOT, &mut out);
        assert!(out.is_empty());
        acks.resolve(10, Version::V5, Explained::NOT, &mut out);
        assert_eq!(out, [0x40, 2, 0, 1, 0x40, 3, 0, 2, 0x90]);
        assert!(acks.is_empty());
    }

    #[test]
    fn a_refusal_alone_waits_for_nothing() {
        let (mut acks, mut out) = (Acks::default(), Vec::new());
        acks.push(7, Due::Puback, Reason::TOPIC_NAME_INVALID);
        acks.group_behind();
        acks.resolve(0, Version::V5, Explained::NOT, &mut out);
        assert_eq!(out, [0x40, 3, 0, 7, 0x90]);
    }

    #[test]
    fn bytes_are_on_their_way_until_their_commit_also_where_nobody_is_answered() {
        let (mut acks, mut out) = (Acks::default(), Vec::new());
        acks.group_records(10, 60, 100);
        assert!(!acks.must_hear(39, 100) && acks.must_hear(40, 100));
        acks.group_records(20, 40, 100);
        acks.push(1, Due::Puback, Reason::SUCCESS);
        assert!(acks.must_hear(1, 100));
        acks.group_records(30, 5, 100);
        assert_eq!(acks.bytes(), 105);
        acks.resolve(20, Version::V5, Explained::NOT, &mut out);
        assert_eq!((acks.bytes(), out.len()), (5, 0));
        acks.resolve(30, Version::V5, Explained::NOT, &mut out);
        assert_eq!((acks.bytes(), out.len()), (0, 4));
    }

    #[test]
    fn a_publish_with_qos_2_counts_until_it_is_completed_or_refused() {
        let (mut acks, mut out) = (Acks::default(), Vec::new());
        acks.push(1, Due::Pubrec, Reason::SUCCESS);
        acks.push(2, Due::Pubrec, Reason::NOT_AUTHORIZED);
        acks.group(1);
        assert_eq!(acks.window(), 2);
        acks.resolve(1, Version::V5, Explained::NOT, &mut out);
        assert_eq!(acks.window(), 1);
        acks.push(1, Due::Pubcomp, Reason::SUCCESS);
        acks.group(2);
        acks.resolve(2, Version::V5, Explained::NOT, &mut out);
        assert_eq!(acks.window(), 0);
        assert_eq!(out, [0x50, 2, 0, 1, 0x50, 3, 0, 2, 0x87, 0x70, 2, 0, 1]);
    }
}
