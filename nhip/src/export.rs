//! `nhip export`: stored readings into a file, with a row count and a checksum.

use crate::{
    cli::say,
    client::{Client, encode},
};
use anyhow::Context;
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
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
}

/// A reading with its numbers as the API wrote them.
#[derive(Debug, Deserialize, Serialize)]
struct Reading {
    device: String,
    datastream: String,
    time: String,
    received: String,
    value: Box<RawValue>,
    unit: String,
    quality: String,
    boot: Option<u64>,
    seq: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Page {
    items: Vec<Reading>,
    next: Option<String>,
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
        let mut output = Checksummed::new(BufWriter::new(file));
        if matches!(self.format, Format::Csv) {
            writeln!(output, "{CSV_HEADER}")?;
        }
        let (mut rows, mut cursor, mut told) = (0_u64, None, Instant::now());
        loop {
            let page: Page = client.get(&self.path(cursor.as_deref()))?;
            for reading in &page.items {
                self.write(reading, &mut output)
                    .with_context(|| format!("writing {shown}"))?;
            }
            rows += page.items.len() as u64;
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
            if told.elapsed() >= PROGRESS {
                tracing::info!(rows, "exporting");
                told = Instant::now();
            }
        }
        let checksum = output
            .finish()
            .with_context(|| format!("writing {shown}"))?;
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

    fn write(&self, reading: &Reading, output: &mut impl Write) -> anyhow::Result<()> {
        match self.format {
            Format::Csv => writeln!(output, "{}", csv(reading))?,
            Format::Ndjson => {
                serde_json::to_writer(&mut *output, reading)?;
                writeln!(output)?;
            }
        }
        Ok(())
    }
}

const CSV_HEADER: &str = "device,datastream,time,received,value,unit,quality,boot,seq";

/// Names, times and qualities hold nothing that CSV would need to quote; units may.
fn csv(reading: &Reading) -> String {
    let Reading {
        device,
        datastream,
        time,
        received,
        value,
        unit,
        quality,
        boot,
        seq,
    } = reading;
    let unit = match unit.contains([',', '"', '\n']) {
        true => format!("\"{}\"", unit.replace('"', "\"\"")),
        false => unit.clone(),
    };
    // A reading of quality `missing` has no value.
    let value = match value.get() {
        "null" => "",
        text => text,
    };
    let number = |number: &Option<u64>| number.map_or(String::new(), |number| number.to_string());
    let (boot, seq) = (number(boot), number(seq));
    format!("{device},{datastream},{time},{received},{value},{unit},{quality},{boot},{seq}")
}

/// A writer that knows the SHA-256 of what went through it.
struct Checksummed<W> {
    inner: W,
    digest: Sha256,
}

impl<W: Write> Checksummed<W> {
    fn new(inner: W) -> Self {
        let digest = Sha256::new();
        Self { inner, digest }
    }

    /// Flushes, and returns the checksum in hexadecimal.
    fn finish(mut self) -> std::io::Result<String> {
        self.inner.flush()?;
        let bytes = self.digest.finalize();
        Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl<W: Write> Write for Checksummed<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.digest.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_keeps_the_numbers_as_the_api_wrote_them() {
        let json = r#"{"device":"a","datastream":"b","time":"t","received":"r","value":31.20,
            "unit":"a,b","quality":"good","boot":null,"seq":18446744073709551615}"#;
        let reading: Reading = serde_json::from_str(json).unwrap();
        assert_eq!(
            csv(&reading),
            "a,b,t,r,31.20,\"a,b\",good,,18446744073709551615"
        );
    }

    #[test]
    fn the_checksum_is_of_the_bytes_written() {
        let mut output = Checksummed::new(Vec::new());
        output.write_all(b"abc").unwrap();
        assert_eq!(
            output.finish().unwrap(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
