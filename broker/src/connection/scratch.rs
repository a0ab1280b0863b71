//! Memory that a thread's connections take turns with, so that an idle one holds none.

use super::publish::Verdict;
use crate::fanout::Parcel;
use nhip_log::Batch;
use std::cell::RefCell;

/// The largest part of a packet that is put before freshly read bytes instead of the other
/// way round.
pub(crate) const CARRY_BYTES: usize = 32 << 10;
const READ_BYTES: usize = 64 << 10;

/// One thread's working memory.
pub(crate) struct Scratch {
    /// [`CARRY_BYTES`] for what was left over, then room to read into.
    pub(crate) bytes: Box<[u8]>,
    /// Publishes on their way into the log.
    pub(crate) batch: Batch,
    /// Publishes that go to subscribers only.
    pub(crate) direct: Parcel,
    /// What was decided of the topic last seen.
    pub(super) verdict: Verdict,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch {
        bytes: vec![0; CARRY_BYTES + READ_BYTES].into_boxed_slice(),
        batch: Batch::default(),
        direct: Parcel::default(),
        verdict: Verdict::default(),
    });
}

/// Lends the thread's scratch to `work`, which must not ask for it again.
pub(crate) fn with<R>(work: impl FnOnce(&mut Scratch) -> R) -> R {
    SCRATCH.with_borrow_mut(work)
}
