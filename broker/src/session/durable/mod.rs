//! Sessions that outlive their connection, on the disk: a fold over the log
//! (`docs/sessions.md`).

mod event;
mod fields;
mod group_place;
mod kept;
mod layout;
mod place;
mod row;

pub(crate) use event::Event;
pub(crate) use group_place::{GroupPlace, GroupSnapshot};
pub(crate) use kept::{Kept, Snapshot};
pub(crate) use place::{KeptWill, Place};
pub(crate) use row::{KeptFilter, Row};
