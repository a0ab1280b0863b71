//! `nhip export`: stored readings into a file, with a row count and a checksum.

mod checksum;
mod parquet;
mod reading;
mod text;

use crate::{
    cli::say,
    client::{Client, encode},
};
use anyhow::Context;
use checksum::Checksummed;
use clap::{Args, ValueEnum};
use parquet::Table;
use reading::{Page, Reading};
use std::{
    fs::File,
    io::{BufWriter, Write},
    path::PathBuf,
    time::{Duration, Instant},
};

/// Readings asked for at once.
const PAGE: u32 = 10_000;
/// Between two lines of progress.
const PROGRESS: Duration = Duration::from_secs(2);

/// What to export.
#[derive(Debug, Args)]
pub struct Export {
    /// The file to write
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// Only this device
    #[arg(long)]
    device: Option<String>,
    /// Only this datastream
    #[arg(long)]
    datastream: Option<String>,
    /// Only this observed property
    #[arg(long)]
    property: Option<String>,
    /// From this instant on, RFC 3339
    #[arg(long)]
    from: Option<String>,
    /// Before this instant, RFC 3339
    #[arg(long)]
    to: Option<String>,
    /// The platform's API
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// Comma-separated, with a header
    Csv,
    /// One JSON object a line
    Ndjson,
    /// Columns with types, packed with Snappy
    Parquet,
}

impl Export {
    /// Writes the file and says how many readings it holds and what its checksum is. The file
    /// has its name only once it is whole.
    pub fn run(&self) -> anyhow::Result<()> {
        let client = Client::new(&self.url);
        self.check_names(&client)?;
        let shown = self.output.display();
        let mut unfinished = self.output.clone().into_os_string();
        unfinished.push(".part");
        let file = File::create(&unfinished)
            .with_context(|| format!("creating {}", unfinished.display()))?;
        let written = self.write_all(&client, file);
        let (rows, checksum) = match written {
            Ok(written) => written,
            Err(error) => {
                // What is left of it would look like an answer.
                let _ = std::fs::remove_file(&unfinished);
                return Err(error);
            }
        };
        std::fs::rename(&unfinished, &self.output).with_context(|| format!("naming {shown}"))?;
        say(&format!("{rows} readings in {shown}, sha256 {checksum}"));
        Ok(())
    }

    /// Fails when a device or datastream is named that there isn't: an empty file would look
    /// like an answer.
    fn check_names(&self, client: &Client) -> anyhow::Result<()> {
        let Some(device) = &self.device else {
            return Ok(());
        };
        let known: serde_json::Value =
            client.get(&format!("/api/v1/devices/{}", encode(device)))?;
        let Some(datastream) = &self.datastream else {
            return Ok(());
        };
        let mut known = known["datastreams"].as_array().into_iter().flatten();
        if !known.any(|known| known["name"] == datastream.as_str()) {
            anyhow::bail!("the device {device} has no datastream {datastream}");
        }
        Ok(())
    }

    fn write_all(&self, client: &Client, file: File) -> anyhow::Result<(u64, String)> {
        let shown = self.output.display();
        let output = Checksummed::new(BufWriter::new(file));
        let mut sheet = Sheet::begin(self.format, output)?;
        let (mut rows, mut cursor, mut told) = (0_u64, None, Instant::now());
        loop {
            let page: Page = client.get(&self.path(cursor.as_deref()))?;
            rows += page.items.len() as u64;
            for reading in page.items {
                sheet
                    .write(reading)
                    .with_context(|| format!("writing {shown}"))?;
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
            if told.elapsed() >= PROGRESS {
                tracing::info!(rows, "exporting");
                told = Instant::now();
            }
        }
        let checksum = sheet.finish().with_context(|| format!("writing {shown}"))?;
        Ok((rows, checksum))
    }

    fn path(&self, cursor: Option<&str>) -> String {
        let mut path = format!("/api/v1/readings?limit={PAGE}");
        let filters = [
            ("device", self.device.as_deref()),
            ("datastream", self.datastream.as_deref()),
            ("property", self.property.as_deref()),
            ("from", self.from.as_deref()),
            ("to", self.to.as_deref()),
            ("cursor", cursor),
        ];
        for (name, value) in filters {
            if let Some(value) = value {
                path.push_str(&format!("&{name}={}", encode(value)));
            }
        }
        path
    }
}

/// A file in one of the formats.
enum Sheet<W: Write + Send> {
    Csv(Checksummed<W>),
    Ndjson(Checksummed<W>),
    Parquet(Box<Table<Checksummed<W>>>),
}

impl<W: Write + Send> Sheet<W> {
    fn begin(format: Format, mut output: Checksummed<W>) -> anyhow::Result<Self> {
        Ok(match format {
            Format::Csv => {
                writeln!(output, "{}", text::CSV_HEADER)?;
                Self::Csv(output)
            }
            Format::Ndjson => Self::Ndjson(output),
            Format::Parquet => Self::Parquet(Box::new(Table::begin(output)?)),
        })
    }

    fn write(&mut self, reading: Reading) -> anyhow::Result<()> {
        match self {
            Self::Csv(output) => text::csv(&reading, output)?,
            Self::Ndjson(output) => text::ndjson(&reading, output)?,
            Self::Parquet(table) => table.write(reading)?,
        }
        Ok(())
    }

    /// Completes the file; its checksum.
    fn finish(self) -> anyhow::Result<String> {
        let output = match self {
            Self::Csv(output) | Self::Ndjson(output) => output,
            Self::Parquet(table) => table.finish()?,
        };
        Ok(output.finish()?)
    }
}
