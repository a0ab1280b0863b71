//! Which column becomes which datastream, in which unit.

use nhip_wire::name::{GRAMMAR, is_name};
use std::{str::FromStr, sync::Arc};

/// How the columns of a file are to be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    /// The column with the device's name.
    pub device_column: Option<String>,
    /// The device of every row, where no column tells it.
    pub device: Option<String>,
    /// The column of the time, or the columns of year, month, day, hour, minute, second.
    pub time_columns: Vec<String>,
    /// Seconds east of Greenwich of times that don't say.
    pub utc_offset_s: i32,
    /// The columns of values.
    pub values: Vec<Column>,
    /// What stands where there is no value.
    pub gaps: Vec<String>,
}

/// A column of values: `temp`, `temp=temperature`, `temp=temperature:[degF]` or
/// `temp=temperature:[degF]:Cel`.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name in the file.
    pub column: String,
    /// The datastream it becomes.
    pub datastream: Arc<str>,
    /// The UCUM unit of the file, sent with each reading.
    pub unit: Option<String>,
    /// The UCUM unit that the datastream is registered with; the file's if None.
    pub stored_unit: Option<String>,
    conversion: Conversion,
}

/// Stored = sent · scale + offset.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Conversion {
    scale: f64,
    offset: f64,
}

/// Why a column can't be mapped.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MappingError {
    /// The datastream has no name of the grammar, and none can be made of the column's.
    #[error("datastream {0:?}: names match {GRAMMAR}, as in COLUMN=pm2_5")]
    Name(String),
    /// No conversion between the units is known here.
    #[error("no conversion from {from} to {to} is known")]
    Units {
        /// The file's unit.
        from: String,
        /// The datastream's unit.
        to: String,
    },
}

/// The conversions that a replay can check, written down by themselves: the comparison would
/// prove nothing if it asked the platform's own table.
const CONVERSIONS: [(&str, &str, f64, f64); 8] = [
    ("[degF]", "Cel", 5.0 / 9.0, -160.0 / 9.0),
    ("[mi_i]/h", "m/s", 0.447_04, 0.0),
    ("[in_i]", "mm", 25.4, 0.0),
    ("[mi_i]", "m", 1_609.344, 0.0),
    ("mbar", "hPa", 1.0, 0.0),
    ("[in_i'Hg]", "hPa", 33.863_788, 0.0),
    ("km/h", "m/s", 1.0 / 3.6, 0.0),
    ("K", "Cel", 1.0, -273.15),
];

impl Column {
    /// A column with everything said.
    pub fn new(
        column: &str,
        datastream: &str,
        unit: Option<&str>,
        stored_unit: Option<&str>,
    ) -> Result<Self, MappingError> {
        let name = crate::name::slug(datastream)
            .ok_or_else(|| MappingError::Name(datastream.to_owned()))?;
        Ok(Self {
            column: column.to_owned(),
            datastream: name.into(),
            unit: unit.map(str::to_owned),
            stored_unit: stored_unit.or(unit).map(str::to_owned),
            conversion: Conversion::between(unit, stored_unit)?,
        })
    }

    /// What the platform should store for a value of the file.
    pub fn stored(&self, value: f64) -> f64 {
        value * self.conversion.scale + self.conversion.offset
    }
}

impl Conversion {
    fn between(from: Option<&str>, to: Option<&str>) -> Result<Self, MappingError> {
        let same = Self {
            scale: 1.0,
            offset: 0.0,
        };
        let (Some(from), Some(to)) = (from, to) else {
            return Ok(same);
        };
        if from == to {
            return Ok(same);
        }
        CONVERSIONS
            .into_iter()
            .find(|known| (known.0, known.1) == (from, to))
            .map(|(_, _, scale, offset)| Self { scale, offset })
            .ok_or_else(|| MappingError::Units {
                from: from.to_owned(),
                to: to.to_owned(),
            })
    }
}

impl FromStr for Column {
    type Err = MappingError;

    fn from_str(text: &str) -> Result<Self, MappingError> {
        let Some((column, rest)) = text.split_once('=') else {
            return Self::new(text, text, None, None);
        };
        let mut parts = rest.splitn(3, ':');
        let datastream = parts.next().unwrap_or(column);
        // Only a name that nobody chose is made to fit.
        if !is_name(datastream) {
            return Err(MappingError::Name(datastream.to_owned()));
        }
        Self::new(column, datastream, parts.next(), parts.next())
    }
}

impl Mapping {
    /// The year of weather at three airports that comes with the project.
    pub fn nyc_weather() -> Result<Self, MappingError> {
        let column =
            |column, name, unit, stored| Column::new(column, name, Some(unit), Some(stored));
        Ok(Self {
            device_column: Some("origin".to_owned()),
            device: None,
            time_columns: vec!["time_hour".to_owned()],
            utc_offset_s: 0,
            values: vec![
                column("temp", "temperature", "[degF]", "Cel")?,
                column("dewp", "dew_point", "[degF]", "Cel")?,
                column("humid", "humidity", "%", "%")?,
                column("wind_dir", "wind_direction", "deg", "deg")?,
                column("wind_speed", "wind_speed", "[mi_i]/h", "m/s")?,
                column("wind_gust", "wind_gust", "[mi_i]/h", "m/s")?,
                column("precip", "rain", "[in_i]", "mm")?,
                column("pressure", "pressure", "mbar", "hPa")?,
                column("visib", "visibility", "[mi_i]", "m")?,
            ],
            gaps: vec!["NA".to_owned()],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_says_as_much_as_it_needs() {
        let plain: Column = "pm25".parse().unwrap();
        assert_eq!((&*plain.datastream, plain.unit.as_deref()), ("pm25", None));
        let titled: Column = "Nhiệt độ".parse().unwrap();
        assert_eq!(&*titled.datastream, "nhiet-do");
        let full: Column = "temp=temperature:[degF]:Cel".parse().unwrap();
        assert_eq!(&*full.datastream, "temperature");
        assert_eq!(full.unit.as_deref(), Some("[degF]"));
        assert_eq!(full.stored_unit.as_deref(), Some("Cel"));
        assert!((full.stored(212.0) - 100.0).abs() < 1e-9);
        assert!((full.stored(-40.0) + 40.0).abs() < 1e-9);
    }

    #[test]
    fn refuses_what_it_could_not_check() {
        let units = "temp=t:[degF]:m".parse::<Column>().unwrap_err();
        assert!(matches!(units, MappingError::Units { .. }));
        for (text, name) in [("temp=!", "!"), ("temp=Nhiệt độ", "Nhiệt độ"), ("!", "!")] {
            let error = text.parse::<Column>().unwrap_err();
            assert_eq!(error, MappingError::Name(name.to_owned()));
        }
    }
}
