//! The fold over the log: decode, validate, convert, dedupe, store.
//!
//! It knows neither HTTP nor MQTT sockets. How it works, and what a crash leaves of it, is
//! `docs/ingest.md`.
#![forbid(unsafe_code)]

mod anew;
mod config;
pub mod convert;
pub mod decode;
mod dedupe;
mod directory;
mod feed;
mod ingest;
#[cfg(test)]
mod kit;
mod latest;
mod letters;
pub mod mapping;
mod metrics;
mod replay;
mod rules;
mod shard;
mod state;
#[cfg(test)]
mod tests;
mod view;
mod window;

pub use anew::{Kept, fold_anew, kept};
pub use config::{Clock, Config};
pub use directory::{Directory, DirectoryError};
pub use ingest::{Claim, Ingest, Parts, StartError, recorded_shards};
pub use metrics::Metrics;
pub use view::{
    Activity, Cursor, DeadLetter, DeadLetterQuery, FeedBatch, FeedError, FeedEvent, FeedReader,
    Lag, NextBatch, NotACursor, Reconciliation, ReplayOutcome, View, ViewError,
};
