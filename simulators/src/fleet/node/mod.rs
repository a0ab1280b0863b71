//! Devices that run the firmware's own code: `nhip-node` with a simulated flash, clock, network
//! and instruments, over real TCP.
//!
//! Each device lives in a time of its own ([`drive`]): it jumps to the next moment at which the
//! device has something to do, stands still while an answer of the broker is on its way, and
//! never passes the pace of the run. What a device measures, and when, is therefore the same in
//! every run from the same seed, whatever the machine and the network take.

mod clock;
mod drive;
mod flash;
mod life;
mod network;
mod station;
mod stream;
mod tap;
mod time;
mod workers;

pub(super) use life::{DRAIN_US_MAX, Plan};
pub(super) use station::health_and;
pub(super) use workers::{Fleet, live};
