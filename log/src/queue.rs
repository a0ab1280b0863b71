//! Records between append and commit.

use crate::{
    Batch, Committed, Offset,
    block::{self, take_record},
    config::Config,
};
use std::{ptr, sync::Arc, time::Instant};

/// What a waiting listener takes, counted towards the queue's bound.
const LISTENER_BYTES: usize = size_of::<Waiting>();
/// A buffer keeps this much memory at least.
const KEPT_BYTES: usize = 256 << 10;

/// A block that is being filled or waits to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlockSpan {
    /// Where its header begins in the buffer.
    pub(crate) start: usize,
    pub(crate) body_bytes: usize,
    pub(crate) base: u64,
    pub(crate) records: u32,
}

impl BlockSpan {
    /// Where the block and its padding end in the buffer.
    pub(crate) fn end(&self) -> usize {
        self.start + block::HEADER_BYTES + block::padded(self.body_bytes)
    }
}

/// A listener and the first and last offset that it waits for.
pub(crate) struct Waiting {
    pub(crate) listener: Arc<dyn Committed>,
    pub(crate) first: u64,
    pub(crate) last: u64,
}

/// Blocks as they will be on the disk, with room for their headers, and who waits for them.
#[derive(Default)]
pub(crate) struct Buffer {
    pub(crate) bytes: Vec<u8>,
    pub(crate) blocks: Vec<BlockSpan>,
    pub(crate) waiting: Vec<Waiting>,
}

impl Buffer {
    /// Bytes that count towards the queue's bound.
    pub(crate) fn weight(&self) -> usize {
        self.bytes.len() + self.waiting.len() * LISTENER_BYTES
    }

    /// Adds framed records; the first has the offset `base`.
    pub(crate) fn push(&mut self, batch: &Batch, base: u64, block_bytes_max: usize) {
        let framed = batch.framed();
        if framed.len() <= block_bytes_max {
            self.push_run(framed, batch.records(), base, block_bytes_max);
            return;
        }
        let (mut run, mut records, mut at) = (0, 0, base);
        let mut rest = framed;
        while let Some(record) = take_record(&mut rest) {
            let bytes = 4 + record.len();
            let end = framed.len() - rest.len();
            if records > 0 && end - run > block_bytes_max {
                self.push_run(&framed[run..end - bytes], records, at, block_bytes_max);
                at += u64::from(records);
                (run, records) = (end - bytes, 0);
            }
            records += 1;
        }
        self.push_run(&framed[run..], records, at, block_bytes_max);
    }

    fn push_run(&mut self, framed: &[u8], records: u32, base: u64, block_bytes_max: usize) {
        let fits = self.blocks.last().is_some_and(|block| {
            block.body_bytes + framed.len() <= block_bytes_max
                && block.records.checked_add(records).is_some()
        });
        if !fits {
            let start = self.bytes.len().next_multiple_of(8);
            self.bytes.resize(start + block::HEADER_BYTES, 0);
            self.blocks.push(BlockSpan {
                start,
                body_bytes: 0,
                base,
                records: 0,
            });
        }
        self.bytes.extend_from_slice(framed);
        if let Some(block) = self.blocks.last_mut() {
            block.body_bytes += framed.len();
            block.records += records;
        }
    }

    /// Notes that `listener` waits for `first` to `last`.
    pub(crate) fn wait(&mut self, listener: &Arc<dyn Committed>, first: u64, last: u64) {
        if let Some(newest) = self.waiting.last_mut()
            && ptr::addr_eq(Arc::as_ptr(&newest.listener), Arc::as_ptr(listener))
        {
            newest.last = last;
            return;
        }
        self.waiting.push(Waiting {
            listener: Arc::clone(listener),
            first,
            last,
        });
    }

    /// Brings the padding of the last block in.
    pub(crate) fn finish(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.blocks.clear();
        self.waiting.clear();
    }

    /// Gives memory back that `used` bytes don't need.
    pub(crate) fn shrink(&mut self, used: usize) {
        let kept = KEPT_BYTES.max(used * 2);
        if self.bytes.capacity() > kept * 2 {
            self.bytes.shrink_to(kept);
            self.blocks.shrink_to(64);
            self.waiting.shrink_to(1024);
        }
    }
}

/// The side of the queue that appends see; behind one lock.
#[derive(Default)]
pub(crate) struct Queue {
    pub(crate) filling: Buffer,
    /// Weight of what the committer has taken and not yet made durable.
    pub(crate) committing: usize,
    /// The offset of the next record.
    pub(crate) next: u64,
    /// Why it takes nothing more.
    pub(crate) closed: Option<String>,
    /// When the committer ends even if something is left.
    pub(crate) deadline: Option<Instant>,
    /// Whether the committer sleeps and must be woken.
    pub(crate) sleeping: bool,
}

impl Queue {
    pub(crate) fn weight(&self) -> usize {
        self.filling.weight() + self.committing
    }

    pub(crate) fn is_overdue(&self) -> bool {
        self.deadline
            .is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Whether a batch of `bytes` would exceed the bound.
    pub(crate) fn is_full(&self, bytes: usize, config: &Config) -> bool {
        let weight = self.weight();
        weight > 0 && weight + bytes > config.queue_bytes_max
    }

    /// Takes the records of `batch` and returns the offset of the last.
    pub(crate) fn take(
        &mut self,
        batch: &mut Batch,
        listener: Option<&Arc<dyn Committed>>,
        config: &Config,
    ) -> Offset {
        let first = self.next;
        self.next += u64::from(batch.records());
        let last = self.next.saturating_sub(1);
        self.filling.push(batch, first, config.block_bytes_max);
        if let Some(listener) = listener {
            self.filling.wait(listener, first, last);
        }
        batch.clear();
        Offset(last)
    }
}
