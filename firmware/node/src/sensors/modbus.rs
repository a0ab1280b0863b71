//! Station instruments by Modbus RTU (Modbus over serial line V1.02, application protocol V1.1b3).
//!
//! One instrument is one request for a run of registers, and a map of them to channels. The line is
//! drained before it is asked; noise and other units' answers are passed over. A wrong checksum, an
//! exception, or nothing but noise is a `fault`, silence `missing`; a register
//! that says the manufacturer's "no value" is `missing` alone, and a value beyond what the
//! channel can mean is `suspect`.

use super::{drain, suspect};
use crate::{
    reading::{Channel, Value},
    sensor::{SENSOR_CHANNELS_MAX, Sensor},
};
use core::ops::RangeInclusive;
use crc::{CRC_16_MODBUS, Crc, NoTable};
use embedded_hal_async::delay::DelayNs;
use embedded_io_async::{Read, Write};

/// Most registers of one request.
pub const REGISTERS_MAX: usize = 32;
const ANSWER_BYTES_MAX: usize = 5 + 2 * REGISTERS_MAX;
/// Bytes that are passed over at most in search of the answer: the longest frame there is.
const SKIPPED_MAX: usize = 256;
/// 3.5 characters of silence at 9600 baud part two frames, ms.
const SILENCE_MS: u32 = 4;

static CHECK: Crc<u16, NoTable> = Crc::<u16, NoTable>::new(&CRC_16_MODBUS);

/// Which table of registers is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Table {
    /// Function 3.
    Holding = 3,
    /// Function 4.
    Input = 4,
}

/// How one or two registers are a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// One register, unsigned.
    U16,
    /// One register, two's complement.
    I16,
    /// Two registers, the higher word first.
    I32,
    /// Two registers, the lower word first.
    I32Swapped,
}

/// One channel's place in the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The register, counted from the first that is read.
    pub register: u8,
    /// What it holds.
    pub number: Number,
    /// Multiplied by the first and divided by the second it is the value in the channel's last
    /// decimal.
    pub scale: (i32, i32),
    /// The number with which the instrument says that it has no value.
    pub none: Option<i32>,
    /// Values that the channel can mean.
    pub range: RangeInclusive<i32>,
}

/// The map of one instrument.
#[derive(Clone, Copy, Debug)]
pub struct Map {
    /// The instrument's address, 1 to 247.
    pub unit: u8,
    /// Which table.
    pub table: Table,
    /// The first register, as the protocol counts: from 0 on.
    pub first: u16,
    /// How many.
    pub count: u8,
    /// A field for each channel.
    pub fields: &'static [Field],
    /// The channels.
    pub channels: &'static [Channel],
}

/// The instrument.
pub struct Modbus<L, D> {
    line: L,
    delay: D,
    map: Map,
}

/// Bytes of an exception, and of an answer besides its registers.
const EXCEPTION_BYTES: usize = 5;
/// Set in the function of an exception.
const EXCEPTION: u8 = 0x80;

/// Whether the checksum at the end is right.
fn is_whole(frame: &[u8]) -> bool {
    let (checked, check) = frame.split_at(frame.len().saturating_sub(2));
    CHECK.checksum(checked).to_le_bytes() == check
}

enum Failure {
    Silent,
    Wrong,
}

impl<L: Read + Write, D: DelayNs> Modbus<L, D> {
    /// One on this line; none if the map has more registers or channels than there may be, or
    /// fields outside of what is read.
    pub fn new(line: L, delay: D, map: Map) -> Option<Self> {
        let counted = usize::from(map.count) <= REGISTERS_MAX
            && map.channels.len() == map.fields.len()
            && map.channels.len() <= SENSOR_CHANNELS_MAX;
        let inside = |field: &Field| {
            let words = match field.number {
                Number::U16 | Number::I16 => 1,
                Number::I32 | Number::I32Swapped => 2,
            };
            field.register + words <= map.count && field.scale.1 != 0
        };
        (counted && map.fields.iter().all(inside)).then_some(Self { line, delay, map })
    }

