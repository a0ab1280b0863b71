//! The API as its users meet it, over a store and a fold that tests control.
#![expect(clippy::unwrap_used, reason = "a failure to set up is a failed test")]

mod browsers;
mod contract;
mod devices;
mod health;
mod kit;
mod latest;
mod live;
mod problems;
mod readings;
mod slow;
mod store_copy;
