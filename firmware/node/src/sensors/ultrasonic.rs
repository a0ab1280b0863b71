//! Ultrasonic distance by UART as water level: DFRobot A02YYUW, A01NYUB and their like.
//!
//! Four bytes at 9600 baud: 0xFF, the distance in mm (big-endian), the sum of the three. The
//! level is the mount's height above the gauge's zero less the median of several distances: a
//! leaf, a bird or a wave is not the river. Too few frames with a right checksum among the bytes
//! that come are a `fault`, silence is `missing`, a distance beyond the instrument's range `suspect`. What it said since the
//! last sample is thrown away.

use super::{drain, suspect};
use crate::{
    reading::{Channel, Value},
    sensor::Sensor,
};
use core::ops::RangeInclusive;
use embedded_io_async::Read;
use heapless::Vec;

/// The level, mm.
pub const CHANNELS: [Channel; 1] = [Channel {
    name: "water_level",
    unit: Some("m"),
    decimals: 3,
}];

/// Distances of which the median is taken.
const FRAMES: usize = 5;
/// Fewest of them with a right checksum.
const FRAMES_MIN: usize = 3;
/// Bytes that are looked through at most.
const BYTES_MAX: usize = 64;
/// What an A02YYUW can measure, mm.
pub const A02YYUW_MM: RangeInclusive<u16> = 30..=4500;
/// What an A01NYUB can measure, mm.
pub const A01NYUB_MM: RangeInclusive<u16> = 280..=7500;

/// The instrument.
pub struct Ultrasonic<U> {
    line: U,
    range_mm: RangeInclusive<u16>,
    mount_mm: i32,
}

impl<U: Read> Ultrasonic<U> {
    /// One that measures these distances ([`A02YYUW_MM`], [`A01NYUB_MM`], or what its manual says)
    /// and looks down from this height above the gauge's zero, mm.
    pub fn new(line: U, range_mm: RangeInclusive<u16>, mount_mm: i32) -> Self {
        Self {
            line,
            range_mm,
            mount_mm,
        }
    }

    /// The distances of the next frames, and whether anything came at all.
    async fn distances(&mut self) -> (Vec<u16, FRAMES>, bool) {
        drain(&mut self.line);
        let mut found = Vec::new();
        let mut window = [0; 4];
        let mut fresh = 0;
        let mut heard = false;
        for _ in 0..BYTES_MAX {
            let mut next = [0];
            if self.line.read_exact(&mut next).await.is_err() {
                break;
            }
            heard = true;
            window = [window[1], window[2], window[3], next[0]];
            fresh += 1;
            let [head, high, low, sum] = window;
            let whole = fresh >= 4 && head == 0xff;
            if whole && sum == head.wrapping_add(high).wrapping_add(low) {
                fresh = 0;
                if found.push(u16::from_be_bytes([high, low])).is_err() || found.is_full() {
                    break;
                }
            }
        }
        (found, heard)
    }
}

impl<U: Read> Sensor for Ultrasonic<U> {
    fn channels(&self) -> &'static [Channel] {
        &CHANNELS
    }

    async fn sample(&mut self, values: &mut [Value]) {
        let (mut distances, heard) = self.distances().await;
        let value = match distances.len() {
            FRAMES_MIN.. => {
                distances.sort_unstable();
                let median = distances[distances.len() / 2];
                let level = self.mount_mm - i32::from(median);
                match self.range_mm.contains(&median) {
                    true => Value::good(level),
                    false => suspect(level),
                }
            }
            _ if heard => Value::FAULT,
            _ => Value::MISSING,
        };
        values.fill(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        reading::Quality,
        sensors::script::{Uart, in_time},
    };

    fn frame(mm: u16) -> [u8; 4] {
        let [high, low] = mm.to_be_bytes();
        [
            0xff,
            high,
            low,
            0xff_u8.wrapping_add(high).wrapping_add(low),
        ]
    }

    fn sample(bytes: &[u8]) -> Value {
        sampled(Ultrasonic::new(Uart::with(bytes), A02YYUW_MM, 3200))
    }

    fn sampled(mut sensor: Ultrasonic<Uart>) -> Value {
        let mut values = [Value::MISSING];
        in_time(&mut sensor, &mut values);
        values[0]
    }

    #[test]
    fn the_level_is_the_mount_less_the_median() {
        // The manual's example: 1953 mm.
        assert_eq!(frame(1953), [0xff, 0x07, 0xa1, 0xa7]);
        let bytes = [1953, 1955, 412, 1952, 1954].map(frame).concat();
        assert_eq!(sample(&bytes), Value::good(3200 - 1953));
    }

    #[test]
    fn it_falls_into_step_in_the_middle_of_a_frame() {
        let bytes = [&[0xa1, 0xa7, 0xff][..], &[1000_u16; 5].map(frame).concat()].concat();
        assert_eq!(sample(&bytes), Value::good(2200));
    }

    #[test]
    fn a_distance_that_looks_like_a_head_is_read() {
        let bytes = [0x00ff_u16; 5].map(frame).concat();
        assert_eq!(sample(&bytes), Value::good(3200 - 255));
    }

    #[test]
    fn wrong_checksums_are_a_fault_and_silence_is_missing() {
        let mut bytes = [1000_u16; 16].map(frame).concat();
        for at in (3..bytes.len()).step_by(4) {
            bytes[at] ^= 4;
        }
        assert_eq!(sample(&bytes), Value::FAULT);
        assert_eq!(sample(&[]), Value::MISSING);
    }

    #[test]
    fn distances_from_before_the_sample_are_thrown_away() {
        let mut line = Uart::with(&[1000_u16; 5].map(frame).concat());
        // The buffer ran over in the middle of a frame.
        line.old.extend(&[2000_u16; 20].map(frame).concat()[..78]);
        let value = sampled(Ultrasonic::new(line, A02YYUW_MM, 3200));
        assert_eq!(value, Value::good(2200));
    }

    #[test]
    fn each_instrument_has_its_own_range() {
        for (mm, range, quality) in [
            (6_000, A01NYUB_MM, Quality::Good),
            (6_000, A02YYUW_MM, Quality::Suspect),
            (200, A01NYUB_MM, Quality::Suspect),
            (200, A02YYUW_MM, Quality::Good),
        ] {
            let line = Uart::with(&[mm; 5].map(frame).concat());
            let value = sampled(Ultrasonic::new(line, range, 8_000));
            assert_eq!(value.quality, quality, "{mm}");
        }
    }

    #[test]
    fn beyond_its_range_is_suspect() {
        let value = sample(&[20_u16; 5].map(frame).concat());
        assert_eq!((value.scaled, value.quality), (3180, Quality::Suspect));
    }
}
