//! A message on its way into an outbox, and what becomes of it.

use crate::metrics::Drop;
use nhip_wire::envelope::Envelope;

/// The bounds of one outbox.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes encoded and not yet taken by the connection.
    pub(crate) ready_bytes_max: usize,
    pub(crate) queue_max: usize,
    pub(crate) queue_bytes_max: usize,
    /// Messages sent and not acknowledged.
    pub(crate) inflight_max: u16,
    /// The largest packet that the client takes.
    pub(crate) packet_bytes_max: usize,
    /// Topics that the client knows by number.
    pub(crate) topic_alias_max: u16,
}

/// What became of a message that was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// It is encoded or queued. `wake` says that the connection doesn't know yet.
    Taken { wake: bool },
    /// It isn't sent.
    Dropped(Drop),
    /// It will be read from the log, or was.
    Later,
    /// There is no room for it now.
    Full,
}

/// A message of the log, or one that isn't in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offered<'a> {
    /// Its place in the log, or [`crate::fanout::UNLOGGED`].
    pub(crate) offset: u64,
    pub(crate) envelope: &'a Envelope<'a>,
    pub(crate) record: &'a [u8],
}
