//! Whole-platform tests: a `City` is the real binary on free ports in a temporary folder.
//!
//! Everything talks to loopback, every wait is bounded, every process is stopped by its id.
#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    reason = "this crate is test code: a failed step fails the test where it stands"
)]

pub mod boards;
pub mod city;
pub mod command;
pub mod crowd;
pub mod disk;
pub mod http;
pub mod ledger;
pub mod listeners;
pub mod load;
pub mod mqtt;
pub mod publishers;
pub mod questdb;
pub mod simulator;
pub mod wait;

pub use city::City;
