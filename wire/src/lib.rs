//! What devices and the platform share: names, topics, units, qualities, payloads.
//!
//! This crate knows no other crate of ours, allocates nothing and needs no operating system.
#![no_std]
#![forbid(unsafe_code)]

pub mod compact;
pub mod envelope;
pub mod format;
pub mod name;
pub mod property;
pub mod quality;
mod series;
pub mod topic;
pub mod unit;

pub use format::Format;
pub use quality::Quality;
pub use series::SeriesId;
