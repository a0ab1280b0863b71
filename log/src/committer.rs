//! The one writer: takes what is queued, makes it durable, tells who waits.
//!
//! It has no thread of its own and no clock; whoever drives it calls [`Committer::step`].

use crate::{
    Offset, Stall,
    block::{self, BlockHeader, Seed},
    disk::DiskFile,
    error::Trouble,
    queue::{BlockSpan, Buffer},
    roll::Candidate,
    segment,
    shared::Shared,
};
use std::{mem, ops::Range, sync::Arc};

/// Bytes that may be written before the free space is looked at again.
const SPACE_CHECK_BYTES: usize = 1 << 20;
/// Commits after which a buffer's memory is fitted to what they needed.
const FIT_COMMITS: u32 = 256;

/// What a step of the committer came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing was queued.
    Idle,
    /// Records became durable.
    Committed,
    /// Something holds it up: to be tried again.
    Stalled,
    /// It is over.
    Failed,
}

/// Random bits: one call, 64 of them.
pub type Random = Box<dyn FnMut() -> u64 + Send>;

/// The segment that is being written.
pub(crate) struct Active {
    pub(crate) sequence: u64,
    pub(crate) seed: Seed,
    pub(crate) file: Arc<dyn DiskFile>,
    /// Where the next block goes.
    pub(crate) position: u64,
    /// Whether the file is not written ahead but grows with the blocks.
    pub(crate) grows: bool,
}

/// What one commit made durable.
struct Written {
    blocks: Range<usize>,
    /// Where it ends in the segment.
    end_position: u64,
    bytes: u64,
}

pub(crate) struct Committer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) active: Option<Active>,
    /// A file on its way to become the active one.
    pub(crate) candidate: Option<Candidate>,
    /// Header checksum of the last durable block.
    pub(crate) previous: u32,
    pub(crate) durable: u64,
    pub(crate) random: Random,
    life: u64,
    writing: Buffer,
    /// How many of its blocks are durable.
    done: usize,
    stalled: Option<Stall>,
    failed: bool,
    unchecked_bytes: usize,
    fit: (u32, usize),
}

