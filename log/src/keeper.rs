//! The housework beside the committer: trimming, spares, free space.

use crate::{disk, segment::spare_name, shared::Shared};
use std::{
    io,
    sync::{Arc, atomic::Ordering},
};

/// Zeros that are written at once, and how many are made durable at once: the disk is never
/// kept from a commit for long.
const ZEROS: &[u8] = &[0; 256 << 10];
const SYNC_BYTES: u64 = 4 << 20;
const UNFINISHED: &str = "new-spare.tmp";

pub(crate) struct Keeper {
    pub(crate) shared: Arc<Shared>,
    /// A folder that could not be changed is left alone for the rest of this life: a later
    /// segment must not go before an earlier one.
    stuck: bool,
    /// Whether spares could not be made: the log goes on without.
    spareless: bool,
}

impl Keeper {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            stuck: false,
            spareless: false,
        }
    }

    /// Does what is due; `now_us` is the wall clock.
    pub(crate) fn step(&mut self, now_us: i64, trim: bool) {
        self.shared.space_due.store(true, Ordering::Release);
        if trim
            && !self.stuck
            && let Err(error) = self.shared.trim(now_us)
        {
            self.stuck = true;
            tracing::error!(%error, "the log's folder can't be changed, trimming has ended");
        }
        if !self.spareless
            && !self.shared.state.borrow().failed
            && let Err(error) = self.tend_spares()
        {
            self.spareless = true;
            tracing::error!(%error, "the log can't make files ahead of need, commits are slower");
        }
        let figures = self.shared.figures();
        let metrics = &self.shared.metrics;
        metrics.bytes.set(figures.bytes.cast_signed());
        metrics.queued_bytes.set(figures.queued_bytes.cast_signed());
    }

    fn tend_spares(&self) -> io::Result<()> {
        let config = &self.shared.config;
        let free = self.shared.disk.free_bytes()?;
        if free < config.free_bytes_min {
            return self.give_spares_back();
        }
        let figures = self.shared.figures();
        let wanted = config.spare_segments_max > 0 && self.shared.spares.lock().is_empty();
        let roomy = free >= config.segment_bytes + 2 * config.free_bytes_min;
        let allowed = figures.bytes + 2 * config.segment_bytes <= config.bytes_max;
        if wanted && roomy && allowed {
            return self.make_spare();
        }
        Ok(())
    }

    fn give_spares_back(&self) -> io::Result<()> {
        loop {
            let Some(name) = self.shared.spares.lock().pop() else {
                return Ok(());
            };
            self.shared.disk.remove(&name)?;
        }
    }

    /// Writes a file full of zeros, so that commits into it have only data to flush.
    fn make_spare(&self) -> io::Result<()> {
        match self.fill_spare() {
            Ok(true) => {}
            Err(error) if disk::stall(&error).is_none() => return Err(error),
            Ok(false) | Err(_) => return self.remove_unfinished(),
        }
        let name = spare_name((self.shared.clock)().cast_unsigned());
        self.shared.disk.rename(UNFINISHED, &name)?;
        self.shared.disk.sync_dir()?;
        self.shared.spares.lock().push(name);
        Ok(())
    }

    /// It may not even have been made.
    fn remove_unfinished(&self) -> io::Result<()> {
        match self.shared.disk.remove(UNFINISHED) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    /// Says whether it came to the end; closing the log breaks it off.
    fn fill_spare(&self) -> io::Result<bool> {
        let bytes = self.shared.config.segment_bytes;
        let file = self.shared.disk.create(UNFINISHED)?;
        file.allocate(bytes)?;
        let (mut written, mut synced) = (0, 0);
        while written < bytes {
            if self.shared.keeper.ended.load(Ordering::Acquire) {
                return Ok(false);
            }
            let count = (bytes - written).min(ZEROS.len() as u64);
            file.write_at(written, &ZEROS[..usize::try_from(count).unwrap_or(0)])?;
            written += count;
            if written - synced >= SYNC_BYTES || written == bytes {
                file.sync_data()?;
                synced = written;
            }
        }
        Ok(true)
    }
}
