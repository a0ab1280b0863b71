//! Readings as text, written without a detour.

use crate::{fragment::Fragment, time};
use nhip_registry::{Datastream, Device};
use nhip_store::{Observation, Source};
use nhip_wire::Quality;

/// The first line of CSV.
pub(crate) const CSV_HEADER: &[u8] =
    b"device,datastream,time,received,value,unit,quality,boot,seq,time_source\r\n";

/// How much of a reading is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// The fields of a stored reading.
    Raw,
    /// With property, place and whether it is simulated.
    Full,
}

/// Appends a reading as a JSON object.
pub(crate) fn json(out: &mut Vec<u8>, fragment: &Fragment, of: &Observation, detail: Detail) {
    out.extend_from_slice(fragment.head());
    time::write(out, of.time_us);
    out.extend_from_slice(b"\",\"received\":\"");
    time::write(out, of.received_us);
    out.extend_from_slice(b"\",\"value\":");
    match value(of) {
        Some(value) => number(out, value),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(fragment.unit());
    out.extend_from_slice(of.quality.name().as_bytes());
    out.extend_from_slice(b"\",\"boot\":");
    match boot(of) {
        Some(boot) => integer(out, boot.into()),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"seq\":");
    match of.seq {
        Some(seq) => integer(out, seq),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"time_source\":\"");
    out.extend_from_slice(time_source(of).as_bytes());
    out.push(b'"');
    if detail == Detail::Full {
        out.extend_from_slice(fragment.tail());
    }
    out.push(b'}');
}

/// Appends a reading as a line of CSV (RFC 4180).
pub(crate) fn csv(out: &mut Vec<u8>, datastream: &Datastream, device: &Device, of: &Observation) {
    out.extend_from_slice(device.name.as_bytes());
    out.push(b',');
    out.extend_from_slice(datastream.name.as_bytes());
    out.push(b',');
    time::write(out, of.time_us);
    out.push(b',');
    time::write(out, of.received_us);
    out.push(b',');
    if let Some(value) = value(of) {
        number(out, value);
    }
    out.push(b',');
    field(out, &datastream.unit);
    out.push(b',');
    out.extend_from_slice(of.quality.name().as_bytes());
    out.push(b',');
    if let Some(boot) = boot(of) {
        integer(out, boot.into());
    }
    out.push(b',');
    if let Some(seq) = of.seq {
        integer(out, seq);
    }
    out.push(b',');
    out.extend_from_slice(time_source(of).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Appends a finite number as JSON has it; another as `null`.
pub(crate) fn number(out: &mut Vec<u8>, value: f64) {
    if value.is_finite() {
        out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
    } else {
        out.extend_from_slice(b"null");
    }
}

/// Appends an integer.
pub(crate) fn integer(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn value(of: &Observation) -> Option<f64> {
    (of.quality != Quality::Missing).then_some(of.value)
}

/// 0 is kept where the device gives none: devices that count their boots count from 1 on.
fn boot(of: &Observation) -> Option<u32> {
    (of.boot != 0).then_some(of.boot)
}

fn time_source(of: &Observation) -> &'static str {
    match of.source {
        Source::Device => "device",
        Source::Arrival => "arrival",
    }
}

fn field(out: &mut Vec<u8>, text: &str) {
    if text
        .bytes()
        .any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n'))
    {
        out.push(b'"');
        out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
        out.push(b'"');
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}
