//! Readings as columns: Apache Parquet, for pandas, DuckDB, Spark and the like.

use super::reading::Reading;
use ::parquet::{
    basic::Compression,
    column::writer::ColumnWriter,
    data_type::ByteArray,
    errors::ParquetError,
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::parser::parse_message_type,
};
use anyhow::Context;
use jiff::Timestamp;
use std::{io::Write, sync::Arc};

/// Readings that are in memory until they are written together: some 10 MB.
const ROW_GROUP_ROWS: usize = 65_536;

/// The fields of the API with their types; times are µs since 1970 UTC.
const SCHEMA: &str = "message reading {
    required binary device (STRING);
    required binary datastream (STRING);
    required int64 time (TIMESTAMP(MICROS, true));
    required int64 received (TIMESTAMP(MICROS, true));
    optional double value;
    required binary unit (STRING);
    required binary quality (STRING);
    optional int32 boot (INTEGER(32, false));
    optional int64 seq (INTEGER(64, false));
    required binary time_source (STRING);
}";

/// A Parquet file of readings. It is none before it is finished: its directory is at its end.
pub(super) struct Table<W: Write + Send> {
    file: SerializedFileWriter<W>,
    rows: Columns,
    group_rows: usize,
}

/// The rows of the group that is being collected.
#[derive(Default)]
struct Columns {
    devices: Vec<ByteArray>,
    datastreams: Vec<ByteArray>,
    times: Vec<i64>,
    received: Vec<i64>,
    values: Optional<f64>,
    units: Vec<ByteArray>,
    qualities: Vec<ByteArray>,
    boots: Optional<i32>,
    seqs: Optional<i64>,
    time_sources: Vec<ByteArray>,
}

/// A column that may have nothing in a row: what there is, and for each row whether it is.
#[derive(Default)]
struct Optional<T> {
    present: Vec<T>,
    levels: Vec<i16>,
}

impl<T> Optional<T> {
    fn push(&mut self, value: Option<T>) {
        self.levels.push(i16::from(value.is_some()));
        self.present.extend(value);
    }
}

impl<W: Write + Send> Table<W> {
    pub(super) fn begin(output: W) -> Result<Self, ParquetError> {
        Self::with_groups(output, ROW_GROUP_ROWS)
    }

    fn with_groups(output: W, group_rows: usize) -> Result<Self, ParquetError> {
        let schema = Arc::new(parse_message_type(SCHEMA)?);
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("nhip version ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        Ok(Self {
            file: SerializedFileWriter::new(output, schema, Arc::new(properties))?,
            rows: Columns::default(),
            group_rows,
        })
    }

    pub(super) fn write(&mut self, reading: Reading) -> anyhow::Result<()> {
        self.rows.push(reading)?;
        if self.rows.times.len() >= self.group_rows {
            self.write_group()?;
        }
        Ok(())
    }

    /// Writes what was collected, and the directory; the output behind it.
    pub(super) fn finish(mut self) -> Result<W, ParquetError> {
        if !self.rows.times.is_empty() {
            self.write_group()?;
        }
        self.file.into_inner()
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        let rows = std::mem::take(&mut self.rows);
        let mut group = self.file.next_row_group()?;
        let mut number = 0;
        while let Some(mut column) = group.next_column()? {
            rows.write(number, column.untyped())?;
            column.close()?;
            number += 1;
        }
        group.close()?;
        Ok(())
    }
}

impl Columns {
    fn push(&mut self, reading: Reading) -> anyhow::Result<()> {
        self.times.push(micros(&reading.time)?);
        self.received.push(micros(&reading.received)?);
        self.values.push(number(reading.value.get())?);
        self.devices.push(reading.device.into_bytes().into());
        self.datastreams
            .push(reading.datastream.into_bytes().into());
        self.units.push(reading.unit.into_bytes().into());
        self.qualities.push(reading.quality.into_bytes().into());
        // Parquet has unsigned integers as the signed ones of the same bits.
        self.boots.push(reading.boot.map(u32::cast_signed));
        self.seqs.push(reading.seq.map(u64::cast_signed));
        self.time_sources
            .push(reading.time_source.into_bytes().into());
        Ok(())
    }

