//! The fold over the log: decode, validate, convert, dedupe, store.
//!
//! It knows neither HTTP nor MQTT sockets.
#![forbid(unsafe_code)]

pub mod decode;
mod view;

pub use view::{
    Activity, Cursor, DeadLetter, DeadLetterQuery, FeedBatch, FeedError, FeedEvent, FeedReader,
    Lag, Reconciliation, ReplayOutcome, View, ViewError,
};
