//! What the boards that QEMU emulates share: the host's files as flash, ledger and source of
//! entropy, settings from the emulator's command line, and a node between them.
//!
//! None of it is on a real board, where the HAL's flash and the part's own random numbers stand
//! in its place.
#![no_std]

pub mod arguments;
pub mod cause;
pub mod entropy;
pub mod file;
pub mod flash;
pub mod instruments;
pub mod ledger;
pub mod panic;
pub mod registers;

mod semihosting;
pub mod settings;
pub mod station;
pub mod world;

pub use semihosting::exit;