    async fn ask<'a>(
        &mut self,
        answer: &'a mut [u8; ANSWER_BYTES_MAX],
    ) -> Result<&'a [u8], Failure> {
        let mut request = [0; 8];
        request[0] = self.map.unit;
        request[1] = self.map.table as u8;
        request[2..4].copy_from_slice(&self.map.first.to_be_bytes());
        request[5] = self.map.count;
        let check = CHECK.checksum(&request[..6]);
        request[6..].copy_from_slice(&check.to_le_bytes());
        self.delay.delay_ms(SILENCE_MS).await;
        drain(&mut self.line);
        let silent = |_| Failure::Silent;
        self.line.write_all(&request).await.map_err(silent)?;
        self.line.flush().await.map_err(|_| Failure::Silent)?;
        let end = EXCEPTION_BYTES + 2 * usize::from(self.map.count);
        let mut length = 0;
        let mut skipped = 0;
        while skipped <= SKIPPED_MAX {
            let next = &mut answer[length..=length];
            if self.line.read_exact(next).await.is_err() {
                break;
            }
            length += 1;
            while !self.may_begin(&answer[..length]) {
                answer.copy_within(1..length, 0);
                length -= 1;
                skipped += 1;
            }
            let refused = length == EXCEPTION_BYTES && answer[1] & EXCEPTION != 0;
            if refused && is_whole(&answer[..length]) {
                return Err(Failure::Wrong);
            }
            if length == end {
                return match is_whole(&answer[..end]) {
                    true => Ok(&answer[3..end - 2]),
                    false => Err(Failure::Wrong),
                };
            }
        }
        Err(match skipped {
            0 => Failure::Silent,
            _ => Failure::Wrong,
        })
    }

    /// Whether these bytes can be the first of an answer to the request, or of a refusal of it.
    fn may_begin(&self, bytes: &[u8]) -> bool {
        let head = [self.map.unit, self.map.table as u8, 2 * self.map.count];
        match bytes {
            [unit, function, rest @ ..] if *function == head[1] | EXCEPTION => {
                *unit == head[0] && (rest.len() < EXCEPTION_BYTES - 2 || is_whole(bytes))
            }
            _ => bytes.iter().zip(head).all(|(byte, head)| *byte == head),
        }
    }
}

impl<L: Read + Write, D: DelayNs> Sensor for Modbus<L, D> {
    fn channels(&self) -> &'static [Channel] {
        self.map.channels
    }

    async fn sample(&mut self, values: &mut [Value]) {
        let mut answer = [0; ANSWER_BYTES_MAX];
        let fields = self.map.fields;
        match self.ask(&mut answer).await {
            Ok(registers) => {
                for (value, field) in values.iter_mut().zip(fields) {
                    *value = field.value(registers);
                }
            }
            Err(Failure::Silent) => values.fill(Value::MISSING),
            Err(Failure::Wrong) => values.fill(Value::FAULT),
        }
    }
}

