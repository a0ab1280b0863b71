//! The golden vectors of `docs/payloads.md`, held against the code.

use super::*;

extern crate std;
use std::{format, string::String, vec, vec::Vec};

const DOCUMENT: &str = include_str!("../../../docs/payloads.md");
/// What a block of vectors begins and ends with.
const FENCES: (&str, &str) = ("```golden\n", "\n```");

/// One of them: its title, its bytes, and the lines that say what they mean.
struct Vector {
    title: &'static str,
    bytes: Vec<u8>,
    meaning: Vec<&'static str>,
}

fn vectors() -> Vec<Vector> {
    let (_, rest) = DOCUMENT.split_once(FENCES.0).expect("a block");
    let (block, _) = rest.split_once(FENCES.1).expect("the block's end");
    let vectors = block.split("\n\n").map(|vector| {
        let mut lines = vector.lines();
        let title = lines.next().expect("a title");
        let hex: String = lines.next().expect("bytes").split(' ').collect();
        let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
        Vector {
            title,
            bytes: (0..hex.len()).step_by(2).map(digits).collect(),
            meaning: lines.collect(),
        }
    });
    vectors.collect()
}

fn seconds(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let ms = ms.unsigned_abs();
    format!("{sign}{}.{:03} s", ms / 1_000, ms % 1_000)
}

/// What a message says, in the document's words.
fn meaning(header: &Header, channels: &[Channel<'_>], samples: &[Sample]) -> Vec<String> {
    let numbered = header.numbered;
    let numbered = numbered.map_or("no boot".into(), |(boot, seq)| {
        format!("boot {boot}, seq {seq}")
    });
    let base = header.base_ms;
    let base = base.map_or("no base".into(), |ms| {
        format!("base {}", seconds(ms as i64))
    });
    let tick = match header.tick {
        Tick::Millisecond => 1,
        Tick::Tenth => 100,
        Tick::Second => 1_000,
        Tick::Minute => 60_000,
    };
    let clock = if header.clock_doubtful {
        "never set"
    } else {
        "set"
    };
    let mut lines = vec![format!(
        "{numbered}; {base}; ticks of {tick} ms; clock {clock}"
    )];
    for (at, channel) in channels.iter().enumerate() {
        let unit = channel.unit.unwrap_or("no unit");
        let (name, decimals) = (channel.name, channel.decimals);
        lines.push(format!("channel {at}: {name}, {unit}, decimals {decimals}"));
    }
    for sample in samples {
        let seq = sample
            .seq
            .map_or("no seq".into(), |seq| format!("seq {seq}"));
        let (time, channel, value) = (seconds(sample.time_ms), sample.channel, sample.value);
        let quality = sample.quality.expect("a known quality").name();
        lines.push(format!(
            "{seq}, {time}, channel {channel}: {value} {quality}"
        ));
    }
    lines
}

#[test]
fn the_documents_vectors_say_what_the_document_says() {
    for vector in vectors() {
        let decoder = Decoder::new(&vector.bytes).expect(vector.title);
        let header = *decoder.header();
        let channels = decoder.channels().as_slice().to_vec();
        let samples: Vec<Sample> = decoder.map(|sample| sample.expect(vector.title)).collect();
        let said = meaning(&header, &channels, &samples);
        assert_eq!(said, vector.meaning, "{}", vector.title);
        let mut out = vec![0; 1_024];
        let mut encoder = Encoder::new(&mut out, &header, &channels).expect(vector.title);
        for sample in &samples {
            encoder.push(sample).expect(vector.title);
        }
        let length = encoder.len();
        assert_eq!(out[..length], vector.bytes, "{}", vector.title);
    }
}

#[test]
fn every_part_of_the_format_stands_in_a_vector() {
    let said: Vec<String> = vectors()
        .iter()
        .map(|vector| vector.meaning.join("\n"))
        .collect();
    for part in [
        ", m, ",
        ", no unit, ",
        "channel 1: ",
        "channel 7: ",
        " missing",
        " suspect",
        " fault",
        "clock never set",
        "base 1795327200.250",
        "no base",
        "no boot",
        "ticks of 1 ms",
        "ticks of 60000 ms",
        "seq 1238, 1795327200.000 s, channel 0: 0 missing\nseq 1244, ",
    ] {
        assert!(said.iter().any(|said| said.contains(part)), "{part}");
    }
}
