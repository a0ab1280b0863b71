//! What a shard's checkpoints hold: `docs/ingest.md`, "State".

mod code;
mod device;
mod exceptions;
mod header;
pub(crate) mod keys;
mod letter;

pub(crate) use code::{Reader, Torn, Writer};
pub(crate) use device::{Device, Figures, Series};
pub(crate) use exceptions::{
    Missing, PAGE_OFFSETS, append as append_exception, find as find_exception,
};
pub(crate) use header::{Header, Totals};
pub(crate) use letter::{Account, Entry, Part, REASONS_END, Rejected};
