//! What is known of a topic while the log has, or is to get, more of it than is folded.

/// See the module. Bytes of 0 stand for no message.
#[derive(Debug, Default)]
pub(super) struct Topic {
    /// Bytes in the database, if it was asked.
    pub(super) kept: Option<u32>,
    pub(super) logged: Option<Logged>,
    /// The largest of what is on its way to the log, in whichever order it comes there.
    pub(super) promised: u32,
    pub(super) promises: u32,
    /// The database is changing.
    pub(super) is_folding: bool,
}

/// What the log has, and the fold hasn't kept yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Logged {
    pub(super) bytes: u32,
    /// One past its offset.
    pub(super) end: u64,
}

impl Topic {
    /// Bytes that it will take at most; beside what is kept, if the database wasn't asked.
    pub(super) fn takes(&self) -> u32 {
        let last = self.logged.map(|logged| logged.bytes).or(self.kept);
        last.unwrap_or(0).max(self.promised)
    }

    pub(super) fn is_as_kept(&self) -> bool {
        self.logged.is_none() && self.promises == 0 && !self.is_folding
    }
}
