//! `nhip export`: stored readings into a file, with a row count and a checksum.

mod checksum;
mod output;
mod parquet;
mod reading;
mod text;

pub use output::Unfinished;

use crate::{
    argument,
    cli::{note, say},
    client::{Client, encode},
};
use anyhow::Context;
use checksum::Checksummed;
use clap::{Args, ValueEnum};
use nhip_simulators::argument::name;
use output::Output;
use parquet::Table;
use reading::{Page, Reading};
use std::{
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
    /// The file to write; - for standard output, with count and checksum on standard error then
    #[arg(long, short, value_name = "FILE", value_parser = argument::output)]
    output: PathBuf,
    /// How it is written [default: by the end of the file's name, else csv]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Only this device
    #[arg(long, value_parser = name)]
    device: Option<String>,
    /// Only this datastream
    #[arg(long, value_parser = name)]
    datastream: Option<String>,
    /// Only this observed property
    #[arg(long, value_parser = name)]
    property: Option<String>,
    /// From this instant on, RFC 3339 or milliseconds since 1970
    #[arg(long, value_name = "TIME", value_parser = argument::instant, allow_negative_numbers = true)]
    from: Option<String>,
    /// Before this instant, RFC 3339 or milliseconds since 1970
    #[arg(long, value_name = "TIME", value_parser = argument::instant, allow_negative_numbers = true)]
    to: Option<String>,
    /// The platform's API
    #[arg(long, default_value = "http://127.0.0.1:8080", value_parser = argument::url)]
    url: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Comma-separated, with a header
    Csv,
    /// One JSON object a line
    Ndjson,
    /// Columns with types, packed with Snappy
    Parquet,
}

impl Export {
    /// What is wrong with what was asked for, if anything is.
    pub fn contradiction(&self) -> Option<String> {
        if self.format() == Format::Parquet && output::is_seen(&self.output) {
            return Some("Parquet is no text for a terminal: name a file, or pipe it on".into());
        }
        match (&self.from, &self.to) {
            (Some(from), Some(to)) if nhip_api::is_before(to, from) => {
                Some(format!("--to {to} is before --from {from}"))
            }
            _ => None,
        }
    }

    /// Writes the file and says how many readings it holds and what its checksum is. The file
    /// has its name only once it is whole.
    pub fn run(&self, unfinished: &Unfinished) -> anyhow::Result<()> {
        let client = Client::new(&self.url);
        self.check_names(&client)?;
        let shown = self.output.display();
        // Nothing is begun before there is something to write.
        let first: Page = client.get(&self.path(None))?;
        let (output, pending) = Output::open(&self.output, unfinished)?;
        let (rows, checksum) = match self.write_all(&client, first, output) {
            Ok(written) => written,
            Err(_) if pending.is_unread() => return Ok(()),
            Err(error) => {
                unfinished.leave();
                return Err(error);
            }
        };
        pending.complete(unfinished)?;
        if output::is_standard(&self.output) {
            note(&format!("{rows} readings, sha256 {checksum}"));
        } else {
            say(&format!("{rows} readings in {shown}, sha256 {checksum}"));
        }
        Ok(())
    }

    /// As it was said, or as the file's name ends.
    fn format(&self) -> Format {
        let by_name = || match self.output.extension()?.to_str()? {
            "ndjson" | "jsonl" => Some(Format::Ndjson),
            "parquet" => Some(Format::Parquet),
            _ => None,
        };
        self.format.or_else(by_name).unwrap_or(Format::Csv)
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

    fn write_all(
        &self,
        client: &Client,
        first: Page,
        output: Output,
    ) -> anyhow::Result<(u64, String)> {
        let shown = self.output.display();
        let output = Checksummed::new(BufWriter::new(output));
        let mut sheet = Sheet::begin(self.format(), output)?;
        let (mut rows, mut page, mut told) = (0_u64, first, Instant::now());
        loop {
            rows += page.items.len() as u64;
            for reading in page.items {
                sheet
                    .write(reading)
                    .with_context(|| format!("writing {shown}"))?;
            }
            let Some(cursor) = page.next else { break };
            if told.elapsed() >= PROGRESS {
                tracing::info!(rows, "exporting");
                told = Instant::now();
            }
            page = client.get(&self.path(Some(&cursor)))?;
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
