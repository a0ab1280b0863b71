//! Writing the state of a shard: `docs/ingest.md`, "Checkpoint".

use super::{Fold, Halt, Stored, shared::Page};
use crate::state::{Header, PAGE_OFFSETS, keys::Key};
use nhip_store::StateBatch;
use std::{collections::BTreeSet, sync::Arc};

/// What a shard remembers between checkpoints.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// Slots that changed since the last one.
    pub(crate) devices: Vec<u32>,
    /// Pages of exceptions in the store.
    pub(crate) pages: BTreeSet<u64>,
}

impl Fold {
    /// Makes the state at `position` durable with everything appended.
    pub(super) fn checkpoint(
        &mut self,
        position: u64,
        log_start: u64,
        written: &mut Written,
        stored: &Stored,
    ) -> Result<(), Halt> {
        let mut changes = vec![(Key::Header.bytes(), Some(self.header(position).encode()))];
        for slot in &written.devices {
            let tracked = self.devices.get(*slot);
            changes.push((
                Key::Device(&tracked.name).bytes(),
                Some(tracked.state.encode()),
            ));
        }
        let payloads = self.letter_changes(&mut changes);
        let pages = self.page_changes(&mut changes);
        let trimmed: Vec<u64> = written
            .pages
            .range(..log_start / PAGE_OFFSETS)
            .copied()
            .collect();
        for page in &trimmed {
            changes.push((Key::Exceptions(*page).bytes(), None));
        }
        stored.until("the store", || {
            let changes = changes.clone();
            Ok(stored
                .store
                .checkpoint(self.shard, StateBatch { changes })?)
        })?;
        for slot in written.devices.drain(..) {
            self.devices.get(slot).dirty = false;
        }
        for page in trimmed {
            written.pages.remove(&page);
        }
        written.pages.extend(&pages);
        self.forget(position, &payloads);
        Ok(())
    }

    fn header(&self, position: u64) -> Header {
        Header {
            shard: self.shard,
            shards: self.config.shards,
            position,
            totals: self.totals.clone(),
        }
    }

    fn letter_changes(&self, changes: &mut Vec<(Vec<u8>, Option<Vec<u8>>)>) -> Vec<u64> {
        let board = self.shared.board();
        let mut payloads = Vec::new();
        for &number in &self.letters.dirty {
            let Some(entry) = board.letters.get(&number) else {
                changes.push((Key::Letter(number).bytes(), None));
                changes.push((Key::Payload(number).bytes(), None));
                continue;
            };
            changes.push((Key::Letter(number).bytes(), Some(entry.encode())));
            if let Some(payload) = board.payloads.get(&number) {
                changes.push((Key::Payload(number).bytes(), Some(payload.to_vec())));
                payloads.push(number);
            }
        }
        payloads
    }

    fn page_changes(&self, changes: &mut Vec<(Vec<u8>, Option<Vec<u8>>)>) -> Vec<u64> {
        let board = self.shared.board();
        let page = |(number, page): (&u64, &Page)| {
            changes.push((Key::Exceptions(*number).bytes(), Some(page.bytes.clone())));
            *number
        };
        board.exceptions.iter().map(page).collect()
    }

    /// Frees what is in the checkpoint now. The newest page stays: it goes on.
    fn forget(&mut self, position: u64, payloads: &[u64]) {
        let shared = Arc::clone(&self.shared);
        let mut board = shared.board();
        for number in payloads {
            board.payloads.remove(number);
        }
        board.exceptions = board.exceptions.split_off(&(position / PAGE_OFFSETS));
        self.letters.dirty.clear();
        self.letters.pending_bytes = 0;
    }
}
