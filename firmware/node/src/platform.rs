//! What a board, or a host that plays one, gives to the node.

use crate::sensor::Sensors;
use core::fmt::Debug;
use embedded_io_async::{Read, Write};
use embedded_storage_async::nor_flash::NorFlash;

/// Everything that a board brings, under one name.
pub trait Platform {
    /// The flash that keeps the queue and the settings.
    type Flash: NorFlash;
    /// The clock that counts from boot.
    type Clock: Clock;
    /// The way to the broker.
    type Connector: Connector;
    /// Where the time of day comes from.
    type Time: TimeSource;
    /// Randomness.
    type Entropy: Entropy;
    /// The watchdog, the supply, the lamp.
    type System: System;
    /// The instruments.
    type Sensors: Sensors;
    /// Who is told what became of each reading; `()` where nobody is.
    type Journal: Journal;
}

/// A clock that counts from boot and never goes back. It may run fast or slow.
pub trait Clock {
    /// Microseconds since boot.
    fn uptime_us(&self) -> u64;

    /// Waits until [`Self::uptime_us`] is there. Dropping the future is fine.
    async fn sleep_until(&self, uptime_us: u64);
}

/// Opens streams to the broker: TCP, or TLS over it.
pub trait Connector {
    /// Why there is no stream.
    type Error: Debug;
    /// An open stream. Its reads must be cancel-safe: a read that is dropped took nothing. A
    /// read waits as long as nothing comes; an end of the stream is 0 bytes or an error.
    type Stream<'a>: Read + Write
    where
        Self: 'a;

    /// Opens one. The node drops the future when it takes too long.
    async fn connect(&mut self) -> Result<Self::Stream<'_>, Self::Error>;
}

/// A time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnixTime {
    /// Microseconds since 1970 UTC.
    pub us: i64,
    /// By how much it may be wrong, µs.
    pub uncertainty_us: u32,
}

/// A time source that answers that it doesn't want to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwelcome {
    /// So often.
    SoOften,
    /// At all.
    AtAll,
}

/// Asks for the time of day.
pub trait TimeSource {
    /// Why there is no answer.
    type Error: Debug;

    /// The time at the moment of return. The node drops the future when it takes too long.
    async fn now(&mut self) -> Result<UnixTime, Self::Error>;

    /// Whether an error says that the source doesn't want to be asked.
    fn unwelcome(_error: &Self::Error) -> Option<Unwelcome> {
        None
    }
}

/// Randomness: jitter, and the numbers of boots.
pub trait Entropy {
    /// 32 bits that another device of the same firmware doesn't get.
    fn next_u32(&mut self) -> u32;
}

/// Why the device started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ResetCause {
    /// The board can't tell.
    Unknown = 0,
    /// The supply came.
    PowerOn = 1,
    /// The supply sagged.
    BrownOut = 2,
    /// The watchdog wasn't fed.
    Watchdog = 3,
    /// The firmware asked for it.
    Software = 4,
    /// Somebody pressed reset.
    Pin = 5,
    /// The firmware crashed.
    Panic = 6,
}

/// The board itself.
pub trait System {
    /// Feeds the watchdog. Called at least every [`crate::FEED_EVERY_US`] while every part of the
    /// node makes progress.
    fn feed_watchdog(&mut self) {}

    /// Lets people find the device: lamp on or off.
    fn identify(&mut self, _on: bool) {}

    /// Why it started last.
    fn reset_cause(&mut self) -> ResetCause {
        ResetCause::Unknown
    }

    /// The supply's voltage, mV, where it can be measured.
    fn supply_mv(&mut self) -> Option<u32> {
        None
    }

    /// The strength of the radio signal, dBm, where there is a radio.
    fn signal_dbm(&mut self) -> Option<i32> {
        None
    }
}

/// Is told what becomes of readings: a test's ledger, a board's log.
pub trait Journal {
    /// A reading is in flash: from here on it is not lost, or counted as evicted.
    fn queued(&mut self, _queued: &crate::Queued, _channel: &crate::Channel) {}

    /// The link changed.
    fn link(&mut self, _event: LinkEvent) {}
}

impl Journal for () {}

/// What a journal is told of the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkEvent {
    /// The broker accepted the session.
    Connected,
    /// A message of so many readings was handed to the network.
    Sent(u32),
    /// The oldest message in flight was acknowledged.
    Acknowledged,
    /// The connection ended, or none came about; the next try comes after so many milliseconds.
    Down(u32),
    /// The broker refused a message: it stays in the queue.
    Refused,
}

/// No time source: a device that never knows the time of day.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTime;

impl TimeSource for NoTime {
    type Error = ();

    async fn now(&mut self) -> Result<UnixTime, ()> {
        Err(())
    }
}
