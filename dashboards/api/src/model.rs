//! What answers look like, as the OpenAPI document describes it.

use nhip_ingest as ingest;
use nhip_registry as registry;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
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
    /// The device's boot counter, if it gives one.
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

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// The `cursor` of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A point as GeoJSON (RFC 7946) has it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", deny_unknown_fields)]
pub enum Point {
    /// A point.
    Point {
        /// Longitude and latitude, degrees.
        coordinates: [f64; 2],
    },
}

impl From<registry::Position> for Point {
    fn from(at: registry::Position) -> Self {
        Self::Point {
            coordinates: [at.longitude, at.latitude],
        }
    }
}

impl From<Point> for registry::Position {
    fn from(point: Point) -> Self {
        let Point::Point {
            coordinates: [longitude, latitude],
        } = point;
        Self {
            longitude,
            latitude,
        }
    }
}

/// The values that an instrument can give, in the datastream's unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl From<registry::Range> for Range {
    fn from(range: registry::Range) -> Self {
        Self {
            min: range.min,
            max: range.max,
        }
    }
}

/// A device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Device {
    /// Its name, as in its topics.
    pub name: String,
    /// What people call it.
    pub title: Option<String>,
    /// The name of the place it stands in.
    pub place: Option<String>,
    /// Where it stands.
    pub position: Option<Point>,
    /// Whether it is simulated.
    pub simulated: bool,
    /// When it was registered.
    pub registered: String,
    /// When it was retired: its history stays, its new readings are dead letters.
    pub retired: Option<String>,
    /// When the platform last received anything from it.
    pub last_seen: Option<String>,
    /// What it last said of itself: `online` or `offline`.
    pub status: Option<String>,
    /// Since when it stands where it stands.
    pub placed: String,
    /// Where it stood before, oldest first.
    pub earlier: Vec<Placing>,
    /// Its datastreams.
    pub datastreams: Vec<Datastream>,
}

/// Where a device stood from a moment on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Placing {
    /// The first moment.
    pub from: String,
    /// The place.
    pub place: Option<String>,
    /// The point.
    pub position: Option<Point>,
}

/// A datastream of a device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Datastream {
    /// The device, in lists of datastreams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The place of the device, in lists of datastreams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Where the device stands, in lists of datastreams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Point>,
    /// Its name, unique in its device.
    pub name: String,
    /// The observed property.
    pub property: String,
    /// UCUM; `1` for a number without a unit.
    pub unit: String,
    /// The values the instrument can give; outside is a dead letter.
    pub range: Option<Range>,
    /// Names of codes, where the value is a category.
    pub categories: BTreeMap<i64, String>,
    /// When it was registered.
    pub registered: String,
    /// Since when unit and range hold.
    pub since: String,
    /// What held before, oldest first.
    pub earlier: Vec<Limits>,
}

/// The unit and range of a datastream from a moment on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Limits {
    /// The first moment.
    pub from: String,
    /// UCUM.
    pub unit: String,
    /// The values the instrument could give.
    pub range: Option<Range>,
}

/// What an operator says of a device. It replaces what was said before, but for datastreams:
/// those that are named are registered or changed, others stay.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DevicePut {
    /// What people call it.
    #[serde(default)]
    pub title: Option<String>,
    /// The name of the place it stands in; found from the position if absent.
    #[serde(default)]
    pub place: Option<String>,
    /// Where it stands.
    #[serde(default)]
    pub position: Option<Point>,
    /// Whether it is simulated.
    #[serde(default)]
    pub simulated: bool,
    /// Datastreams to register or change.
    #[serde(default)]
    pub datastreams: Vec<DatastreamPut>,
}

/// A datastream to register or change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DatastreamPut {
    /// Its name.
    pub name: String,
    /// The observed property; the name without a trailing number if absent.
    #[serde(default)]
    pub property: Option<String>,
    /// UCUM; the property's own if absent. That of stored readings can't be changed.
    #[serde(default)]
    pub unit: Option<String>,
    /// The values the instrument can give.
    #[serde(default)]
    pub range: Option<Range>,
    /// Names of codes, where the value is a category.
    #[serde(default)]
    pub categories: BTreeMap<i64, String>,
}

