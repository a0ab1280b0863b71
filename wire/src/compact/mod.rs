//! The compact payload: many readings in few bytes, bincode 2.0.1's primitives throughout.
//!
//! The bytes are written down in `docs/payloads.md` and frozen by golden vectors. Nothing else
//! uses bincode, so that another codec can take its place behind this module.
//!
//! A message names its channels once; a reading refers to one by its index and gives what
//! changed: the time and the value since the preceding one, the sequence number if it isn't
//! the next. A value is a decimal (an integer and the channel's number of decimals) and so is
//! exactly the float that its text would be, or a 64-bit float where it is no short decimal.

mod decode;
mod encode;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;

pub use decode::{Channels, Decoder};
pub use encode::Encoder;

use crate::quality::Quality;
use core::fmt;

/// Most channels in one message.
pub const CHANNELS_MAX: usize = 16;
/// Most decimals of a channel.
pub const DECIMALS_MAX: u8 = 15;

/// The first byte: bits 6 and 7 are the version of the format.
const VERSION: u8 = 1 << 6;
const VERSION_BITS: u8 = 0b1100_0000;
const NUMBERED: u8 = 1;
const TIMED: u8 = 1 << 1;
const MILLIS: u8 = 1 << 2;
const TICK_SHIFT: u8 = 3;
const CLOCK_DOUBTFUL: u8 = 1 << 5;

/// Beside the number of decimals: a unit follows the channel's name.
const HAS_UNIT: u8 = 1 << 4;

/// The channel's index is in a byte of its own.
const CHANNEL_FOLLOWS: u8 = 7;
const STEP_SHIFT: u8 = 3;
const HAS_QUALITY: u8 = 1 << 5;
const IS_FLOAT: u8 = 1 << 6;
const SEQ_SKIPS: u8 = 1 << 7;

/// Integers up to here are exact as 64-bit floats.
const EXACT_MAX: i64 = 1 << 53;

static POWERS: [f64; 16] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
];

/// Whether the times of a message count from a base; else each is an age at its arrival.
pub fn is_timed(payload: &[u8]) -> bool {
    payload.first().is_some_and(|flags| flags & TIMED != 0)
}

fn config() -> impl bincode::config::Config {
    bincode::config::standard()
}

/// The unit of the time steps between readings: the coarser, the fewer bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tick {
    /// 1 ms.
    Millisecond,
    /// 100 ms.
    Tenth,
    /// 1 s.
    #[default]
    Second,
    /// 60 s.
    Minute,
}

impl Tick {
    const ALL: [Self; 4] = [Self::Millisecond, Self::Tenth, Self::Second, Self::Minute];

    /// Its length, ms.
    pub const fn ms(self) -> i64 {
        match self {
            Self::Millisecond => 1,
            Self::Tenth => 100,
            Self::Second => 1000,
            Self::Minute => 60_000,
        }
    }
}

/// What holds for a whole message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The boot counter and the sequence number of the first reading.
    pub numbered: Option<(u32, u64)>,
    /// The time from which the first reading's step counts, ms since 1970 UTC. Without it
    /// steps count from the arrival: a device without a clock sends how old each reading is.
    pub base_ms: Option<u64>,
    /// The unit of time steps.
    pub tick: Tick,
    /// Whether the clock was never set since the device booted.
    pub clock_doubtful: bool,
}

/// One datastream of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Channel<'a> {
    /// The datastream's name.
    pub name: &'a str,
    /// The UCUM unit; none for the datastream's own.
    pub unit: Option<&'a str>,
    /// Decimals of its values, 0 to [`DECIMALS_MAX`].
    pub decimals: u8,
}

/// One reading of a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// The index of its channel.
    pub channel: u8,
    /// When it was measured, ms since 1970 UTC; since the arrival if the header has no base
    /// (then it is not positive).
    pub time_ms: i64,
    /// The value. A decoder gives what was sent, finite or not.
    pub value: f64,
    /// The quality; none if it has a code that this version doesn't know.
    pub quality: Option<Quality>,
    /// The sequence number, if the message is numbered.
    pub seq: Option<u64>,
}

/// One reading for a device that computes no floats: its value is an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scaled {
    /// The index of its channel.
    pub channel: u8,
    /// As in [`Sample`].
    pub time_ms: i64,
    /// The value in units of its channel's last decimal place.
    pub scaled: i32,
    /// The quality.
    pub quality: Quality,
    /// The sequence number, if the message is numbered.
    pub seq: Option<u64>,
}

/// What can't be encoded. The encoder is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// The buffer is full: send what is in it, and this reading in the next message.
    Full,
    /// No channel, more than [`CHANNELS_MAX`], or too many decimals.
    Channels,
    /// The reading names a channel that the message doesn't have.
    Channel,
    /// The value is no finite number.
    NotFinite,
    /// The time is no whole number of ticks from the preceding one: choose a finer tick.
    OffTick,
    /// The sequence number isn't behind the preceding one, or only some readings have one.
    Sequence,
    /// The reading has no quality.
    Quality,
}

/// Why bytes are no compact payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompactError {
    /// What is wrong.
    pub problem: Problem,
    /// The byte at which it shows, from 0 on.
    pub at: usize,
}

/// What is wrong with a compact payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A version other than 1.
    Version,
    /// It ends inside a field, or a field is not what it should be.
    Field,
    /// No channel, more than [`CHANNELS_MAX`], too many decimals, or unknown bits.
    Channels,
    /// A reading of a channel that the header doesn't list.
    Channel,
    /// A time, a value or a sequence number beyond its range.
    Range,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the buffer is full",
            Self::Channels => "a message has 1 to 16 channels of at most 15 decimals",
            Self::Channel => "the message has no such channel",
            Self::NotFinite => "the value is not finite",
            Self::OffTick => "the time is no whole number of ticks from the one before",
            Self::Sequence => "the sequence number is not behind the one before",
            Self::Quality => "the reading has no quality",
        })
    }
}

impl core::error::Error for EncodeError {}

impl fmt::Display for CompactError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.problem {
            Problem::Version => {
                "the first byte names a version of the compact format that is unknown"
            }
            Problem::Field => "the payload ends inside a field, or the field is malformed",
            Problem::Channels => "a message has 1 to 16 channels of at most 15 decimals",
            Problem::Channel => "a reading names a channel that the message does not have",
            Problem::Range => "a time, value or sequence number is beyond its range",
        })
    }
}

impl core::error::Error for CompactError {}
