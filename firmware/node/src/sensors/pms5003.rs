//! Plantower PMS5003: PM1, PM2.5 and PM10 by UART, 9600 baud (data manual V2.5).
//!
//! It is asked for each measurement (passive mode), so that its fan's current doesn't fill the
//! line between samples. A wrong checksum or an error code of its own is a `fault`, silence
//! `missing`, more than its range of 1000 µg/m³ `suspect`.

use super::{drain, find, suspect};
use crate::{
    reading::{Channel, Value},
    sensor::Sensor,
};
use embedded_io_async::{Read, Write};

/// Particulates under atmospheric conditions, whole µg/m³.
pub const CHANNELS: [Channel; 3] = [channel("pm1"), channel("pm2_5"), channel("pm10")];

const fn channel(name: &'static str) -> Channel {
    Channel {
        name,
        unit: Some("ug/m3"),
        decimals: 0,
    }
}

const HEAD: [u8; 2] = [0x42, 0x4d];
const PASSIVE: [u8; 7] = [0x42, 0x4d, 0xe1, 0x00, 0x00, 0x01, 0x70];
const READ: [u8; 7] = [0x42, 0x4d, 0xe2, 0x00, 0x00, 0x01, 0x71];
/// What follows the head: a length, 13 words of data, a checksum.
const REST_BYTES: usize = 30;
/// Bytes that are skipped at most in search of a frame: two frames of the active mode.
const SKIPPED_MAX: usize = 64;
/// Frames that are passed over at most: the answer to the change of mode, and heads in noise.
const FRAMES_MAX: usize = 8;
/// The most that it measures, µg/m³.
const RANGE_MAX: u16 = 1000;

/// The instrument.
pub struct Pms5003<U> {
    line: U,
    passive: bool,
}

impl<U: Read + Write> Pms5003<U> {
    /// One on this line.
    pub fn new(line: U) -> Self {
        Self {
            line,
            passive: false,
        }
    }

    /// The next frame behind its head; none while the instrument is silent.
    async fn frame(&mut self) -> Option<[u8; REST_BYTES]> {
        // Until it answers, it may have been without power, and then starts in the active mode. On
        // a line that stays silent the node drops this future.
        if !core::mem::take(&mut self.passive) {
            self.line.write_all(&PASSIVE).await.ok()?;
            self.line.flush().await.ok()?;
        }
        // Frames of the active mode, or the answer to an earlier sample: all older than this one.
        drain(&mut self.line);
        self.line.write_all(&READ).await.ok()?;
        self.line.flush().await.ok()?;
        for _ in 0..FRAMES_MAX {
            if !find(&mut self.line, HEAD, SKIPPED_MAX).await {
                return None;
            }
            let mut rest = [0; REST_BYTES];
            self.line.read_exact(&mut rest[..2]).await.ok()?;
            // The answer to the change of mode is a short frame.
            if rest[..2] == [0, 28] {
                self.line.read_exact(&mut rest[2..]).await.ok()?;
                self.passive = true;
                return Some(rest);
            }
        }
        None
    }
}

impl<U: Read + Write> Sensor for Pms5003<U> {
    fn channels(&self) -> &'static [Channel] {
        &CHANNELS
    }

    async fn sample(&mut self, values: &mut [Value]) {
        match self.frame().await {
            Some(frame) => values.copy_from_slice(&decode(&frame)),
            None => values.fill(Value::MISSING),
        }
    }
}

