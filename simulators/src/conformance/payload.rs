//! The readings of a payload, as far as a check needs them.

use super::senml;
use nhip_wire::{Format, Quality, compact::Decoder};
use serde_json::Value;

/// When a reading says that it was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Time {
    /// At this time, ms since 1970 UTC.
    At(i64),
    /// So long before its arrival: the device has no time of day.
    Ago,
    /// It doesn't.
    Unsaid,
}

impl Time {
    /// The time, ms since 1970 UTC, where it is one.
    pub(super) fn at_ms(self) -> Option<i64> {
        match self {
            Self::At(ms) => Some(ms),
            Self::Ago | Self::Unsaid => None,
        }
    }
}

/// One reading.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reading {
    pub(super) datastream: String,
    /// Boot and sequence number.
    pub(super) number: Option<(u64, u64)>,
    /// Which part of the message it stands in: readings of one part may share a number.
    pub(super) part: usize,
    pub(super) time: Time,
    pub(super) unit: Option<String>,
    pub(super) value: String,
    /// Whether it says that there is no value.
    pub(super) missing: bool,
    /// The device says that its clock was never set.
    pub(super) clock_doubtful: bool,
}

/// What is in a payload, or why that can't be told; none of a format that isn't decoded here.
pub(super) fn decode(format: Format, payload: &[u8]) -> Option<Result<Vec<Reading>, String>> {
    match format {
        Format::Compact => Some(compact(payload)),
        Format::Json => Some(json(payload)),
        Format::SenmlJson => Some(senml::decode(payload)),
        Format::SenmlCbor => None,
    }
}

fn compact(payload: &[u8]) -> Result<Vec<Reading>, String> {
    let decoder = Decoder::new(payload).map_err(|error| error.to_string())?;
    let header = *decoder.header();
    let channels: Vec<(String, Option<String>)> = decoder
        .channels()
        .as_slice()
        .iter()
        .map(|channel| (channel.name.to_owned(), channel.unit.map(str::to_owned)))
        .collect();
    let mut readings = Vec::new();
    for (part, sample) in decoder.enumerate() {
        let sample = sample.map_err(|error| error.to_string())?;
        let channel = channels.get(usize::from(sample.channel));
        let (datastream, unit) = channel.cloned().unwrap_or_default();
        readings.push(Reading {
            datastream,
            number: header
                .numbered
                .zip(sample.seq)
                .map(|((boot, _), seq)| (boot.into(), seq)),
            part,
            time: match header.base_ms {
                Some(_) => Time::At(sample.time_ms),
                None => Time::Ago,
            },
            unit,
            value: format!("{} {:?}", sample.value, sample.quality),
            missing: sample.quality == Some(Quality::Missing),
            clock_doubtful: header.clock_doubtful,
        });
    }
    Ok(readings)
}

fn json(payload: &[u8]) -> Result<Vec<Reading>, String> {
    let value: Value = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
    let objects = match value {
        Value::Array(objects) => objects,
        object => vec![object],
    };
    let mut readings = Vec::new();
    for (part, object) in objects.iter().enumerate() {
        let of = object.get("readings").and_then(Value::as_object);
        let of = of.ok_or("there is no object readings in it")?;
        let number = object["boot"].as_u64().zip(object["seq"].as_u64());
        for (datastream, reading) in of {
            let value = reading.get("value").unwrap_or(reading);
            let time = reading.get("time").or(object.get("time"));
            readings.push(Reading {
                datastream: datastream.clone(),
                number,
                part,
                time: time.and_then(time_ms).map_or(Time::Unsaid, Time::At),
                unit: reading["unit"].as_str().map(str::to_owned),
                value: format!("{} {}", value, reading["quality"]),
                missing: value.is_null() || reading["quality"] == "missing",
                clock_doubtful: false,
            });
        }
    }
    Ok(readings)
}

fn time_ms(time: &Value) -> Option<i64> {
    match time {
        Value::String(text) => Some(text.parse::<jiff::Timestamp>().ok()?.as_millisecond()),
        number => number.as_i64(),
    }
}
