//! A recorded file, device by device.

use super::{
    Mapping,
    table::{self, Row, TableError},
    time::{self, TimeError},
};
use crate::{
    name,
    report::{Ledger, Numbering},
};
use std::{collections::HashMap, io::Read, path::Path, sync::Arc};

/// A file that was read and mapped, with a book for each device.
#[derive(Debug)]
pub struct Recording {
    pub(super) mapping: Mapping,
    pub(super) devices: Vec<Recorded>,
    /// Every row: its time in ms, its device, its number in the device's book.
    pub(super) rows: Vec<(i64, u32, u32)>,
    /// Rows without any value.
    pub empty_rows: u64,
}

/// One device of a recording.
#[derive(Debug)]
pub(super) struct Recorded {
    /// Times and values as they should be stored.
    pub ledger: Ledger,
    /// Values as the file has them, in the book's order.
    pub raw: Vec<f64>,
}

/// Why a file can't be replayed.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// It can't be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A row has no time, or none that can be read.
    #[error("row {row}: {error}")]
    Time {
        /// Its number, from 1 on.
        row: u64,
        /// What is wrong.
        error: TimeError,
    },
    /// A row has no device, or one that makes no name.
    #[error(
        "row {row}: {text:?} makes no name of a device: names match [a-z0-9][a-z0-9_.-]{{0,62}}"
    )]
    Device {
        /// Its number, from 1 on.
        row: u64,
        /// What stands there.
        text: String,
    },
    /// A value is neither a number nor a gap.
    #[error("row {row}, column {column}: {text:?} is neither a number nor a gap")]
    Value {
        /// Its number, from 1 on.
        row: u64,
        /// The column.
        column: String,
        /// What stands there.
        text: String,
    },
    /// No row has a value.
    #[error("no row has a value in {columns}: see --value, whose names are those of the file")]
    Empty {
        /// The columns that were looked at.
        columns: String,
    },
    /// It has more readings than the books may hold.
    #[error("more than {0} readings: cut the file")]
    TooLong(usize),
}

impl RecordingError {
    /// Whether the fault is in how the file is to be read, not in the file.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Table(TableError::Column { .. }))
    }
}

impl Recording {
    /// Reads a file. Each device's messages carry `boot`, or one made of the file's content if
    /// None: the same file sent again is then known to be the same, another one isn't.
    pub fn open(
        path: &Path,
        mapping: Mapping,
        boot: Option<u64>,
        readings_max: usize,
    ) -> Result<Self, RecordingError> {
        let boot = match boot {
            Some(boot) => boot,
            None => {
                content_boot(table::open(path)?, &mapping).map_err(|error| TableError::File {
                    path: path.display().to_string(),
                    error,
                })?
            }
        };
        let input = table::open(path)?;
        Self::read(input, table::is_ndjson(path), mapping, boot, readings_max)
    }

    /// Reads from any source.
    pub fn read(
        input: impl Read,
        ndjson: bool,
        mapping: Mapping,
        boot: u64,
        readings_max: usize,
    ) -> Result<Self, RecordingError> {
        let mut reader = Reader {
            names: mapping
                .values
                .iter()
                .map(|column| column.datastream.clone())
                .collect(),
            by_name: HashMap::new(),
            boot,
            readings_max,
            readings: 0,
            recording: Self {
                mapping: mapping.clone(),
                devices: Vec::new(),
                rows: Vec::new(),
                empty_rows: 0,
            },
        };
        let columns: Vec<&str> = mapping
            .device_column
            .iter()
            .chain(&mapping.time_columns)
            .chain(mapping.values.iter().map(|column| &column.column))
            .map(String::as_str)
            .collect();
        let take = |row, texts: Row<'_>| reader.take(row, texts);
        if ndjson {
            table::read_ndjson(input, &columns, take)?;
        } else {
            table::read_csv(input, &columns, take)?;
        }
        if reader.recording.is_empty() {
            let columns: Vec<&str> = mapping.values.iter().map(|of| &*of.column).collect();
            return Err(RecordingError::Empty {
                columns: columns.join(", "),
            });
        }
        Ok(reader.recording)
    }

    /// The books, one a device.
    pub fn ledgers(&self) -> impl Iterator<Item = &Ledger> {
        self.devices.iter().map(|device| &device.ledger)
    }

    /// How the file was read.
    pub fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// How many rows have a value.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether none has.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Puts the rows in the order of their times.
    pub(super) fn sort(&mut self) {
        self.rows.sort_by_key(|(time_ms, _, _)| *time_ms);
    }
}

