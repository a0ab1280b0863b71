//! Which sequence numbers were accepted: exact, in a few dozen bytes for each boot.

mod boots;
mod run;
mod sequences;

pub(crate) use boots::{Boot, Boots, Bounds};
pub(crate) use run::Run;
pub(crate) use sequences::{Asked, Sequences};

/// What is known of a sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It was never accepted.
    New,
    /// It was accepted.
    Known,
    /// Memory ends here: the store knows.
    Ask,
}
