//! A file as rows of named texts: CSV with a header, or NDJSON, each also gzipped.

use flate2::read::MultiGzDecoder;
use std::{
    borrow::Cow,
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

/// Why a file can't be read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file can't be opened or read.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        error: io::Error,
    },
    /// A row isn't CSV.
    #[error("row {row}: {error}")]
    Csv {
        /// Its number, from 1 on, without the header.
        row: u64,
        /// What is wrong.
        error: csv::Error,
    },
    /// A row isn't a JSON object.
    #[error("row {row}: {error}")]
    Json {
        /// Its number, from 1 on.
        row: u64,
        /// What is wrong.
        error: serde_json::Error,
    },
    /// The header has no such column.
    #[error("there is no column {column:?}; there are {known}")]
    Column {
        /// The column asked for.
        column: String,
        /// The columns there are.
        known: String,
    },
}

/// One row's texts, in the order of the columns asked for; None where it has none.
pub(super) type Row<'a> = &'a [Option<Cow<'a, str>>];

/// Opens a file; `.gz` is unpacked.
pub(super) fn open(path: &Path) -> Result<Box<dyn Read + Send>, TableError> {
    let file = File::open(path).map_err(|error| TableError::File {
        path: path.display().to_string(),
        error,
    })?;
    if path.extension().is_some_and(|extension| extension == "gz") {
        return Ok(Box::new(MultiGzDecoder::new(file)));
    }
    Ok(Box::new(file))
}

/// Whether a file's name says NDJSON.
pub(super) fn is_ndjson(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    [".ndjson", ".jsonl", ".json"]
        .iter()
        .any(|extension| name.ends_with(extension))
}

/// Gives each row of a CSV file with a header to `take`.
pub(super) fn read_csv<E: From<TableError>>(
    input: impl Read,
    columns: &[&str],
    mut take: impl FnMut(u64, Row<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(input);
    let error = |row, error| TableError::Csv { row, error };
    let header = reader.headers().map_err(|e| error(0, e))?.clone();
    let mut at = Vec::with_capacity(columns.len());
    for column in columns {
        let place = header.iter().position(|name| name.trim() == *column);
        at.push(place.ok_or_else(|| TableError::Column {
            column: (*column).to_owned(),
            known: match header.iter().collect::<Vec<_>>().join(", ") {
                none if none.is_empty() => "none".to_owned(),
                known => known,
            },
        })?);
    }
    let mut record = csv::StringRecord::new();
    let mut row = 1;
    while reader.read_record(&mut record).map_err(|e| error(row, e))? {
        let texts: Vec<_> = at
            .iter()
            .map(|place| record.get(*place).map(|text| Cow::Borrowed(text.trim())))
            .collect();
        take(row, &texts)?;
        row += 1;
    }
    Ok(())
}

/// Gives each row of an NDJSON file to `take`. Numbers keep the text they are written with.
pub(super) fn read_ndjson<E: From<TableError>>(
    input: impl Read,
    columns: &[&str],
    mut take: impl FnMut(u64, Row<'_>) -> Result<(), E>,
) -> Result<(), E> {
    for (row, line) in (1..).zip(BufReader::new(input).lines()) {
        let line = line.map_err(|error| TableError::File {
            path: format!("row {row}"),
            error,
        })?;
        if line.trim().is_empty() {
            continue;
        }
        let object: BTreeMap<Cow<'_, str>, &serde_json::value::RawValue> =
            serde_json::from_str(&line).map_err(|error| TableError::Json { row, error })?;
        let texts: Vec<_> = columns
            .iter()
            .map(|column| object.get(*column).and_then(|value| text(value.get())))
            .collect();
        take(row, &texts)?;
    }
    Ok(())
}

/// A JSON value as text: strings without their quotes, null as nothing.
fn text(json: &str) -> Option<Cow<'_, str>> {
    if json == "null" {
        return None;
    }
    match serde_json::from_str::<String>(json) {
        Ok(text) => Some(Cow::Owned(text)),
        Err(_) => Some(Cow::Borrowed(json)),
    }
}
