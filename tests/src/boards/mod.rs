//! Boards that run the firmware in QEMU, and the world around them.
//!
//! The world has a clock that runs faster than ours ([`world::World`]): boards learn it from an
//! SNTP server, and their own clocks run at the same speed, so that an hour of a device takes a
//! minute. Each board's flash is a file that outlives it, and what its instruments measured
//! stands in a ledger that the device can't touch.

mod board;
mod image;
mod ledger;
mod link;
mod world;

pub use board::{Board, Ended, Site};
pub use image::{Image, Model};
pub use ledger::{Comparison, Ledger, Measured, Queued, TimeErrors};
pub use link::Link;
pub use world::World;
