//! Readings and their course.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A reading.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Reading {
    /// The device.
    pub device: String,
    /// The datastream.
    pub datastream: String,
    /// When it was measured, RFC 3339 UTC with microseconds.
    pub time: String,
    /// When the platform received it.
    pub received: String,
    /// The value in `unit`; null where the quality is `missing`.
    pub value: Option<f64>,
    /// UCUM; `1` for a number without a unit.
    pub unit: String,
    /// `good`, `suspect`, `calibrating`, `maintenance`, `fault` or `missing`.
    pub quality: String,
    /// The device's boot counter, counted from 1 on, if it gives one.
    pub boot: Option<u32>,
    /// The device's sequence number in that boot, if it gives one.
    pub seq: Option<u64>,
    /// `device`, or `arrival` where the device gave no time and `time` is that of arrival.
    pub time_source: String,
    /// The observed property; of the newest and of live readings only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub property: Option<String>,
    /// The place of the device; of the newest and of live readings only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Whether the device is simulated; of the newest and of live readings only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub simulated: bool,
}

/// The course of one datastream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Series {
    /// The device.
    pub device: String,
    /// The datastream.
    pub datastream: String,
    /// The observed property.
    pub property: String,
    /// UCUM.
    pub unit: String,
    /// The first instant.
    pub from: String,
    /// The instant before which it ends.
    pub to: String,
    /// Seconds that one bucket covers. Of an hour and more they begin on whole local hours.
    pub bucket_s: f64,
    /// The buckets; where nothing was measured there is none.
    pub items: Vec<Bucket>,
}

/// What a datastream did in one stretch of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Bucket {
    /// Its beginning.
    pub time: String,
    /// The smallest value.
    pub min: f64,
    /// The sum of the values over their count.
    pub mean: f64,
    /// The largest value.
    pub max: f64,
    /// The newest value by measured time.
    pub last: f64,
    /// How many readings.
    pub count: u64,
}
