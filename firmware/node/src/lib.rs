//! What a device does, whatever board it runs on.
//!
//! A board gives the parts of a [`Platform`] to [`Node::start`] and awaits [`Node::run`]:
//!
//! - flash: `embedded_storage_async::nor_flash::NorFlash`, and a [`flash::Layout`] that says
//!   which ranges of it are the node's. No word is written twice between erasures, so flash with
//!   error correction will do;
//! - [`Connector`]: opens a TCP (or TLS) stream to the broker, `embedded_io_async` 0.7;
//! - [`TimeSource`]: asks for the time of day; [`sntp`] has the packets;
//! - [`Clock`], [`Entropy`], [`System`] (watchdog, lamp, supply), and [`Journal`] for a log;
//! - [`Sensors`]: a tuple of [`Sensor`]s.
//!
//! The node measures on schedule, keeps every reading in flash until the broker's PUBACK, and
//! sends them in compact batches at QoS 1. `docs/device-contract.md` says what it promises,
//! `docs/device-flash.md` how it keeps it when the power goes.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
// Devices run on one executor in one thread: no future has to be `Send`.
#![allow(async_fn_in_trait)]

mod backoff;
mod bytes;
mod command;
mod config;
pub mod flash;
mod health;
mod json;
mod link;
pub mod mqtt;
mod node;
mod platform;
mod reading;
mod sampler;
mod schedule;
pub mod sensor;
pub mod sensors;
mod shared;
pub mod sntp;
mod threshold;
pub mod time;
mod topics;

pub use command::{COMMAND_BYTES_MAX, ID_BYTES_MAX, IDENTIFY_MAX_S};
pub use config::{BUILT_S, Config, ConfigError};
pub use health::HEALTH_CHANNELS;
pub use link::PAYLOAD_BYTES_MAX;
pub use node::{Node, Parts, RECEIVE_BYTES, SESSION_EXPIRY_S, StartError, Stop, TRANSMIT_BYTES};
pub use platform::{
    Clock, Connector, Entropy, Journal, LinkEvent, NoTime, Platform, ResetCause, System,
    TimeSource, UnixTime, Unwelcome,
};
pub use reading::{
    Basis, CHANNELS_MAX, Channel, Quality, Queued, Reading, Stamp, UNIT_BYTES_MAX, Value,
};
pub use sampler::RING_READINGS_MAX;
pub use schedule::{PERIOD_MAX_S, PERIOD_MIN_S, SILENT_SHARE};
pub use sensor::{Every, Sensor, Sensors};
pub use threshold::{THRESHOLDS_MAX, Threshold};

/// The watchdog is fed so often while every part of the node moves on, µs. Only what the flash takes
/// to erase a page delays it, 4 s for the largest sectors: let it bite after 8 s at the earliest.
pub const FEED_EVERY_US: u64 = 2_000_000;
/// A step that takes longer than all its bounds allow hangs: the watchdog isn't fed any more, µs.
pub const STALL_US: u64 = 90_000_000;
/// An instrument that takes longer gave nothing, µs.
pub const SAMPLE_TIMEOUT_US: u64 = 5_000_000;
/// A connection, and the session on it, that takes longer is given up, µs.
pub const CONNECT_TIMEOUT_US: u64 = 20_000_000;
/// A write that takes longer means that the connection is gone, µs.
pub const WRITE_TIMEOUT_US: u64 = 20_000_000;
/// A PUBACK that takes longer means that the connection is gone, µs.
pub const ACK_TIMEOUT_US: u64 = 30_000_000;
/// A connection that lasted so long ends the backoff, µs.
pub const STABLE_US: u64 = 60_000_000;
/// Readings without a time wait so long for the clock to be set, from the first connection since the
/// start on, µs. What crosses a threshold ends it.
pub const UNDATED_WAIT_US: u64 = 600_000_000;
/// And for so long when a connection comes, once an hour at most: after an outage the clock is set
/// first, µs.
pub const UNDATED_SETTLE_US: u64 = 30_000_000;
/// A restart that was asked for waits so long at most for what is in flight, µs,
pub const LEAVE_WAIT_US: u64 = 25_000_000;
/// and has come after so long, whatever the link does, µs.
pub const RESTART_WAIT_US: u64 = 30_000_000;
/// The clock is set so often, µs.
pub const SYNC_EVERY_US: u64 = 3_600_000_000;
/// A time source that gave no answer is asked again after, µs.
pub const SYNC_RETRY_US: u64 = 15_000_000;
/// As long as the clock isn't set, an answer that needs another is followed by a question after, µs.
pub const SYNC_CONFIRM_US: u64 = 4_000_000;
/// One that contradicts the clock is followed by a question after, µs.
pub const SYNC_DOUBT_US: u64 = 64_000_000;
/// A time source that wants to be asked less often is asked again after, µs; doubled each time that
/// it says so (RFC 5905, kiss code RATE).
pub const SYNC_PACE_MIN_US: u64 = 64_000_000;
/// The longest wait that comes of that, and the wait after it refused to be asked at all (DENY, RSTR),
/// µs.
pub const SYNC_PACE_MAX_US: u64 = 86_400_000_000;
/// An answer from the time source that takes longer is none, µs.
pub const SYNC_TIMEOUT_US: u64 = 5_000_000;
