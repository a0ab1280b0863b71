//! Dead letters of all shards, in order of their number.

use crate::{
    feed::Sources,
    state::{Entry, Rejected, keys::Key},
    view::{DeadLetter, DeadLetterQuery, ViewError},
};
use nhip_store::StoreError;
use std::{collections::BTreeMap, ops::Bound, sync::Arc};

/// A dead letter, and which of its readings were rejected.
pub(crate) struct Found {
    pub(crate) letter: DeadLetter,
    pub(crate) rejected: Rejected,
    /// The shards that hold it, a bit each.
    pub(crate) holders: u64,
}

/// The entries of one record: one for each shard that rejected some of it.
type Entries = Vec<(u32, Arc<Entry>)>;

/// The dead letters that a query asks for, with their payloads.
pub(crate) fn list(sources: &Sources, query: &DeadLetterQuery) -> Result<Vec<Found>, ViewError> {
    let mut found: BTreeMap<u64, Entries> = BTreeMap::new();
    for (shard, shared) in (0_u32..).zip(&sources.shards) {
        let board = shared.board();
        let mut note = |number: u64, entry: &Arc<Entry>| {
            let entries = found.entry(number).or_default();
            entries.push((shard, Arc::clone(entry)));
        };
        let after = query.after.map_or(Bound::Unbounded, Bound::Excluded);
        if query.offsets.is_empty() && query.newest_first {
            let behind = board.letters.range((Bound::Unbounded, after)).rev();
            let asked = behind.filter(|(_, entry)| takes(query, entry));
            asked
                .take(query.limit)
                .for_each(|(number, entry)| note(*number, entry));
        } else if query.offsets.is_empty() {
            let behind = board.letters.range((after, Bound::Unbounded));
            let asked = behind.filter(|(_, entry)| takes(query, entry));
            asked
                .take(query.limit)
                .for_each(|(number, entry)| note(*number, entry));
        } else {
            for number in &query.offsets {
                let entry = board.letters.get(number);
                let asked = entry.filter(|entry| takes(query, entry));
                if let Some(entry) = asked.filter(|_| query.is_behind(*number)) {
                    note(*number, entry);
                }
            }
        }
    }
    let ordered: Box<dyn Iterator<Item = (u64, Entries)>> = match query.newest_first {
        true => Box::new(found.into_iter().rev()),
        false => Box::new(found.into_iter()),
    };
    let mut letters = Vec::new();
    for (number, mut entries) in ordered {
        if letters.len() >= query.limit {
            break;
        }
        // The same number may have been named twice.
        entries.dedup_by_key(|(shard, _)| *shard);
        if let Some(payload) = payload(sources, number, &entries)? {
            letters.extend(put_together(number, &entries, payload));
        }
    }
    Ok(letters)
}

fn takes(query: &DeadLetterQuery, entry: &Entry) -> bool {
    let of_device = |device: &str| {
        let mut parts = entry.parts.iter();
        parts.any(|part| part.device.as_deref() == Some(device))
    };
    query
        .reason
        .as_deref()
        .is_none_or(|reason| entry.reasons().any(|why| why == reason))
        && query.device.as_deref().is_none_or(of_device)
        && query
            .from_us
            .is_none_or(|from_us| entry.received_us >= from_us)
        && query.to_us.is_none_or(|to_us| entry.received_us < to_us)
}

/// The payload, from memory or from the last checkpoint; none if it has gone meanwhile.
fn payload(
    sources: &Sources,
    number: u64,
    entries: &Entries,
) -> Result<Option<Vec<u8>>, ViewError> {
    for (shard, _) in entries {
        let Some(shared) = sources.shards.get(*shard as usize) else {
            continue;
        };
        let held = shared
            .board()
            .payloads
            .get(&number)
            .map(|held| held.to_vec());
        if held.is_some() {
            return Ok(held);
        }
        let key = Key::Payload(number).bytes();
        let found = sources.store.state(*shard, &key).map_err(view_error)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn put_together(number: u64, entries: &Entries, payload: Vec<u8>) -> Option<Found> {
    let (_, first) = entries.first()?;
    let mut rejected = first.rejected.clone();
    let mut detail = first.detail.to_string();
    for (_, entry) in &entries[1..] {
        rejected.union(&entry.rejected);
        detail.push_str("; ");
        detail.push_str(&entry.detail);
    }
    let mut reasons: Vec<Arc<str>> = Vec::new();
    for reason in entries.iter().flat_map(|(_, entry)| entry.reasons()) {
        if !reasons.iter().any(|known| **known == *reason) {
            reasons.push(reason.into());
        }
    }
    let devices = entries.iter().flat_map(|(_, entry)| &entry.parts);
    Some(Found {
        rejected,
        holders: entries
            .iter()
            .fold(0, |bits, (shard, _)| bits | 1 << (shard % 64)),
        letter: DeadLetter {
            offset: number,
            received_us: first.received_us,
            device: devices.filter_map(|part| part.device.clone()).next(),
            topic: Arc::clone(&first.topic),
            reasons,
            detail: detail.into(),
            readings: entries.iter().map(|(_, entry)| entry.readings()).sum(),
            payload,
            replayed_us: entries
                .iter()
                .filter_map(|(_, entry)| entry.replayed_us)
                .max(),
        },
    })
}

fn view_error(error: StoreError) -> ViewError {
    match error {
        StoreError::Damaged { .. } => ViewError::Damaged {
            reason: error.to_string(),
        },
        StoreError::Unavailable { .. }
        | StoreError::Unusable { .. }
        | StoreError::Refused { .. } => ViewError::Unavailable {
            reason: error.to_string(),
        },
    }
}
