//! How long decoding takes: `cargo run --release -p nhip-ingest --example decode_rate`.
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use nhip_ingest::decode::{Limits, Readings, decode};
use nhip_wire::{
    Format, Quality,
    compact::{Channel, Encoder, Header, Sample},
};
use std::{hint::black_box, time::Instant};

fn main() {
    let one =
        br#"{"boot":7,"seq":1234,"time":"2026-11-22T06:00:00.000Z","readings":{"pm2_5":31.2}}"#;
    rate("json, one reading", Format::Json, one);
    let mut ten = String::from("[");
    for seq in 0..10 {
        ten.push_str(&format!(
            "{}{{\"boot\":7,\"seq\":{seq},\"time\":17953272{seq:02}000,\"readings\":{{\"pm2_5\":31.{seq}}}}}",
            if seq > 0 { "," } else { "" }
        ));
    }
    ten.push(']');
    rate("json, ten readings", Format::Json, ten.as_bytes());
    let senml = br#"[{"bn":"a:","bt":1795327200,"n":"pm2_5","u":"ug/m3","v":31.2},{"n":"humidity","u":"%RH","v":74}]"#;
    rate("senml-json, two readings", Format::SenmlJson, senml);
    rate("compact, one reading", Format::Compact, &compact(1));
    rate("compact, ten readings", Format::Compact, &compact(10));
    rate("compact, hundred readings", Format::Compact, &compact(100));
}

fn compact(readings: i64) -> Vec<u8> {
    let mut out = vec![0; 4096];
    let header = Header {
        numbered: Some((7, 1234)),
        base_ms: Some(1_795_327_200_000),
        ..Header::default()
    };
    let channel = Channel {
        name: "pm2_5",
        unit: None,
        decimals: 1,
    };
    let mut length = 0;
    if let Ok(mut encoder) = Encoder::new(&mut out, &header, &[channel]) {
        for at in 0..readings {
            let sample = Sample {
                channel: 0,
                time_ms: 1_795_327_200_000 + at * 60_000,
                value: (312 + at % 7) as f64 / 10.0,
                quality: Some(Quality::Good),
                seq: Some(1234 + at.unsigned_abs()),
            };
            if encoder.push(&sample).is_err() {
                break;
            }
        }
        length = encoder.len();
    }
    out.truncate(length);
    out
}

fn rate(what: &str, format: Format, payload: &[u8]) {
    let mut out = Readings::default();
    let limits = Limits::default();
    let rounds = 1_000_000;
    let mut readings = 0;
    let start = Instant::now();
    for _ in 0..rounds {
        if decode(format, black_box(payload), 0, &limits, &mut out).is_ok() {
            readings += out.items().len();
        }
    }
    let nanos = start.elapsed().as_nanos() as f64;
    println!(
        "{what}: {} bytes, {:.0} ns a message, {:.0} ns a reading",
        payload.len(),
        nanos / f64::from(rounds),
        nanos / readings as f64
    );
}
