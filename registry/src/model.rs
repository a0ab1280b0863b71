//! What the registry holds.

use nhip_wire::SeriesId;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

/// A device, as the registry numbers it: dense, from 0 on, never used again.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct DeviceId(pub u32);

/// What happens to a device or datastream that nobody registered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// It is registered when it is first seen.
    #[default]
    Open,
    /// Its readings are dead letters until somebody registers it.
    Strict,
}

/// A point on the WGS 84 ellipsoid.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Degrees east, -180 to 180.
    pub longitude: f64,
    /// Degrees north, -90 to 90.
    pub latitude: f64,
}

/// The values that an instrument can give, both ends included, in the datastream's unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

/// A thing in the field that publishes readings (SensorThings: Thing).
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    /// Its number.
    pub id: DeviceId,
    /// Its name, as in its topics.
    pub name: Arc<str>,
    /// What people call it, if they call it otherwise.
    pub title: Option<Arc<str>>,
    /// The name of the place it stands in.
    pub place: Option<Arc<str>>,
    /// Where it stands.
    pub position: Option<Position>,
    /// Whether it is simulated: shown wherever its readings are.
    pub simulated: bool,
    /// When it was registered, µs since 1970 UTC.
    pub registered_us: i64,
    /// When it was retired: its history stays, its new readings are dead letters.
    pub retired_us: Option<i64>,
    /// Its datastreams, in order of registration.
    pub datastreams: Vec<Arc<Datastream>>,
}

/// One observed property of one device (SensorThings: Datastream).
#[derive(Clone, Debug, PartialEq)]
pub struct Datastream {
    /// Its number.
    pub series: SeriesId,
    /// The device it belongs to.
    pub device: DeviceId,
    /// Its name, unique in its device.
    pub name: Arc<str>,
    /// The observed property: `pm2_5`, `water_level` …
    pub property: Arc<str>,
    /// The UCUM unit its values are stored in; `1` for a number without a unit.
    pub unit: Arc<str>,
    /// The values the instrument can give; outside is a dead letter.
    pub range: Option<Range>,
    /// Names of codes, where the value is a category.
    pub categories: BTreeMap<i64, Arc<str>>,
    /// When it was registered, µs since 1970 UTC.
    pub registered_us: i64,
}

/// A datastream to register. What is `None` is taken from the known observed properties, or
/// from the first reading.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NewDatastream {
    /// Its name.
    pub name: String,
    /// The observed property; the name without a trailing number if absent.
    pub property: Option<String>,
    /// The UCUM unit.
    pub unit: Option<String>,
    /// The values the instrument can give.
    pub range: Option<Range>,
    /// Names of codes.
    #[serde(default)]
    pub categories: BTreeMap<i64, Arc<str>>,
}

/// A ward, commune or other named area, from a date on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Its name, as in topics: `phuong-ben-thanh`.
    pub name: Arc<str>,
    /// Its official code.
    pub code: Arc<str>,
    /// What people call it: `Phường Bến Thành`.
    pub title: Arc<str>,
    /// What it is: `Phường`, `Xã`, `Đặc khu`.
    pub kind: Arc<str>,
    /// Its centre.
    pub position: Position,
    /// Its area, km².
    pub area_km2: f64,
    /// The day from which it holds, ISO 8601.
    pub from: Arc<str>,
    /// The day until which it held, if it is gone.
    pub to: Option<Arc<str>>,
}