fn decode(frame: &[u8; REST_BYTES]) -> [Value; 3] {
    let word = |at: usize| u16::from_be_bytes([frame[2 + 2 * at], frame[3 + 2 * at]]);
    let (data, check) = frame.split_at(REST_BYTES - 2);
    let sum: u16 = HEAD.iter().chain(data).map(|&byte| u16::from(byte)).sum();
    let error_code = frame[REST_BYTES - 3];
    if check != sum.to_be_bytes() || error_code != 0 {
        return [Value::FAULT; 3];
    }
    [word(3), word(4), word(5)].map(|value| match value {
        0..=RANGE_MAX => Value::good(value.into()),
        _ => suspect(value.into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        reading::Quality,
        sensors::script::{Uart, in_time},
    };

    /// A frame as the manual's appendix lays it out: PM1 21, PM2.5 35, PM10 42 µg/m³.
    const FRAME: [u8; 32] = [
        0x42, 0x4d, 0x00, 0x1c, 0x00, 0x15, 0x00, 0x23, 0x00, 0x2a, 0x00, 0x15, 0x00, 0x23, 0x00,
        0x2a, 0x0f, 0x5a, 0x04, 0x5e, 0x00, 0xa9, 0x00, 0x14, 0x00, 0x06, 0x00, 0x02, 0x97, 0x00,
        0x03, 0x96,
    ];
    const MODE_ANSWER: [u8; 8] = [0x42, 0x4d, 0x00, 0x04, 0xe1, 0x00, 0x01, 0x74];

    fn sample(sensor: &mut Pms5003<Uart>) -> [Value; 3] {
        let mut values = [Value::MISSING; 3];
        in_time(sensor, &mut values);
        values
    }

    fn answering(frame: &[u8]) -> Pms5003<Uart> {
        Pms5003::new(Uart::answering(&[(&PASSIVE, &MODE_ANSWER), (&READ, frame)]))
    }

    #[test]
    fn a_frame_gives_three_values() {
        let good = [21, 35, 42].map(Value::good);
        assert_eq!(sample(&mut answering(&FRAME)), good);
    }

    #[test]
    fn a_frame_is_found_behind_noise() {
        let mut sensor = answering(&FRAME);
        sensor.line.script[1]
            .reply
            .splice(..0, [0x00, 0x42, 0x42, 0x17, 0xff]);
        assert_eq!(sample(&mut sensor), [21, 35, 42].map(Value::good));
    }

    /// A frame with another PM1, below 128.
    fn with_pm1(pm1: u8) -> [u8; 32] {
        let mut frame = FRAME;
        frame[11] = pm1;
        let sum: u16 = frame[..30].iter().map(|&byte| u16::from(byte)).sum();
        frame[30..].copy_from_slice(&sum.to_be_bytes());
        frame
    }

    #[test]
    fn frames_of_the_active_mode_are_thrown_away() {
        let mut sensor = answering(&FRAME);
        sensor
            .line
            .old
            .extend([1, 2, 3, 4, 5].map(with_pm1).concat());
        assert_eq!(sample(&mut sensor), [21, 35, 42].map(Value::good));
    }

    #[test]
    fn a_late_answer_is_not_taken_for_the_next() {
        let line = Uart::answering(&[
            (&PASSIVE, &MODE_ANSWER),
            (&READ, &[]),
            (&PASSIVE, &MODE_ANSWER),
            (&READ, &with_pm1(8)),
            (&READ, &with_pm1(9)),
        ]);
        let mut sensor = Pms5003::new(line);
        assert_eq!(sample(&mut sensor), [Value::MISSING; 3]);
        sensor.line.old.extend(with_pm1(7));
        assert_eq!(sample(&mut sensor)[0], Value::good(8));
        assert_eq!(sample(&mut sensor)[0], Value::good(9));
    }

    #[test]
    fn a_flipped_bit_is_a_fault() {
        let mut frame = FRAME;
        frame[13] ^= 1;
        assert_eq!(sample(&mut answering(&frame)), [Value::FAULT; 3]);
    }

    #[test]
    fn an_error_code_is_a_fault() {
        let mut frame = FRAME;
        frame[29] = 2;
        frame[31] += 2;
        assert_eq!(sample(&mut answering(&frame)), [Value::FAULT; 3]);
    }

    #[test]
    fn silence_is_missing_and_the_mode_is_set_again() {
        let mut sensor = Pms5003::new(Uart::answering(&[
            (&PASSIVE, &MODE_ANSWER),
            (&READ, &FRAME),
            // Its power went: it doesn't answer, and is in the active mode when it does.
            (&READ, &[]),
            (&PASSIVE, &MODE_ANSWER),
            (&READ, &FRAME),
            (&READ, &FRAME),
        ]));
        let good = [21, 35, 42].map(Value::good);
        assert_eq!(sample(&mut sensor), good);
        assert_eq!(sample(&mut sensor), [Value::MISSING; 3]);
        assert_eq!(sample(&mut sensor), good);
        assert_eq!(sample(&mut sensor), good);
    }

    #[test]
    fn more_than_its_range_is_suspect() {
        let mut frame = FRAME;
        // 0x0723 = 1827: the checksum grows by 7.
        frame[12] = 7;
        frame[31] += 7;
        let values = sample(&mut answering(&frame));
        assert_eq!(
            (values[1].scaled, values[1].quality),
            (1827, Quality::Suspect)
        );
        assert_eq!(values[0], Value::good(21));
    }
}
