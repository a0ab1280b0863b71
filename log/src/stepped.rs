//! The log without threads, for tests and simulations that drive it step by step.

use crate::{
    Log, Metrics, Offset,
    committer::{Active, Committer, Random, Step},
    config::Config,
    disk::Disk,
    error::OpenError,
    keeper::Keeper,
    recovery::recover,
    segment_log::SegmentLog,
    shared::{Clock, Shared},
};
use std::sync::Arc;

/// What the log takes from the world.
pub struct Surroundings {
    /// Its folder.
    pub disk: Arc<dyn Disk>,
    /// The wall clock.
    pub clock: Clock,
    /// Where its salts come from: must not be foreseeable for those who write records.
    pub random: Random,
}

/// A log whose commits and housework happen when they are called for.
pub struct SteppedLog {
    /// The log, for appending and reading.
    pub log: SegmentLog,
    pub(crate) committer: Committer,
    pub(crate) keeper: Keeper,
}

impl SteppedLog {
    /// Opens the log that is on the disk of `surroundings`.
    pub fn open(
        surroundings: Surroundings,
        config: Config,
        metrics: Metrics,
    ) -> Result<Self, OpenError> {
        let config = config.within_format();
        let disk = surroundings.disk;
        let recovered = recover(disk.as_ref(), &config)?;
        let active = recovered.table.segments.back().zip(recovered.last);
        let active = active.map(|(segment, file)| Active {
            sequence: segment.header.sequence,
            seed: segment.header.seed(),
            file,
            position: segment.end_position,
            grows: segment.file_bytes < config.segment_bytes,
        });
        let shared = Arc::new(Shared::new(
            config,
            disk,
            metrics,
            surroundings.clock,
            recovered.table,
            recovered.spares,
        ));
        let committer = Committer::new(
            Arc::clone(&shared),
            active,
            recovered.previous,
            surroundings.random,
        );
        let log = SegmentLog::new(Arc::clone(&shared));
        tracing::info!(
            folder = shared.disk.label(),
            start = shared.table.read().start(),
            end = shared.durable_end(),
            "opened the log"
        );
        let keeper = Keeper::new(shared);
        Ok(Self {
            log,
            committer,
            keeper,
        })
    }

    /// The log for those who append and read while this steps it. Whoever lets go of it closes
    /// it for all.
    pub fn shared(&self) -> Arc<dyn Log> {
        Arc::new(SegmentLog::new(self.log.shared()))
    }

    /// Makes at most one commit.
    pub fn commit(&mut self) -> Step {
        self.committer.step()
    }

    /// Does the housework that is due at `now_us`, and trims if told to.
    pub fn keep(&mut self, now_us: i64, trim: bool) {
        self.keeper.step(now_us, trim);
    }

    /// The offset behind the newest durable record.
    pub fn durable_end(&self) -> Offset {
        Offset(self.committer.durable)
    }
}