/// A ward, commune or other named area.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Place {
    /// Its name, as in topics: `phuong-ben-thanh`.
    pub name: String,
    /// Its official code.
    pub code: String,
    /// What people call it: `Phường Bến Thành`.
    pub title: String,
    /// What it is: `Phường`, `Xã`, `Đặc khu`.
    pub kind: String,
    /// Its centre.
    pub position: Point,
    /// Its area, km².
    pub area_km2: f64,
    /// The day from which it holds.
    pub from: String,
    /// The day until which it held, if it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
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
    /// Seconds that one bucket covers at least.
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

/// What became of readings: `received = stored + duplicate + rejected + pending`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Reconciliation {
    /// The device; absent in the figures of the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Readings that the fold has read; a message that can't be decoded counts as one.
    pub received: u64,
    /// In the store.
    pub stored: u64,
    /// Known already.
    pub duplicate: u64,
    /// Dead letters.
    pub rejected: u64,
    /// Accepted, not yet in the store.
    pub pending: u64,
    /// Log records that the fold has not reached.
    pub unread: u64,
}

impl Reconciliation {
    /// The figures of a device, or of the platform.
    pub fn new(device: Option<&str>, figures: ingest::Reconciliation) -> Self {
        Self {
            device: device.map(str::to_owned),
            received: figures.received,
            stored: figures.stored,
            duplicate: figures.duplicate,
            rejected: figures.rejected,
            pending: figures.pending,
            unread: figures.unread,
        }
    }
}

/// A message, or some readings of it, that could not be taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeadLetter {
    /// Its number.
    pub id: u64,
    /// When the platform received it.
    pub received: String,
    /// The device, as far as it is known.
    pub device: Option<String>,
    /// The topic as published.
    pub topic: String,
    /// The reason's short name, as in the metric's label.
    pub reason: String,
    /// What exactly is wrong.
    pub detail: String,
    /// How many readings of the message were rejected.
    pub readings: u32,
    /// The payload as it came, where it is UTF-8; else null.
    pub payload: Option<String>,
    /// The payload as it came, in base64.
    pub payload_base64: String,
    /// When it was replayed, if it was.
    pub replayed: Option<String>,
}

/// Which dead letters to replay: by number, or all that the other members name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayRequest {
    /// These numbers.
    #[serde(default)]
    pub ids: Vec<u64>,
    /// Of this reason.
    #[serde(default)]
    pub reason: Option<String>,
    /// Of this device.
    #[serde(default)]
    pub device: Option<String>,
    /// Received at this instant or later: RFC 3339.
    #[serde(default)]
    pub from: Option<String>,
    /// Received before this instant: RFC 3339.
    #[serde(default)]
    pub to: Option<String>,
    /// At most so many (default 1,000, at most 100,000).
    #[serde(default)]
    pub limit: Option<u32>,
}

/// What a replay did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReplayOutcome {
    /// How many dead letters were sent again.
    pub replayed: u64,
    /// One past the log offset of the last of them: when the fold is there, the figures show
    /// what became of them.
    pub until_offset: u64,
}

/// Whether the platform is ready, part by part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Ready {
    /// Whether every part is.
    pub ready: bool,
    /// The parts.
    pub parts: BTreeMap<String, ReadyPart>,
}

/// Whether one part of the platform is ready.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReadyPart {
    /// Whether it does its work.
    pub ready: bool,
    /// What it is doing, or why it is not ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// How the platform is.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Health {
    /// The time of the platform.
    pub time: String,
    /// Whether every part is ready.
    pub ready: Ready,
    /// How far the fold is behind the log.
    pub lag: Lag,
    /// The log.
    pub log: crate::LogFigures,
    /// The store.
    pub store: StoreFigures,
    /// How many there are of what.
    pub counts: Counts,
    /// What became of readings.
    pub reconciliation: Reconciliation,
}

/// How far the fold is behind the log.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Lag {
    /// Log records not reached.
    pub records: u64,
    /// Age of the oldest of them, seconds.
    pub seconds: f64,
    /// Whether the store holds the fold up.
    pub store_unavailable: bool,
}

/// Sizes of the store.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct StoreFigures {
    /// Bytes on the disk.
    pub bytes: u64,
    /// Readings that wait in memory for their checkpoint.
    pub open_readings: u64,
    /// Parts that wait to be merged.
    pub parts_due: u64,
}

/// How many there are of what.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Counts {
    /// Devices, retired ones too.
    pub devices: u64,
    /// Datastreams, of retired devices too.
    pub datastreams: u64,
    /// Live streams that are open.
    pub live_subscribers: u64,
}
