//! What was measured, when, and how far it can be trusted.

pub use nhip_wire::Quality;

/// Most channels of one device, its health channels among them.
pub const CHANNELS_MAX: usize = 32;

/// Most bytes of a channel's unit, as the platform has it: with a name of 63 it leaves a message half
/// of its room.
pub const UNIT_BYTES_MAX: usize = 63;

/// One datastream of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel {
    /// The datastream's name, `[a-z0-9][a-z0-9_.-]{0,62}`.
    pub name: &'static str,
    /// Its UCUM unit, of at most [`UNIT_BYTES_MAX`]; none where the value has none.
    pub unit: Option<&'static str>,
    /// Decimals of its values: a value is an integer ÷ 10^decimals. At most 9.
    pub decimals: u8,
}

/// A value in units of its channel's last decimal place, and its quality.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    /// The integer: 312 is 31.2 in a channel of one decimal.
    pub scaled: i32,
    /// How far it can be trusted.
    pub quality: Quality,
}

impl Value {
    /// A value measured as intended.
    pub const fn good(scaled: i32) -> Self {
        Self {
            scaled,
            quality: Quality::Good,
        }
    }

    /// No value: the instrument gave nothing.
    pub const MISSING: Self = Self {
        scaled: 0,
        quality: Quality::Missing,
    };

    /// No value: the instrument reports, or its bytes show, a fault.
    pub const FAULT: Self = Self {
        scaled: 0,
        quality: Quality::Fault,
    };
}

/// How good a reading's time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Since 1970 UTC, by a clock that was set and whose error is within its bound.
    Exact,
    /// Since 1970 UTC, by a clock whose error may have grown beyond its bound.
    Doubtful,
    /// Since the device booted: the clock was not set yet.
    Uptime,
}

/// A moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Milliseconds since what the basis says.
    pub ms: i64,
    /// Since when they count.
    pub basis: Basis,
}

/// One value of one channel at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The channel's index in the device's table.
    pub channel: u8,
    /// The value.
    pub value: Value,
    /// When it was measured.
    pub stamp: Stamp,
}

/// A reading in the queue: (device, boot, seq) is its name for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queued {
    /// The boot in which it was queued.
    pub boot: u32,
    /// Its number among all readings that this flash has ever queued.
    pub seq: u64,
    /// What was measured.
    pub reading: Reading,
}
