//! Runs nodes on a host in virtual time: months of a device's life in seconds.
//!
//! Time passes only when everything waits. Everything runs in one thread and from one seed, so a
//! run that failed fails again.

pub mod broker;
pub mod device;
pub mod flash;
pub mod network;
pub mod platform;
pub mod random;
pub mod time;
pub mod world;
