//! The bytes of one record of the queue (docs/device-flash.md).

use crate::bytes::{Reader, Writer};
use crate::reading::{Basis, Reading, Stamp, Value};
use crc::{CRC_24_OPENPGP, Crc, NoTable};
use nhip_wire::Quality;

/// Most bytes of a record's body: its length is one byte, and 0xFF is erased flash.
pub(crate) const BODY_BYTES_MAX: usize = 252;
/// The length and the checksum.
pub(crate) const PREFIX_BYTES: usize = 4;

const READINGS: u8 = 1;
const SYNCED: u8 = 2;
const ACKED: u8 = 3;
const KIND_BITS: u8 = 0b11;
const UPTIME: u8 = 1 << 2;
const DOUBTFUL: u8 = 1 << 3;
const MILLIS: u8 = 1 << 4;
const SHORT: u8 = 1 << 5;

const CHANNEL_BITS: u8 = 0b1_1111;
const STEP_FOLLOWS: u8 = 1 << 5;
const QUALITY_FOLLOWS: u8 = 1 << 6;

static CHECK: Crc<u32, NoTable> = Crc::<u32, NoTable>::new(&CRC_24_OPENPGP);

/// The checksum of a record: CRC-24 (OpenPGP) of its length byte and its body.
pub(crate) fn checksum(bytes: &[&[u8]]) -> [u8; 3] {
    let mut digest = CHECK.digest();
    for part in bytes {
        digest.update(part);
    }
    let [a, b, c, _] = digest.finalize().to_le_bytes();
    [a, b, c]
}

/// What a record says before its readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// Readings follow.
    Readings(Run),
    /// In this boot, unix time is uptime plus the offset.
    Synced { boots: u32, offset_ms: i64 },
    /// Every reading below this number is on the platform's disk.
    Acked { below: u64 },
}

/// What the readings of a record share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// How often the device had booted since this flash was formatted.
    pub(crate) boots: u32,
    /// The number of the first reading.
    pub(crate) seq: u64,
    /// When the first was measured; the others step from the one before.
    pub(crate) stamp: Stamp,
}

/// What a page says once, so that its records can be short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Base {
    /// The count of boots when the page was opened.
    pub(crate) boots: u32,
    /// The number of the page's first reading.
    pub(crate) seq: u64,
    /// Its time, s since 1970 or since boot.
    pub(crate) seconds: u32,
}

impl Base {
    /// Nothing is left out, but for what is 0.
    pub(crate) const ZERO: Self = Self {
        boots: 0,
        seq: 0,
        seconds: 0,
    };

    /// What a run has beyond it: the number and the time, if those are little.
    fn beyond(&self, run: &Run, seconds: u32) -> Option<(u64, u16)> {
        let seq = run.seq.checked_sub(self.seq)?;
        let seconds = u16::try_from(seconds.checked_sub(self.seconds)?).ok()?;
        (run.boots == self.boots).then_some((seq, seconds))
    }
}

/// Writes a record's body, reading by reading.
pub(crate) struct RunWriter<'b> {
    out: Writer<'b>,
    stamp: Stamp,
}

impl<'b> RunWriter<'b> {
    /// Begins a body; none if the time is no unsigned 32-bit number of seconds.
    pub(crate) fn new(out: &'b mut [u8], run: &Run, base: &Base) -> Option<Self> {
        let mut out = Writer::new(out);
        let ms = run.stamp.ms.rem_euclid(1000) as u16;
        let seconds = u32::try_from(run.stamp.ms.div_euclid(1000)).ok()?;
        let mut kind = READINGS;
        kind |= match run.stamp.basis {
            Basis::Exact => 0,
            Basis::Doubtful => DOUBTFUL,
            Basis::Uptime => UPTIME,
        };
        if ms != 0 {
            kind |= MILLIS;
        }
        match base.beyond(run, seconds) {
            Some((seq, seconds)) => {
                out.byte(kind | SHORT)?;
                out.varint(seq)?;
                out.bytes(&seconds.to_le_bytes())?;
            }
            None => {
                out.byte(kind)?;
                out.varint(run.boots.into())?;
                out.varint(run.seq)?;
                out.bytes(&seconds.to_le_bytes())?;
            }
        }
        if ms != 0 {
            out.bytes(&ms.to_le_bytes())?;
        }
        Some(Self {
            out,
            stamp: run.stamp,
        })
    }

