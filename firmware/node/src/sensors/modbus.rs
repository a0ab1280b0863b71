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
mod tests;
