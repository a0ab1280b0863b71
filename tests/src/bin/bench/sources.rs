//! What the load generators send.

use nhip_tests::load::Source;
use nhip_wire::{
    Quality,
    compact::{Channel, Encoder, Header, Sample, Tick},
};
use std::{
    io::Write,
    sync::OnceLock,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

/// Readings begin at this instant, ms since 1970: long past, so that none is in the future.
pub const START_MS: u64 = 1_760_000_000_000;

/// Room for any message here.
const COMPACT_BYTES_MAX: usize = 4096;
const DAY_MS: u64 = 86_400_000;

/// 64 B that mean nothing, on an ordinary topic.
pub struct Opaque;

impl Source for Opaque {
    fn topic(&self, client: usize) -> String {
        format!("bench/{client}")
    }

    fn payload(&mut self, _: usize, _: u64, into: &mut Vec<u8>) {
        into.extend([b'x'; 64]);
    }
}

/// One reading a message, as JSON, from a device a client.
pub struct Json;

impl Source for Json {
    fn topic(&self, client: usize) -> String {
        format!("devices/bench-{client}/readings/json")
    }

    fn payload(&mut self, _: usize, number: u64, into: &mut Vec<u8>) {
        let time = START_MS + number * 1000;
        let (whole, tenth) = (20 + number % 15, number % 10);
        // Writing into memory can't fail.
        let _ = write!(
            into,
            r#"{{"boot":1,"seq":{number},"time":{time},"readings":{{"temperature":{whole}.{tenth}}}}}"#
        );
    }
}

/// Ten readings a message, a second apart, as a device that was offline for a while sends.
pub struct Compact;

impl Compact {
    /// Readings of a message.
    pub const READINGS: u64 = 10;
}

impl Source for Compact {
    fn topic(&self, client: usize) -> String {
        format!("devices/bench-{client}/readings/compact")
    }

    fn payload(&mut self, _: usize, number: u64, into: &mut Vec<u8>) {
        let first = number * Self::READINGS;
        encode(into, first, START_MS + first * 1000, Self::READINGS, 1000);
    }
}

/// One reading a message whose value is when it was published.
pub struct Stamped;

impl Stamped {
    /// µs since this process first asked.
    pub fn now_us() -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed().as_micros() as u64
    }
}

impl Source for Stamped {
    fn topic(&self, client: usize) -> String {
        format!("devices/bench-{client}/readings/json")
    }

    fn payload(&mut self, _: usize, number: u64, into: &mut Vec<u8>) {
        let (time, value) = (START_MS + number * 1000, Self::now_us());
        // Writing into memory can't fail.
        let _ = write!(
            into,
            r#"{{"boot":1,"seq":{number},"time":{time},"readings":{{"stamp":{value}}}}}"#
        );
    }
}

/// One message with a reading of each of a device's many datastreams.
pub struct Wide;

impl Wide {
    /// Datastreams of a device.
    pub const DATASTREAMS: u64 = 100;
}

impl Source for Wide {
    fn topic(&self, client: usize) -> String {
        format!("devices/wide-{client}/readings/json")
    }

    fn payload(&mut self, client: usize, number: u64, into: &mut Vec<u8>) {
        let time = START_MS + number * 60_000;
        // Writing into memory can't fail.
        let _ = write!(into, r#"{{"time":{time},"readings":{{"#);
        for stream in 0..Self::DATASTREAMS {
            let comma = if stream == 0 { "" } else { "," };
            let tenth = (client as u64 + stream) % 10;
            let _ = write!(into, r#"{comma}"channel_{stream}":{stream}.{tenth}"#);
        }
        into.extend(b"}}");
    }
}

/// A year of one-minute readings of one datastream, that ends yesterday.
pub struct Year;

impl Year {
    /// Readings of a message.
    pub const READINGS: u64 = 120;
    /// Messages of a year.
    pub const MESSAGES: u64 = 365 * 1440 / Self::READINGS;
    /// The time between two readings, ms.
    pub const STEP_MS: u64 = 60_000;

    /// The time of the first reading, ms since 1970: midnight UTC 366 days ago.
    pub fn start_ms() -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now_ms = now.map_or(START_MS, |now| now.as_millis() as u64);
        (now_ms / DAY_MS - 366) * DAY_MS
    }
}

impl Source for Year {
    fn topic(&self, _: usize) -> String {
        "devices/year/readings/compact".into()
    }

    fn payload(&mut self, _: usize, number: u64, into: &mut Vec<u8>) {
        let first = number * Self::READINGS;
        let start_ms = Self::start_ms() + first * Self::STEP_MS;
        encode(into, first, start_ms, Self::READINGS, Self::STEP_MS);
    }
}

/// The same for a device a client.
pub struct Years;

impl Source for Years {
    fn topic(&self, client: usize) -> String {
        format!("devices/year-{client}/readings/compact")
    }

    fn payload(&mut self, client: usize, number: u64, into: &mut Vec<u8>) {
        Year.payload(client, number, into);
    }
}

/// One compact message of `temperature`, numbered from `first` on.
fn encode(into: &mut Vec<u8>, first: u64, start_ms: u64, readings: u64, step_ms: u64) {
    let mut buffer = [0; COMPACT_BYTES_MAX];
    let header = Header {
        numbered: Some((1, first)),
        base_ms: Some(start_ms),
        tick: Tick::Second,
        clock_doubtful: false,
    };
    let channel = Channel {
        name: "temperature",
        unit: None,
        decimals: 1,
    };
    let mut encoder =
        Encoder::new(&mut buffer, &header, &[channel]).expect("there is room for a header");
    for seq in first..first + readings {
        let tenths = 200 + seq % 150;
        let sample = Sample {
            channel: 0,
            time_ms: (start_ms + (seq - first) * step_ms) as i64,
            value: tenths as f64 / 10.0,
            quality: Some(Quality::Good),
            seq: Some(seq),
        };
        encoder.push(&sample).expect("there is room for a message");
    }
    let length = encoder.len();
    into.extend_from_slice(&buffer[..length]);
}
