//! One observation of one datastream.

use nhip_wire::{Quality, SeriesId};

/// Where the time of an observation comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Source {
    /// The device said when it measured.
    #[default]
    Device = 0,
    /// The device gave no time: it is the time of arrival.
    Arrival = 1,
}

/// A value that a datastream had at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// The datastream.
    pub series: SeriesId,
    /// The device's boot counter; 0 where it gives none.
    pub boot: u32,
    /// When it was measured, µs since 1970 UTC.
    pub time_us: i64,
    /// When the platform received it, µs since 1970 UTC.
    pub received_us: i64,
    /// The value in the datastream's unit. Finite, unless the quality is `missing` (then 0).
    pub value: f64,
    /// The device's sequence number in that boot, if it gives one.
    pub seq: Option<u64>,
    /// How far it can be trusted.
    pub quality: Quality,
    /// Where `time_us` comes from.
    pub source: Source,
}
