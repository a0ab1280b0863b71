//! Station instruments by Modbus RTU (Modbus over serial line V1.02, application protocol V1.1b3).
//!
//! One instrument is one request for a run of registers, and a map of them to channels. The line is
//! drained before it is asked; noise and other units' answers are passed over. A wrong checksum, an
//! exception, or nothing but noise is a `fault`, silence `missing`; a register
//! that says the manufacturer's "no value" is `missing` alone, and a value beyond what the
//! channel can mean is `suspect`. A second of silence where an answer is due ends the wait.
//!
//! Several instruments on one RS-485 line share it by [`super::SharedLine`].

mod number;

pub use number::{Field, Number};

use super::drain;
use crate::{
    reading::{Channel, Value},
    sensor::{SENSOR_CHANNELS_MAX, Sensor},
};
use crc::{CRC_16_MODBUS, Crc, NoTable};
use embassy_futures::select::{Either, select};
use embedded_hal_async::delay::DelayNs;
use embedded_io_async::{Read, Write};

/// Most registers of one request.
pub const REGISTERS_MAX: usize = 32;
const ANSWER_BYTES_MAX: usize = 5 + 2 * REGISTERS_MAX;
/// Bytes that are passed over at most in search of the answer: the longest frame there is.
const SKIPPED_MAX: usize = 256;
/// Bits of a character, with start, parity and stop.
const CHARACTER_BITS: u64 = 11;
/// The least silence between two frames, above 19,200 baud, µs.
const SILENCE_US_MIN: u32 = 1_750;
/// How long the line may be silent where the rest of an answer is due, ms.
const WAIT_MS: u32 = 1_000;
/// What most instruments are set to when they are bought.
const BAUD: u32 = 9_600;

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
    silence_us: u32,
}

/// 3.5 characters of silence, which part two frames, µs.
const fn silence_us(baud: u32) -> u32 {
    let baud = if baud == 0 { 1 } else { baud };
    let us = (35 * CHARACTER_BITS * 100_000).div_ceil(baud as u64);
    match us {
        ..1_750 => SILENCE_US_MIN,
        _ => us as u32,
    }
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
    /// One on this line of 9600 baud; none if the map has more registers or channels than there
    /// may be, or fields outside of what is read.
    pub fn new(line: L, delay: D, map: Map) -> Option<Self> {
        let counted = usize::from(map.count) <= REGISTERS_MAX
            && map.channels.len() == map.fields.len()
            && map.channels.len() <= SENSOR_CHANNELS_MAX;
        let inside = map.fields.iter().all(|field| field.fits(map.count));
        (counted && inside).then_some(Self {
            line,
            delay,
            map,
            silence_us: silence_us(BAUD),
        })
    }

    /// Says that the line has another speed: the slower, the longer the silence between frames.
    #[must_use]
    pub fn at_baud(mut self, baud: u32) -> Self {
        self.silence_us = silence_us(baud);
        self
    }

    /// The next byte; none if the line fails or stays silent.
    async fn byte(&mut self) -> Option<u8> {
        let mut next = [0];
        let read = self.line.read_exact(&mut next);
        match select(read, self.delay.delay_ms(WAIT_MS)).await {
            Either::First(Ok(())) => Some(next[0]),
            _ => None,
        }
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
        self.delay.delay_us(self.silence_us).await;
        drain(&mut self.line);
        let silent = |_| Failure::Silent;
        self.line.write_all(&request).await.map_err(silent)?;
        self.line.flush().await.map_err(|_| Failure::Silent)?;
        let end = EXCEPTION_BYTES + 2 * usize::from(self.map.count);
        let mut length = 0;
        let mut skipped = 0;
        while skipped <= SKIPPED_MAX {
            let Some(next) = self.byte().await else {
                break;
            };
            answer[length] = next;
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

#[cfg(test)]
mod tests;