    /// Writes the column of this number in the schema.
    fn write(&self, number: usize, to: &mut ColumnWriter<'_>) -> Result<(), ParquetError> {
        let written = match (number, to) {
            (0, ColumnWriter::ByteArrayColumnWriter(to)) => {
                to.write_batch(&self.devices, None, None)
            }
            (1, ColumnWriter::ByteArrayColumnWriter(to)) => {
                to.write_batch(&self.datastreams, None, None)
            }
            (2, ColumnWriter::Int64ColumnWriter(to)) => to.write_batch(&self.times, None, None),
            (3, ColumnWriter::Int64ColumnWriter(to)) => to.write_batch(&self.received, None, None),
            (4, ColumnWriter::DoubleColumnWriter(to)) => {
                to.write_batch(&self.values.present, Some(&self.values.levels), None)
            }
            (5, ColumnWriter::ByteArrayColumnWriter(to)) => to.write_batch(&self.units, None, None),
            (6, ColumnWriter::ByteArrayColumnWriter(to)) => {
                to.write_batch(&self.qualities, None, None)
            }
            (7, ColumnWriter::Int32ColumnWriter(to)) => {
                to.write_batch(&self.boots.present, Some(&self.boots.levels), None)
            }
            (8, ColumnWriter::Int64ColumnWriter(to)) => {
                to.write_batch(&self.seqs.present, Some(&self.seqs.levels), None)
            }
            (9, ColumnWriter::ByteArrayColumnWriter(to)) => {
                to.write_batch(&self.time_sources, None, None)
            }
            (number, _) => Err(ParquetError::General(format!(
                "column {number} has another type than its values"
            ))),
        };
        written.map(|_| ())
    }
}

/// A number as JSON has it, to the bit; nothing for null.
fn number(text: &str) -> anyhow::Result<Option<f64>> {
    if text == "null" {
        return Ok(None);
    }
    let number = text.parse().with_context(|| format!("the value {text}"))?;
    Ok(Some(number))
}

fn micros(text: &str) -> anyhow::Result<i64> {
    let time: Timestamp = text.parse().with_context(|| format!("the time {text:?}"))?;
    Ok(time.as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::parquet::{
        file::reader::{FileReader, SerializedFileReader},
        record::{Field, Row},
    };
    use serde_json::{Value, json};

    /// What the API may say of a reading, in all its varieties.
    fn readings() -> Vec<Value> {
        (0..1_000_u64)
            .map(|number| {
                let value = match number % 4 {
                    0 => Value::Null,
                    1 => json!(-1.5e-300),
                    2 => json!(31.2),
                    _ => json!(number as f64 / 3.0),
                };
                json!({
                    "device": format!("d-{}", number % 7),
                    "datastream": "pm2_5",
                    "time": format!("2026-11-22T06:00:{:02}.{:06}Z", number % 60, number),
                    "received": "1969-12-31T23:59:59.999999Z",
                    "value": value,
                    "unit": if number % 2 == 0 { "ug/m3" } else { "a,\u{b5}\"" },
                    "quality": if number % 4 == 0 { "missing" } else { "good" },
                    "boot": (number % 3 != 0).then_some(u32::MAX - number as u32),
                    "seq": (number % 5 != 0).then_some(u64::MAX - number),
                    "time_source": if number % 6 == 0 { "arrival" } else { "device" },
                })
            })
            .collect()
    }

    /// A row as the API would have it.
    fn as_json(row: &Row) -> Value {
        let mut object = serde_json::Map::new();
        for (name, field) in row.get_column_iter() {
            let time = |us: i64| {
                let time = Timestamp::from_microsecond(us).unwrap();
                json!(format!("{time:.6}"))
            };
            let value = match field {
                Field::Null => Value::Null,
                Field::Str(text) => json!(text),
                Field::TimestampMicros(us) => time(*us),
                Field::Double(value) => json!(value),
                Field::UInt(value) => json!(value),
                Field::ULong(value) => json!(value),
                other => panic!("{name} is {other:?}"),
            };
            object.insert(name.clone(), value);
        }
        object.into()
    }

    #[test]
    fn what_is_read_back_is_what_the_api_said_row_by_row() {
        let readings = readings();
        let mut table = Table::with_groups(Vec::new(), 300).unwrap();
        for reading in &readings {
            let line = serde_json::to_string(reading).unwrap();
            table.write(serde_json::from_str(&line).unwrap()).unwrap();
        }
        let file = SerializedFileReader::new(bytes::Bytes::from(table.finish().unwrap())).unwrap();
        assert_eq!(file.num_row_groups(), 4);
        assert_eq!(file.metadata().file_metadata().num_rows(), 1_000);
        let rows: Vec<Value> = file
            .get_row_iter(None)
            .unwrap()
            .map(|row| as_json(&row.unwrap()))
            .collect();
        assert_eq!(rows, readings);
    }

    #[test]
    fn no_reading_is_a_file_with_its_columns() {
        let file = Table::begin(Vec::new()).unwrap().finish().unwrap();
        let file = SerializedFileReader::new(bytes::Bytes::from(file)).unwrap();
        let metadata = file.metadata().file_metadata();
        assert_eq!(metadata.num_rows(), 0);
        assert_eq!(metadata.schema_descr().num_columns(), 10);
    }
}