impl Field {
    fn value(&self, registers: &[u8]) -> Value {
        let word = |at: usize| {
            let at = 2 * (usize::from(self.register) + at);
            registers
                .get(at..at + 2)
                .map_or(0, |bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
        };
        let pair = |high: u16, low: u16| (u32::from(high) << 16 | u32::from(low)) as i32;
        let raw = match self.number {
            Number::U16 => i32::from(word(0)),
            Number::I16 => i32::from(word(0) as i16),
            Number::I32 => pair(word(0), word(1)),
            Number::I32Swapped => pair(word(1), word(0)),
        };
        if self.none == Some(raw) {
            return Value::MISSING;
        }
        let scaled = i64::from(raw) * i64::from(self.scale.0) / i64::from(self.scale.1.max(1));
        match i32::try_from(scaled) {
            Ok(scaled) if self.range.contains(&scaled) => Value::good(scaled),
            Ok(scaled) => suspect(scaled),
            Err(_) => Value::FAULT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        reading::Quality,
        sensors::script::{NoDelay, Uart},
    };
    use embassy_futures::block_on;

    /// A weather transmitter: wind speed in 0.01 m/s, direction in degrees, pressure in 0.1 hPa.
    const CHANNELS: [Channel; 3] = [
        channel("wind_speed", "m/s", 2),
        channel("wind_direction", "deg", 0),
        channel("pressure", "hPa", 1),
    ];
    const FIELDS: [Field; 3] = [
        field(0, Number::U16, (1, 1), 0..=7500),
        field(1, Number::U16, (1, 1), 0..=360),
        field(2, Number::I32, (1, 10), 5000..=12_000),
    ];
    const MAP: Map = Map {
        unit: 1,
        table: Table::Holding,
        first: 0,
        count: 4,
        fields: &FIELDS,
        channels: &CHANNELS,
    };
    const REQUEST: [u8; 8] = [0x01, 0x03, 0x00, 0x00, 0x00, 0x04, 0x44, 0x09];

    const fn channel(name: &'static str, unit: &'static str, decimals: u8) -> Channel {
        Channel {
            name,
            unit: Some(unit),
            decimals,
        }
    }

    const fn field(
        register: u8,
        number: Number,
        scale: (i32, i32),
        range: RangeInclusive<i32>,
    ) -> Field {
        Field {
            register,
            number,
            scale,
            none: Some(0x7fff),
            range,
        }
    }

    fn answer(registers: [u16; 4]) -> Vec<u8> {
        let mut bytes = vec![1, 3, 8];
        bytes.extend(registers.iter().flat_map(|register| register.to_be_bytes()));
        let check = CHECK.checksum(&bytes).to_le_bytes();
        bytes.extend(check);
        bytes
    }

    fn sample(reply: &[u8]) -> [Value; 3] {
        let line = Uart::answering(&[(&REQUEST, reply)]);
        let mut sensor = Modbus::new(line, NoDelay, MAP).unwrap();
        let mut values = [Value::MISSING; 3];
        block_on(sensor.sample(&mut values));
        values
    }

    #[test]
    fn registers_become_values() {
        // 3.25 m/s from 270°, 100,860 Pa in hundredths of hPa: 0x0001_89fc.
        let values = sample(&answer([325, 270, 0x0001, 0x89fc]));
        assert_eq!(values, [325, 270, 10_086].map(Value::good));
    }

    #[test]
    fn an_exchange_from_the_literature_is_read() {
        const FIELDS: [Field; 1] = [field(0, Number::U16, (1, 1), 0..=i32::MAX)];
        let map = Map {
            unit: 0x11,
            first: 0x6b,
            count: 3,
            fields: &FIELDS,
            channels: &[CHANNELS[0]],
            ..MAP
        };
        let line = Uart::answering(&[(
            &[0x11, 0x03, 0x00, 0x6b, 0x00, 0x03, 0x76, 0x87],
            &[
                0x11, 0x03, 0x06, 0xae, 0x41, 0x56, 0x52, 0x43, 0x40, 0x49, 0xad,
            ],
        )]);
        let mut sensor = Modbus::new(line, NoDelay, map).unwrap();
        let mut values = [Value::MISSING];
        block_on(sensor.sample(&mut values));
        assert_eq!(values, [Value::good(0xae41)]);
    }

    #[test]
    fn a_flipped_bit_and_an_exception_are_faults() {
        let mut reply = answer([325, 270, 1, 2]);
        reply[4] ^= 1;
        assert_eq!(sample(&reply), [Value::FAULT; 3]);
        // Illegal data address.
        assert_eq!(sample(&[0x01, 0x83, 0x02, 0xc0, 0xf1]), [Value::FAULT; 3]);
        let mut other = answer([325, 270, 1, 2]);
        other[0] = 2;
        assert_eq!(sample(&other), [Value::FAULT; 3]);
    }

    #[test]
    fn noise_and_another_unit_are_passed_over() {
        let good = answer([325, 270, 0x0001, 0x89fc]);
        let mut other = good.clone();
        other[0] = 2;
        for noise in [&[0x00][..], &[0xff, 0x01], &[0x01, 0x03], &REQUEST, &other] {
            let values = sample(&[noise, &good].concat());
            assert_eq!(values, [325, 270, 10_086].map(Value::good), "{noise:x?}");
        }
    }

    #[test]
    fn what_went_wrong_is_over_at_the_next_sample() {
        let good = answer([325, 270, 0x0001, 0x89fc]);
        let mut other = answer([1, 2, 3, 4]);
        other[0] = 2;
        let mut longer = answer([1, 2, 3, 4]);
        longer[2] = 6;
        for (at, wrong) in [other, longer, good[..9].to_vec()].iter().enumerate() {
            let line = Uart::answering(&[(&REQUEST, wrong), (&REQUEST, &good)]);
            let mut sensor = Modbus::new(line, NoDelay, MAP).unwrap();
            let mut values = [Value::MISSING; 3];
            block_on(sensor.sample(&mut values));
            assert_ne!(values[0].quality, Quality::Good);
            block_on(sensor.sample(&mut values));
            assert_eq!(values, [325, 270, 10_086].map(Value::good), "{at}");
        }
    }

    #[test]
    fn a_late_answer_is_not_taken_for_the_next() {
        let of = |speed| answer([speed, 270, 0x0001, 0x89fc]);
        let line = Uart::answering(&[(&REQUEST, &[]), (&REQUEST, &of(2)), (&REQUEST, &of(3))]);
        let mut sensor = Modbus::new(line, NoDelay, MAP).unwrap();
        let mut values = [Value::MISSING; 3];
        block_on(sensor.sample(&mut values));
        sensor.line.old.extend(of(1));
        for speed in [2, 3] {
            block_on(sensor.sample(&mut values));
            assert_eq!(values[0], Value::good(speed));
        }
    }

    #[test]
    fn silence_is_missing() {
        assert_eq!(sample(&[]), [Value::MISSING; 3]);
        assert_eq!(sample(&answer([1, 2, 3, 4])[..7]), [Value::MISSING; 3]);
    }

    #[test]
    fn one_absurd_register_leaves_its_neighbours_alone() {
        let values = sample(&answer([0x7fff, 400, 0x0001, 0x89fc]));
        assert_eq!(values[0], Value::MISSING);
        assert_eq!(
            (values[1].scaled, values[1].quality),
            (400, Quality::Suspect)
        );
        assert_eq!(values[2], Value::good(10_086));
    }

    #[test]
    fn words_may_be_swapped_and_numbers_negative() {
        let swapped = field(0, Number::I32Swapped, (1, 1), i32::MIN..=i32::MAX);
        assert_eq!(
            swapped.value(&[0x89, 0xfc, 0x00, 0x01]),
            Value::good(0x0001_89fc)
        );
        let signed = field(0, Number::I16, (10, 1), -1000..=1000);
        assert_eq!(signed.value(&[0xff, 0xf6]), Value::good(-100));
    }

    #[test]
    fn a_map_that_reads_outside_is_refused() {
        let map = Map { count: 3, ..MAP };
        assert!(Modbus::new(Uart::default(), NoDelay, map).is_none());
    }
}