impl Committer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        active: Option<Active>,
        previous: u32,
        mut random: Random,
    ) -> Self {
        Self {
            durable: shared.durable_end(),
            shared,
            active,
            candidate: None,
            previous,
            life: random(),
            random,
            writing: Buffer::default(),
            done: 0,
            stalled: None,
            failed: false,
            unchecked_bytes: 0,
            fit: (0, 0),
        }
    }

    /// Makes at most one commit.
    pub(crate) fn step(&mut self) -> Step {
        if self.failed {
            return Step::Failed;
        }
        if self.done == self.writing.blocks.len() && !self.refill() {
            return Step::Idle;
        }
        let timer = self.shared.metrics.commit_seconds.start_timer();
        match self.commit() {
            Ok(written) => {
                // Before who waits is told: that is their time.
                timer.observe_duration();
                self.publish(written);
                Step::Committed
            }
            Err(trouble) => {
                timer.stop_and_discard();
                self.endure(trouble)
            }
        }
    }

    fn refill(&mut self) -> bool {
        self.writing.clear();
        self.done = 0;
        self.fit_memory();
        let mut queue = self.shared.queue.lock();
        if queue.filling.blocks.is_empty() {
            return false;
        }
        mem::swap(&mut queue.filling, &mut self.writing);
        queue.committing = self.writing.weight();
        drop(queue);
        self.writing.finish();
        true
    }

    fn fit_memory(&mut self) {
        self.fit.0 += 1;
        if self.fit.0 >= FIT_COMMITS {
            self.writing.shrink(self.fit.1);
            self.fit = (0, 0);
        }
    }

    /// Gives back the memory that a burst has left; for quiet times.
    pub(crate) fn shrink(&mut self) {
        self.shared.queue.lock().filling.shrink(0);
        if self.done == self.writing.blocks.len() {
            self.writing.clear();
            self.done = 0;
            self.writing.shrink(0);
        }
    }

    fn commit(&mut self) -> Result<Written, Trouble> {
        self.check_space()?;
        let blocks = self.place()?;
        let first = self.writing.blocks[blocks.start];
        let last = self.writing.blocks[blocks.end - 1];
        let bytes = first.start..last.end();
        let Some(active) = &self.active else {
            return Err(Trouble::Broken("no segment to write to".to_owned()));
        };
        let (seed, file, position) = (active.seed, Arc::clone(&active.file), active.position);
        let previous = self.seal(blocks.clone(), seed);
        file.write_at(position, &self.writing.bytes[bytes.clone()])
            .map_err(|error| Trouble::of("writing records", &error))?;
        file.sync_data()
            .map_err(|error| Trouble::of("making records durable", &error))?;
        self.previous = previous;
        self.done = blocks.end;
        self.durable = last.base + u64::from(last.records);
        self.unchecked_bytes += bytes.len();
        self.fit.1 = self.fit.1.max(bytes.end);
        Ok(Written {
            end_position: position + bytes.len() as u64,
            bytes: bytes.len() as u64,
            blocks,
        })
    }

    fn check_space(&mut self) -> Result<(), Trouble> {
        let asked = self
            .shared
            .space_due
            .swap(false, std::sync::atomic::Ordering::AcqRel);
        if !asked && self.stalled.is_none() && self.unchecked_bytes < SPACE_CHECK_BYTES {
            return Ok(());
        }
        self.unchecked_bytes = 0;
        match self.shared.disk.free_bytes() {
            Ok(free) if free < self.shared.config.free_bytes_min => Err(Trouble::Passing(
                Stall::NoSpace,
                format!(
                    "the file system has {free} B left, log.free_bytes_min is {} B",
                    self.shared.config.free_bytes_min
                ),
            )),
            // Not knowing is no reason to stop: a full disk shows itself on writing.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Finds room for the next blocks and says which ones fit into one commit.
    fn place(&mut self) -> Result<Range<usize>, Trouble> {
        let fits = self.fitting();
        // A candidate's header says where the blocks before it end: none may follow there.
        if fits > self.done && self.candidate.is_none() && !self.should_leave() {
            return Ok(self.done..fits);
        }
        self.roll()?;
        Ok(self.done..self.fitting())
    }

    fn fitting(&self) -> usize {
        let Some(active) = &self.active else {
            return self.done;
        };
        let config = &self.shared.config;
        let room = config.segment_bytes.saturating_sub(active.position);
        let room = usize::try_from(room)
            .unwrap_or(usize::MAX)
            .min(config.commit_bytes_max);
        let Some(first) = self.writing.blocks.get(self.done) else {
            return self.done;
        };
        let fits = |block: &&BlockSpan| block.end() - first.start <= room;
        let fitting = self.writing.blocks[self.done..].iter().take_while(fits);
        let fitting = self.done + fitting.count();
        // One block that is larger than any commit or segment should be goes alone.
        let alone = first.end() - first.start > config.commit_bytes_max
            && active.position + (first.end() - first.start) as u64 <= config.segment_bytes;
        if alone || active.position == segment::HEADER_BYTES {
            fitting.max(self.done + 1)
        } else {
            fitting
        }
    }

    /// Fills in the headers of `blocks` and returns the checksum of the last.
    fn seal(&mut self, blocks: Range<usize>, seed: Seed) -> u32 {
        let mut previous = self.previous;
        for span in &self.writing.blocks[blocks] {
            let block = &mut self.writing.bytes[span.start..span.end()];
            let body = &block[block::HEADER_BYTES..block::HEADER_BYTES + span.body_bytes];
            let header = BlockHeader {
                body_checksum: crc32c::crc32c(body),
                body_bytes: u32::try_from(span.body_bytes).unwrap_or(u32::MAX),
                records: span.records,
                previous,
                base: span.base,
                durable: self.durable,
                life: self.life,
            };
            previous = header.encode(seed, block);
        }
        previous
    }

    /// Shows the new end: first where it is, then that it is there, then to who waits.
    fn publish(&mut self, written: Written) {
        let Written {
            blocks,
            end_position,
            bytes,
        } = written;
        let start = self.writing.blocks[blocks.start].start;
        if let Some(active) = &mut self.active {
            let mut table = self.shared.table.write();
            if let Some(segment) = table.by_sequence(active.sequence) {
                let index = segment.index.get_or_insert_default();
                for span in &self.writing.blocks[blocks] {
                    let position = active.position + (span.start - start) as u64;
                    index.note(span.base - segment.header.base, position);
                }
                segment.end_position = end_position;
                segment.end = self.durable;
                segment.file_bytes = segment.file_bytes.max(end_position);
            }
            active.position = end_position;
        }
        let records = self.durable - self.shared.durable_end();
        self.shared.publish_end(self.durable);
        if self.stalled.take().is_some() {
            self.shared.metrics.stalled.set(0);
            tracing::info!("the log writes again");
        }
        self.tell();
        self.settle_queue();
        self.shared.metrics.committed_records.inc_by(records);
        self.shared.metrics.committed_bytes.inc_by(bytes);
    }

    fn tell(&self) {
        let last = self.durable - 1;
        for waiting in &self.writing.waiting {
            if waiting.first <= last {
                waiting.listener.committed(Offset(waiting.last.min(last)));
            }
        }
    }

    fn settle_queue(&mut self) {
        let durable = self.durable;
        self.writing
            .waiting
            .retain(|waiting| waiting.last >= durable);
        let written = match self.writing.blocks.get(self.done) {
            Some(next) => next.start,
            None => self.writing.bytes.len(),
        };
        let left = self.writing.weight() - written;
        let mut queue = self.shared.queue.lock();
        queue.committing = left;
        let weight = queue.weight();
        drop(queue);
        if weight <= self.shared.config.queue_bytes_max / 2 {
            self.shared.room.notify_waiters();
        }
    }

    fn endure(&mut self, trouble: Trouble) -> Step {
        match trouble {
            Trouble::Passing(stall, reason) => {
                if self.stalled.replace(stall) != Some(stall) {
                    self.shared.metrics.stalled.set(1);
                    self.shared
                        .state
                        .send_modify(|state| state.stalled = Some(stall));
                    match stall {
                        Stall::NoSpace => tracing::warn!(
                            reason,
                            "the log waits for disk space, nothing is acknowledged"
                        ),
                        Stall::NoDescriptor => tracing::warn!(
                            reason,
                            "the log waits for an open file to become free, nothing is acknowledged"
                        ),
                        Stall::AtBound => tracing::warn!(
                            reason,
                            "the log is at its bound, nothing is acknowledged"
                        ),
                    }
                }
                self.shared.keeper.nudge();
                Step::Stalled
            }
            Trouble::Broken(reason) => {
                tracing::error!(reason, "the log has failed, only reading is left");
                self.shared.metrics.failed.set(1);
                self.shared.state.send_modify(|state| {
                    state.failed = true;
                    state.stalled = None;
                });
                self.end(&reason);
                Step::Failed
            }
        }
    }

    /// Takes nothing more; tells everyone who still waits that it won't be.
    pub(crate) fn end(&mut self, reason: &str) {
        self.failed = true;
        let mut queue = self.shared.queue.lock();
        if queue.closed.is_none() {
            queue.closed = Some(reason.to_owned());
        }
        let queued = mem::take(&mut queue.filling);
        queue.committing = 0;
        drop(queue);
        let written = mem::take(&mut self.writing);
        self.done = 0;
        for waiting in written.waiting.iter().chain(&queued.waiting) {
            waiting.listener.failed();
        }
        self.shared.wake_all();
    }
}
