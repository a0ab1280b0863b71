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

/// Where a device stood from a moment on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Placing {
    /// The first moment, µs since 1970 UTC.
    pub from_us: i64,
    /// The name of the place.
    pub place: Option<Arc<str>>,
    /// The point.
    pub position: Option<Position>,
}

/// The unit and range of a datastream from a moment on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// The first moment, µs since 1970 UTC.
    pub from_us: i64,
    /// The UCUM unit.
    pub unit: Arc<str>,
    /// The values the instrument could give.
    pub range: Option<Range>,
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
    /// Since when it stands there, µs since 1970 UTC.
    pub placed_us: i64,
    /// Where it stood before, oldest first; each until the next one's `from_us`.
    pub earlier: Vec<Placing>,
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
    /// Since when unit and range hold, µs since 1970 UTC.
    pub since_us: i64,
    /// What held before, oldest first; each until the next one's `from_us`.
    pub earlier: Vec<Limits>,
    /// Names of codes, where the value is a category.
    pub categories: BTreeMap<i64, Arc<str>>,
    /// When it was registered, µs since 1970 UTC.
    pub registered_us: i64,
}

impl Device {
    /// The place and position that it had at a moment; the first known ones for a moment
    /// before it was placed.
    pub fn placing_at(&self, time_us: i64) -> (Option<&Arc<str>>, Option<Position>) {
        match holding_at(&self.earlier, self.placed_us, time_us, |at| at.from_us) {
            Some(placing) => (placing.place.as_ref(), placing.position),
            None => (self.place.as_ref(), self.position),
        }
    }

    /// Its datastream of this name.
    pub fn datastream(&self, name: &str) -> Option<&Arc<Datastream>> {
        self.datastreams.iter().find(|found| &*found.name == name)
    }
}

impl Datastream {
    /// The range that held at a moment, as far as is known now: a reading that comes late is
    /// judged by the instrument of its time.
    pub fn range_at(&self, time_us: i64) -> Option<Range> {
        match holding_at(&self.earlier, self.since_us, time_us, |at| at.from_us) {
            Some(limits) => limits.range,
            None => self.range,
        }
    }
}

/// Which of the earlier entries held at `time_us`; none for the present one.
fn holding_at<T>(
    earlier: &[T],
    present_from_us: i64,
    time_us: i64,
    from_us: impl Fn(&T) -> i64,
) -> Option<&T> {
    if time_us >= present_from_us {
        return None;
    }
    let begun = earlier.partition_point(|entry| from_us(entry) <= time_us);
    earlier.get(begun.saturating_sub(1))
}

/// A datastream to register. What is `None` is taken from the known observed properties, or
/// from the first reading.
#[derive(Clone, Debug, Default, PartialEq)]
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
