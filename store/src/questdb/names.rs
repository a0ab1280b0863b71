//! The table `datastreams`: whose series is whose, for people and tools that ask the server.

use super::QuestDbStore;
use super::ours::require;
use super::writer::Writer;
use crate::{SeriesId, StoreError};
use questdb::ingress::{Buffer, ColumnName, TableName, TimestampMicros};

/// The table of names.
pub(crate) const DATASTREAMS: &str = "datastreams";
/// Its columns and their types.
pub(super) const COLUMNS: [(&str, &str); 11] = [
    ("timestamp", "TIMESTAMP"),
    ("series", "LONG"),
    ("device", "VARCHAR"),
    ("title", "VARCHAR"),
    ("datastream", "VARCHAR"),
    ("property", "SYMBOL"),
    ("unit", "SYMBOL"),
    ("place", "SYMBOL"),
    ("longitude", "DOUBLE"),
    ("latitude", "DOUBLE"),
    ("retired", "BOOLEAN"),
];
/// The instant of all rows, so that an upsert finds the row of its series.
const TIMESTAMP_US: i64 = 0;

/// What a person calls a series. The store itself asks none of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeriesNames {
    /// The series.
    pub series: SeriesId,
    /// The device's name.
    pub device: String,
    /// What people call the device.
    pub title: Option<String>,
    /// The datastream's name.
    pub datastream: String,
    /// The observed property.
    pub property: String,
    /// The UCUM unit.
    pub unit: String,
    /// The place of the device.
    pub place: Option<String>,
    /// Where the device stands: degrees east and degrees north.
    pub position: Option<(f64, f64)>,
    /// Whether the device is retired.
    pub is_retired: bool,
}

impl QuestDbStore {
    /// Writes names to the server, over those that it has. They may be sent again.
    pub fn write_names(&self, names: &[SeriesNames]) -> Result<(), StoreError> {
        self.ready()?;
        require(&self.link, &self.state, &[DATASTREAMS])?;
        for some in names.chunks(self.config.request_rows_max.max(1) as usize) {
            let mut writer = Writer::new(&self.config)?;
            writer.send_with(|buffer| some.iter().try_for_each(|names| write(buffer, names)))?;
        }
        Ok(())
    }
}

fn write(buffer: &mut Buffer, names: &SeriesNames) -> questdb::Result<()> {
    let column = ColumnName::new_unchecked;
    buffer
        .table(TableName::new_unchecked(DATASTREAMS))?
        .symbol(column("property"), &names.property)?
        .symbol(column("unit"), &names.unit)?
        .symbol_opt(column("place"), names.place.as_deref())?
        .column_i64(column("series"), i64::from(names.series.0))?
        .column_str(column("device"), &names.device)?
        .column_str_opt(column("title"), names.title.as_deref())?
        .column_str(column("datastream"), &names.datastream)?
        .column_f64_opt(column("longitude"), names.position.map(|(east, _)| east))?
        .column_f64_opt(column("latitude"), names.position.map(|(_, north)| north))?
        .column_bool(column("retired"), names.is_retired)?;
    buffer.at(TimestampMicros::new(TIMESTAMP_US))
}
