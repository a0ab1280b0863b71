//! What a device does, whatever board it runs on.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
// Devices run on one executor in one thread: no future has to be `Send`.
#![allow(async_fn_in_trait)]

pub mod flash;
mod reading;

pub use reading::{Basis, CHANNELS_MAX, Channel, Quality, Queued, Reading, Stamp, Value};
