//! Devices, their datastreams, and the places they stand in.

use super::object;
use nhip_registry as registry;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use utoipa::{
    ToSchema,
    openapi::{
        Object, ObjectBuilder,
        schema::{SchemaType, Type},
    },
};

/// A point as GeoJSON (RFC 7946) has it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// What it is.
    #[serde(rename = "type")]
    #[schema(schema_with = point_type)]
    pub kind: PointType,
    /// Longitude and latitude, degrees.
    #[schema(min_items = 2, max_items = 2)]
    pub coordinates: [f64; 2],
}

/// The type of a GeoJSON object: a point is the only one taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PointType {
    /// A point.
    Point,
}

impl From<registry::Position> for Point {
    fn from(at: registry::Position) -> Self {
        Self {
            kind: PointType::Point,
            coordinates: [at.longitude, at.latitude],
        }
    }
}

impl From<Point> for registry::Position {
    fn from(point: Point) -> Self {
        let [longitude, latitude] = point.coordinates;
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

impl From<Range> for registry::Range {
    fn from(range: Range) -> Self {
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
    #[schema(schema_with = categories)]
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

/// What an operator says of a device. It changes what it mentions: a member that is absent
/// leaves what is known as it is, `null` takes a title, place, position, range or categories
/// away.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DevicePut {
    /// Since when what is said of place, position, units and ranges holds; now if absent. From
    /// the year 2000 to 300 s ahead. What was said to hold from later on is forgotten.
    #[serde(default)]
    pub from: Option<Moment>,
    /// What people call it.
    #[serde(default, deserialize_with = "mentioned")]
    #[schema(value_type = Option<String>)]
    pub title: Option<Option<String>>,
    /// The name of the place it stands in; found from the position where only that is there.
    #[serde(default, deserialize_with = "mentioned")]
    #[schema(value_type = Option<String>)]
    pub place: Option<Option<String>>,
    /// Where it stands.
    #[serde(default, deserialize_with = "object::mentioned")]
    #[schema(value_type = Option<Point>)]
    pub position: Option<Option<Point>>,
    /// Whether it is simulated; a new one is not unless this says so.
    #[serde(default)]
    pub simulated: Option<bool>,
    /// Datastreams to register or change, by name; others stay as they are.
    #[serde(default, deserialize_with = "object::list")]
    pub datastreams: Vec<DatastreamPut>,
}

/// A moment that somebody gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(
    untagged,
    expecting = "RFC 3339 or integer milliseconds since 1970 is needed"
)]
pub enum Moment {
    /// Milliseconds since 1970 UTC.
    Milliseconds(i64),
    /// RFC 3339.
    Text(String),
}

/// A datastream to register or change.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DatastreamPut {
    /// Its name.
    #[schema(pattern = "^[a-z0-9][a-z0-9_.-]{0,62}$")]
    pub name: String,
    /// The observed property; of a new one without it, the name without a trailing number.
    #[serde(default)]
    #[schema(pattern = "^[a-z0-9][a-z0-9_.-]{0,62}$")]
    pub property: Option<String>,
    /// UCUM; of a new one without it, the property's own. That of stored readings can't be
    /// changed.
    #[serde(default)]
    pub unit: Option<String>,
    /// The values the instrument can give; `null` for what is plausible for the property.
    #[serde(default, deserialize_with = "object::mentioned")]
    #[schema(value_type = Option<Range>)]
    pub range: Option<Option<Range>>,
    /// Names of codes, where the value is a category: all of them.
    #[serde(default, deserialize_with = "mentioned")]
    #[schema(schema_with = categories_put)]
    pub categories: Option<Option<BTreeMap<i64, String>>>,
}

/// Reads a member that is there: `null` is `Some(None)`.
fn mentioned<'de, T, D>(member: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(member).map(Some)
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

/// As [`categories`]; null for none.
fn categories_put() -> Object {
    let mut object = categories();
    object.schema_type = SchemaType::from_iter([Type::Object, Type::Null]);
    object
}

fn point_type() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(["Point"]))
        .description(Some("What it is."))
        .build()
}

/// Codes are integers, but the names of an object's members are texts.
fn categories() -> Object {
    let code = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some("^(0|-?[1-9][0-9]{0,17})$"));
    ObjectBuilder::new()
        .description(Some("Names of codes, where the value is a category."))
        .property_names(Some(code.build()))
        .additional_properties(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build()
}
