//! The dead letters of a shard.

use super::{Problem, shared::Board};
use crate::state::{Account, Entry, Part, REASONS_END, Rejected};
use std::{collections::BTreeSet, sync::Arc};

/// What was rejected of one record; its memory is used again.
#[derive(Debug, Default)]
pub(crate) struct Rejection {
    /// Each reason once, in order of their first readings.
    pub(crate) reasons: Vec<&'static str>,
    detail: String,
    details: u32,
    pub(crate) parts: Vec<Part>,
    pub(crate) rejected: Rejected,
    whole: bool,
}

/// Details that a dead letter names.
const DETAILS_MAX: u32 = 5;
/// Bytes of one detail.
const DETAIL_BYTES_MAX: usize = 300;
/// Bytes that a dead letter is charged beside its texts and payload.
const OVERHEAD_BYTES: u64 = 256;

impl Rejection {
    pub(crate) fn clear(&mut self) {
        self.reasons.clear();
        self.detail.clear();
        self.details = 0;
        self.parts.clear();
        self.rejected.0.clear();
        self.whole = false;
    }

    /// Adds a reading.
    pub(crate) fn add(
        &mut self,
        index: u32,
        device: Option<&str>,
        account: Account,
        problem: &Problem,
    ) {
        self.rejected.add(index);
        self.count(device, account, problem);
    }

    /// Adds the whole record as one reading.
    pub(crate) fn add_all(&mut self, device: Option<&str>, account: Account, problem: &Problem) {
        self.whole = true;
        self.count(device, account, problem);
    }

    fn count(&mut self, device: Option<&str>, account: Account, problem: &Problem) {
        let same = |part: &&mut Part| part.device.as_deref() == device && part.account == account;
        match self.parts.iter_mut().rev().find(same) {
            Some(part) => part.readings += 1,
            None => self.parts.push(Part {
                device: device.map(Arc::from),
                account,
                readings: 1,
            }),
        }
        if !self.reasons.contains(&problem.reason) {
            self.reasons.push(problem.reason);
        }
        self.details += 1;
        if self.details > DETAILS_MAX {
            return;
        }
        if self.details > 1 {
            self.detail.push_str("; ");
        }
        if self.reasons.first() != Some(&problem.reason) {
            self.detail.push_str(problem.reason);
            self.detail.push_str(": ");
        }
        let end = problem.detail.floor_char_boundary(DETAIL_BYTES_MAX);
        self.detail.push_str(&problem.detail[..end]);
    }

    fn entry(&self, received_us: i64, topic: &str, payload_bytes: usize) -> Option<Entry> {
        if self.reasons.is_empty() {
            return None;
        }
        let mut detail = self.detail.clone();
        if self.details > DETAILS_MAX {
            detail.push_str(&format!("; and {} more", self.details - DETAILS_MAX));
        }
        let texts = topic.len() + detail.len() + self.rejected.0.len() + payload_bytes;
        Some(Entry {
            received_us,
            replayed_us: None,
            reasons: self.reasons.join(REASONS_END).into(),
            bytes: texts as u64 + OVERHEAD_BYTES,
            detail: detail.into(),
            topic: topic.into(),
            parts: self.parts.clone(),
            rejected: if self.whole {
                Rejected::default()
            } else {
                self.rejected.clone()
            },
        })
    }
}

/// What a shard does with its dead letters between checkpoints.
#[derive(Debug, Default)]
pub(crate) struct Letters {
    /// Numbers to write or to delete.
    pub(crate) dirty: BTreeSet<u64>,
    /// Bytes of payloads that wait for the checkpoint.
    pub(crate) pending_bytes: u64,
    pub(crate) count_max: u64,
    pub(crate) bytes_max: u64,
}

/// Where a rejected record came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'a> {
    pub(crate) number: u64,
    pub(crate) received_us: i64,
    pub(crate) replayed_us: Option<i64>,
    pub(crate) topic: &'a str,
    pub(crate) payload: &'a [u8],
}

impl Letters {
    /// Keeps what was rejected; returns how many older ones were dropped for it.
    pub(crate) fn keep(&mut self, board: &mut Board, from: Origin<'_>, what: &Rejection) -> u64 {
        let Some(mut entry) = what.entry(from.received_us, from.topic, from.payload.len()) else {
            return 0;
        };
        entry.replayed_us = from.replayed_us;
        self.pending_bytes += entry.bytes;
        board.letters_bytes += entry.bytes;
        board.payloads.insert(from.number, from.payload.into());
        if let Some(before) = board.letters.insert(from.number, Arc::new(entry)) {
            board.letters_bytes -= before.bytes;
        }
        self.dirty.insert(from.number);
        let mut dropped = 0;
        while board.letters.len() as u64 > self.count_max || board.letters_bytes > self.bytes_max {
            let Some((&oldest, _)) = board.letters.first_key_value() else {
                break;
            };
            self.remove(board, oldest);
            dropped += 1;
        }
        dropped
    }

    /// Forgets a dead letter.
    pub(crate) fn remove(&mut self, board: &mut Board, number: u64) -> Option<Arc<Entry>> {
        let entry = board.letters.remove(&number)?;
        board.letters_bytes -= entry.bytes;
        board.payloads.remove(&number);
        self.dirty.insert(number);
        Some(entry)
    }
}
