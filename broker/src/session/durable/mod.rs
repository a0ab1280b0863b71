//! Sessions that outlive their connection, on the disk: a fold over the log
//! (`docs/sessions.md`).

mod event;
mod fields;
mod kept;
mod layout;
mod place;
mod row;

pub(crate) use event::Event;
pub(crate) use kept::{Kept, Snapshot};
pub(crate) use place::{KeptWill, Place};
pub(crate) use row::{KeptFilter, Row};
