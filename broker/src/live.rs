//! Messages of the platform itself: they aren't in the log, and are made from what is.

use std::ops::ControlFlow;
use thiserror::Error;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveMessage<'a> {
    /// Where it stands among all of them, beyond the one before; 0 for one that can't be made
    /// again.
    pub place: u64,
    /// A valid topic.
    pub topic: &'a str,
    /// The application message.
    pub payload: &'a [u8],
}

/// Makes them again, for a subscriber that could not take them as they came.
pub trait LiveSource: Send + Sync + 'static {
    /// Shows the messages at `place` and beyond, in their order, until `found` breaks or there
    /// are no more to be had at once. Blocks while it reads.
    fn read(
        &self,
        place: u64,
        found: &mut dyn FnMut(LiveMessage<'_>) -> ControlFlow<()>,
    ) -> Result<(), LiveError>;
}

/// Why they can't be made again.
#[derive(Debug, Error)]
pub enum LiveError {
    /// What they were made from is trimmed: go on with the oldest there is.
    #[error("live messages before {start} can't be made again: the log is trimmed")]
    Trimmed {
        /// The place of the oldest.
        start: u64,
    },
    /// Try again later.
    #[error("live messages can't be made again: {reason}")]
    Failed {
        /// What went wrong.
        reason: String,
    },
}

/// For a platform that has none.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLive;

impl LiveSource for NoLive {
    fn read(
        &self,
        _: u64,
        _: &mut dyn FnMut(LiveMessage<'_>) -> ControlFlow<()>,
    ) -> Result<(), LiveError> {
        Ok(())
    }
}
