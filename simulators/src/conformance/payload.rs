//! The readings of a payload, as far as a check needs them.

use nhip_wire::{Format, Quality, compact::Decoder};
use serde_json::Value;

/// One reading.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reading {
    pub(super) datastream: String,
    pub(super) number: Option<(u64, u64)>,
    /// ms since 1970 UTC.
    pub(super) time_ms: Option<i64>,
    pub(super) unit: Option<String>,
    pub(super) value: String,
    /// Whether it says that there is no value.
    pub(super) missing: bool,
    /// The device says that its clock was never set.
    pub(super) clock_doubtful: bool,
}

/// What is in a payload, or why that can't be told.
pub(super) fn decode(format: Format, payload: &[u8]) -> Result<Vec<Reading>, String> {
    match format {
        Format::Compact => compact(payload),
        Format::Json => json(payload),
        // SenML has neither boot nor sequence number; the platform judges the rest.
        Format::SenmlJson | Format::SenmlCbor => Ok(Vec::new()),
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
    for sample in decoder {
        let sample = sample.map_err(|error| error.to_string())?;
        let channel = channels.get(usize::from(sample.channel));
        let (datastream, unit) = channel.cloned().unwrap_or_default();
        readings.push(Reading {
            datastream,
            number: header
                .numbered
                .zip(sample.seq)
                .map(|((boot, _), seq)| (boot.into(), seq)),
            time_ms: header.base_ms.map(|_| sample.time_ms),
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
    for object in &objects {
        let of = object.get("readings").and_then(Value::as_object);
        let of = of.ok_or("there is no object readings in it")?;
        let number = object["boot"].as_u64().zip(object["seq"].as_u64());
        for (datastream, reading) in of {
            let value = reading.get("value").unwrap_or(reading);
            let time = reading.get("time").or(object.get("time"));
            readings.push(Reading {
                datastream: datastream.clone(),
                number,
                time_ms: time.and_then(time_ms),
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