struct Reader {
    names: Arc<[Arc<str>]>,
    by_name: HashMap<String, u32>,
    boot: u64,
    readings_max: usize,
    readings: usize,
    recording: Recording,
}

impl Reader {
    fn take(&mut self, row: u64, texts: Row<'_>) -> Result<(), RecordingError> {
        let (device, texts) = self.device(row, texts)?;
        let times = self.recording.mapping.time_columns.len();
        let time_ms = self.time_ms(row, &texts[..times])?;
        let (raw, stored) = self.values(row, &texts[times..])?;
        let present = raw.iter().filter(|value| !value.is_nan()).count();
        if present == 0 {
            self.recording.empty_rows += 1;
            return Ok(());
        }
        self.readings += present;
        if self.readings > self.readings_max {
            return Err(RecordingError::TooLong(self.readings_max));
        }
        let recorded = &mut self.recording.devices[device as usize];
        let number = recorded.ledger.enter(time_ms, &stored, false);
        recorded.raw.extend(raw);
        self.recording.rows.push((time_ms, device, number as u32));
        Ok(())
    }

    fn device<'a>(&mut self, row: u64, texts: Row<'a>) -> Result<(u32, Row<'a>), RecordingError> {
        let mapping = &self.recording.mapping;
        let (text, rest) = match &mapping.device_column {
            Some(_) => (texts[0].as_deref().unwrap_or_default(), &texts[1..]),
            None => (mapping.device.as_deref().unwrap_or_default(), texts),
        };
        if let Some(device) = self.by_name.get(text) {
            return Ok((*device, rest));
        }
        let name = name::slug(text).ok_or_else(|| RecordingError::Device {
            row,
            text: text.to_owned(),
        })?;
        let known = self.recording.devices.iter();
        let device = match known.clone().position(|d| **d.ledger.device() == *name) {
            Some(device) => device,
            None => {
                let numbering = Numbering::Message { boot: self.boot };
                let ledger = Ledger::new(name.into(), numbering, 0, self.names.clone());
                let raw = Vec::new();
                self.recording.devices.push(Recorded { ledger, raw });
                self.recording.devices.len() - 1
            }
        } as u32;
        self.by_name.insert(text.to_owned(), device);
        Ok((device, rest))
    }

    fn time_ms(&self, row: u64, texts: Row<'_>) -> Result<i64, RecordingError> {
        let offset_s = self.recording.mapping.utc_offset_s;
        let parts: Vec<&str> = texts
            .iter()
            .map(|text| text.as_deref().unwrap_or_default())
            .collect();
        let time = match parts[..] {
            [one] => time::parse(one, offset_s),
            _ => time::parse_parts(&parts, offset_s),
        };
        time.map_err(|error| RecordingError::Time { row, error })
    }

    fn values(&self, row: u64, texts: Row<'_>) -> Result<(Vec<f64>, Vec<f64>), RecordingError> {
        let mapping = &self.recording.mapping;
        let mut raw = Vec::with_capacity(texts.len());
        let mut stored = Vec::with_capacity(texts.len());
        for (column, text) in mapping.values.iter().zip(texts) {
            let text = text.as_deref().unwrap_or_default();
            let gap = text.is_empty() || mapping.gaps.iter().any(|gap| gap == text);
            let value = if gap { Some(f64::NAN) } else { number(text) };
            let value = value.ok_or_else(|| RecordingError::Value {
                row,
                column: column.column.clone(),
                text: text.to_owned(),
            })?;
            raw.push(value);
            stored.push(column.stored(value));
        }
        Ok((raw, stored))
    }
}

fn number(text: &str) -> Option<f64> {
    match text {
        "true" => Some(1.0),
        "false" => Some(0.0),
        _ => text.parse().ok().filter(|number: &f64| number.is_finite()),
    }
}

/// A boot counter of 31 bits that stands for a file's content and how it is mapped (FNV-1a).
fn content_boot(mut input: impl Read, mapping: &Mapping) -> std::io::Result<u64> {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut take = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    take(format!("{mapping:?}").as_bytes());
    let mut buffer = [0; 16_384];
    loop {
        match input.read(&mut buffer)? {
            0 => return Ok((hash >> 33).max(1)),
            bytes => take(&buffer[..bytes]),
        }
    }
}

#[cfg(test)]
mod tests;
