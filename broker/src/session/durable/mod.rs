//! Sessions that outlive their connection, on the disk: a fold over the log
//! (`docs/sessions.md`).

mod event;
mod fields;
mod kept;
mod row;

pub(crate) use event::{Event, KeptWill, Place};
pub(crate) use kept::{Kept, Snapshot};
pub(crate) use row::{KeptFilter, Row};