    /// Adds a reading; none, and nothing is added, if it doesn't fit.
    pub(crate) fn push(&mut self, reading: &Reading) -> Option<()> {
        if reading.stamp.basis != self.stamp.basis || reading.channel > CHANNEL_BITS {
            return None;
        }
        let length = self.out.len();
        let written = self.write(reading);
        match written {
            Some(()) => self.stamp = reading.stamp,
            None => self.out.truncate(length),
        }
        written
    }

    pub(crate) fn len(&self) -> usize {
        self.out.len()
    }

    fn write(&mut self, reading: &Reading) -> Option<()> {
        let step = reading.stamp.ms - self.stamp.ms;
        let mut control = reading.channel;
        if step != 0 {
            control |= STEP_FOLLOWS;
        }
        if reading.value.quality != Quality::Good {
            control |= QUALITY_FOLLOWS;
        }
        self.out.byte(control)?;
        if step != 0 {
            self.out.zigzag(step)?;
        }
        if reading.value.quality != Quality::Good {
            self.out.byte(reading.value.quality.code())?;
        }
        // The last byte of a body is the last of a LEB128 and so never looks erased.
        self.out.zigzag(reading.value.scaled.into())
    }
}

/// Writes the body of a record that says what the clock of this boot was off by.
pub(crate) fn write_synced(out: &mut [u8], boots: u32, offset_ms: i64) -> Option<usize> {
    let mut out = Writer::new(out);
    out.byte(SYNCED)?;
    out.varint(boots.into())?;
    out.zigzag(offset_ms)?;
    Some(out.len())
}

/// Writes the body of a record that says what has been acknowledged.
pub(crate) fn write_acked(out: &mut [u8], below: u64) -> Option<usize> {
    let mut out = Writer::new(out);
    out.byte(ACKED)?;
    out.varint(below)?;
    Some(out.len())
}

/// Reads what a body in a page of this base says first, and the readings that follow.
pub(crate) fn read<'b>(body: &'b [u8], base: &Base) -> Option<(Record, Readings<'b>)> {
    let mut from = Reader::new(body);
    let kind = from.byte()?;
    let record = match kind & KIND_BITS {
        READINGS => Record::Readings(read_run(kind, &mut from, base)?),
        SYNCED => Record::Synced {
            boots: u32::try_from(from.varint()?).ok()?,
            offset_ms: from.zigzag()?,
        },
        ACKED => Record::Acked {
            below: from.varint()?,
        },
        _ => return None,
    };
    let stamp = match record {
        Record::Readings(run) => run.stamp,
        _ => {
            from = Reader::new(&[]);
            Stamp {
                ms: 0,
                basis: Basis::Uptime,
            }
        }
    };
    Some((record, Readings { from, stamp }))
}

fn read_run(kind: u8, from: &mut Reader<'_>, base: &Base) -> Option<Run> {
    let (boots, seq, seconds) = match kind & SHORT {
        0 => (
            u32::try_from(from.varint()?).ok()?,
            from.varint()?,
            u32::from_le_bytes(from.array()?),
        ),
        _ => (
            base.boots,
            base.seq.checked_add(from.varint()?)?,
            base.seconds
                .checked_add(u16::from_le_bytes(from.array()?).into())?,
        ),
    };
    let ms = match kind & MILLIS {
        0 => 0,
        _ => u16::from_le_bytes(from.array()?),
    };
    let basis = match kind & (UPTIME | DOUBTFUL) {
        0 => Basis::Exact,
        DOUBTFUL => Basis::Doubtful,
        _ => Basis::Uptime,
    };
    let stamp = Stamp {
        ms: i64::from(seconds) * 1000 + i64::from(ms),
        basis,
    };
    Some(Run { boots, seq, stamp })
}

/// The readings of a record, in the order in which they were queued.
pub(crate) struct Readings<'b> {
    from: Reader<'b>,
    stamp: Stamp,
}

impl Readings<'_> {
    fn read(&mut self) -> Option<Reading> {
        let control = self.from.byte()?;
        if control & STEP_FOLLOWS != 0 {
            self.stamp.ms = self.stamp.ms.checked_add(self.from.zigzag()?)?;
        }
        let quality = match control & QUALITY_FOLLOWS {
            0 => Quality::Good,
            _ => Quality::from_code(self.from.byte()?)?,
        };
        let scaled = i32::try_from(self.from.zigzag()?).ok()?;
        Some(Reading {
            channel: control & CHANNEL_BITS,
            value: Value { scaled, quality },
            stamp: self.stamp,
        })
    }
}

impl Iterator for Readings<'_> {
    type Item = Reading;

    fn next(&mut self) -> Option<Reading> {
        if self.from.is_empty() {
            return None;
        }
        self.read()
    }
}

#[cfg(test)]
mod tests;
