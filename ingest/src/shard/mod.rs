//! One shard: a thread that folds its devices' records.

mod append;
mod batch;
mod checkpoint;
mod dedupe;
mod devices;
mod fold;
mod halt;
mod letters;
mod load;
mod problem;
mod readings;
mod recall;
mod resolve;
mod route;
mod run;
mod shared;
mod stride;
mod validate;

pub(crate) use batch::Batch;
pub(crate) use checkpoint::Written;
pub(crate) use fold::{Fold, Replay};
pub(crate) use halt::{Halt, Stop, Stored};
pub(crate) use load::{LoadError, load};
pub(crate) use problem::Problem;
pub(crate) use route::{Route, Routes, shard_of};
#[cfg(test)]
pub(crate) use run::Step;
pub(crate) use run::{Shard, Work};
pub(crate) use shared::{Board, OTHER, Shared, Shown, UNKNOWN, reconciliation};
pub(crate) use validate::{Judged, Stream, observe};
