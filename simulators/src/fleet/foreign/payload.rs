//! A message as a device writes it.

mod senml_cbor;

use crate::report::Numbering;
use nhip_wire::{
    Quality,
    compact::{Channel, Encoder, Header, Sample, Tick},
};
use std::{fmt::Write, str::FromStr, sync::Arc};

/// The payload formats that a fleet speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// The platform's own JSON, with boot and sequence number.
    #[default]
    Json,
    /// The compact payload, with a sequence number for each reading.
    Compact,
    /// SenML in JSON (RFC 8428); it has no boot and no sequence number.
    SenmlJson,
    /// SenML in CBOR (RFC 8428 §6).
    SenmlCbor,
}

/// A format and how many of the devices speak it, in proportion to the others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FormatShare {
    /// The format.
    pub format: Format,
    /// Its part of the sum of all.
    pub share: f64,
}

/// One message's readings.
#[derive(Clone, Copy, Debug)]
pub struct Content<'a> {
    /// The device's boot counter.
    pub boot: u64,
    /// The sequence number of the message, or of its first reading.
    pub seq: u64,
    /// When it was measured, ms since 1970 UTC.
    pub time_ms: i64,
    /// The names of the datastreams.
    pub datastreams: &'a [Arc<str>],
    /// A value for each; NaN is one that the device doesn't have.
    pub values: &'a [f64],
}

/// Values with more decimals than this are sent as floats.
const DECIMALS: u8 = 2;
/// Far more than the readings of one measurement need.
const COMPACT_BYTES_MAX: usize = 1024;

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Json, Self::Compact, Self::SenmlJson, Self::SenmlCbor];

    /// The last level of the topic.
    pub fn topic_level(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Compact => "compact",
            Self::SenmlJson => "senml-json",
            Self::SenmlCbor => "senml-cbor",
        }
    }

    /// How its readings are numbered in a boot.
    pub fn numbering(self, boot: u64) -> Numbering {
        match self {
            Self::Json => Numbering::Message { boot },
            Self::Compact => Numbering::Reading { boot },
            Self::SenmlJson | Self::SenmlCbor => Numbering::Absent,
        }
    }

    /// A message of one device at one time.
    pub fn write(self, content: &Content<'_>) -> Vec<u8> {
        match self {
            Self::Json => content.json(),
            Self::Compact => content.compact(),
            Self::SenmlJson => content.senml_json(),
            Self::SenmlCbor => content.senml_cbor(),
        }
    }
}

impl FromStr for FormatShare {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, share) = text.split_once('=').unwrap_or((text, "1"));
        let format = Format::ALL
            .into_iter()
            .find(|format| format.topic_level() == name)
            .ok_or_else(|| {
                let known = Format::ALL.map(Format::topic_level).join(", ");
                format!("there is no format {name:?}; there are {known}")
            })?;
        let share = share
            .parse()
            .ok()
            .filter(|share: &f64| share.is_finite() && *share > 0.0)
            .ok_or_else(|| format!("the share {share:?} is no number above 0"))?;
        Ok(Self { format, share })
    }
}

impl<'a> Content<'a> {
    /// The readings that there are: their place, name and value.
    fn readings(&self) -> impl Iterator<Item = (usize, &'a Arc<str>, f64)> {
        let values = self.values.iter().copied();
        let readings = self.datastreams.iter().zip(values).enumerate();
        readings
            .filter(|(_, (_, value))| !value.is_nan())
            .map(|(at, (name, value))| (at, name, value))
    }

    // Writing to a string can't fail; names need no escaping (contract: a-z0-9_.-).
    fn json(&self) -> Vec<u8> {
        let mut text = String::with_capacity(64 + 24 * self.values.len());
        let Self {
            boot, seq, time_ms, ..
        } = self;
        let _ = write!(
            text,
            r#"{{"boot":{boot},"seq":{seq},"time":{time_ms},"readings":{{"#
        );
        let mut comma = "";
        for (_, name, value) in self.readings() {
            let _ = write!(text, r#"{comma}"{name}":{value}"#);
            comma = ",";
        }
        text.push_str("}}");
        text.into_bytes()
    }

    fn senml_json(&self) -> Vec<u8> {
        let (s, ms) = (
            self.time_ms.div_euclid(1_000),
            self.time_ms.rem_euclid(1_000),
        );
        let mut text = String::with_capacity(32 + 32 * self.values.len());
        let mut lead = format!(r#"[{{"bt":{s}.{ms:03},"#);
        for (_, name, value) in self.readings() {
            let _ = write!(text, r#"{lead}"n":"{name}","v":{value}}}"#);
            ",{".clone_into(&mut lead);
        }
        text.push(']');
        text.into_bytes()
    }

    fn senml_cbor(&self) -> Vec<u8> {
        senml_cbor::write(self)
    }

    #[expect(
        clippy::expect_used,
        reason = "a station has few datastreams, finite values and a boot of 32 bits"
    )]
    fn compact(&self) -> Vec<u8> {
        let channels: Vec<Channel<'_>> = self
            .datastreams
            .iter()
            .map(|name| Channel {
                name,
                unit: None,
                decimals: DECIMALS,
            })
            .collect();
        let header = Header {
            numbered: Some((u32::try_from(self.boot).unwrap_or(u32::MAX), self.seq)),
            base_ms: Some(self.time_ms.unsigned_abs()),
            tick: Tick::Millisecond,
            clock_doubtful: false,
        };
        let mut buffer = [0; COMPACT_BYTES_MAX];
        let mut encoder =
            Encoder::new(&mut buffer, &header, &channels).expect("at most 16 channels");
        for (at, _, value) in self.readings() {
            let sample = Sample {
                channel: at as u8,
                time_ms: self.time_ms,
                value,
                quality: Some(Quality::Good),
                seq: Some(self.seq + at as u64),
            };
            encoder.push(&sample).expect("a reading that fits");
        }
        let length = encoder.len();
        buffer[..length].to_vec()
    }
}

#[cfg(test)]
mod tests;
