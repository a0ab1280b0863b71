//! Rows as changes to the row before: cheap to append to, about six bytes a row.

use super::decimal;
use super::varint::{Malformed, Reader, put, put_signed};
use crate::{Observation, SeriesId, Source};
use nhip_wire::Quality;

const TIMES_MS: u8 = 1;
const VALUE_SAME: u8 = 0;
const VALUE_DECIMAL: u8 = 1 << 1;
const VALUE_SCALE: u8 = 2 << 1;
const VALUE_BITS: u8 = 3 << 1;
const VALUE_MASK: u8 = 3 << 1;
const SEQ_STEADY: u8 = 1 << 3;
const CHANGES: u8 = 1 << 4;

const CHANGE_BOOT: u8 = 1;
const CHANGE_TAG: u8 = 1 << 1;
const CHANGE_SEQ_NONE: u8 = 1 << 2;
const CHANGE_SEQ: u8 = 2 << 2;
const CHANGE_SEQ_MASK: u8 = 3 << 2;

/// What a row is encoded against: the row before it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Context {
    time: i64,
    step: i64,
    latency: i64,
    mantissa: i64,
    value_bits: u64,
    seq: u64,
    seq_step: u64,
    boot: u32,
    scale: u8,
    tag: u8,
    has_seq: bool,
}

impl Context {
    /// Where the last row sorts among those of its series.
    pub(crate) fn sort_key(&self) -> (i64, u32, Option<u64>) {
        (self.time, self.boot, self.has_seq.then_some(self.seq))
    }

    /// Appends a row to `out`.
    pub(crate) fn encode(&mut self, row: &Observation, out: &mut Vec<u8>) {
        let control_at = out.len();
        out.push(0);
        let mut control = self.encode_times(row, out);
        control |= self.encode_value(row.value, out);
        let mut changes = self.sequence_change(row, &mut control);
        if row.boot != self.boot {
            changes |= CHANGE_BOOT;
        }
        let tag = tag(row);
        if tag != self.tag {
            changes |= CHANGE_TAG;
        }
        if changes != 0 {
            control |= CHANGES;
            self.encode_changes(changes, row, tag, out);
        }
        self.take_sequence(row.seq);
        self.boot = row.boot;
        self.tag = tag;
        out[control_at] = control;
    }

    fn encode_times(&mut self, row: &Observation, out: &mut Vec<u8>) -> u8 {
        let latency = row.received_us.wrapping_sub(row.time_us);
        let step = row.time_us.wrapping_sub(self.time);
        let step_change = step.wrapping_sub(self.step);
        let latency_change = latency.wrapping_sub(self.latency);
        self.take_times(row.time_us, step, latency);
        if step_change % 1000 == 0 && latency_change % 1000 == 0 {
            put_signed(out, step_change / 1000);
            put_signed(out, latency_change / 1000);
            TIMES_MS
        } else {
            put_signed(out, step_change);
            put_signed(out, latency_change);
            0
        }
    }

    // The step to the first row is from 1970: no step to expect again.
    fn take_times(&mut self, time: i64, step: i64, latency: i64) {
        self.step = if self.time == 0 { 0 } else { step };
        self.time = time;
        self.latency = latency;
    }

    fn encode_value(&mut self, value: f64, out: &mut Vec<u8>) -> u8 {
        let bits = value.to_bits();
        if bits == self.value_bits {
            return VALUE_SAME;
        }
        self.value_bits = bits;
        if let Some(mantissa) = decimal::mantissa(value, self.scale) {
            put_signed(out, mantissa.wrapping_sub(self.mantissa));
            self.mantissa = mantissa;
            VALUE_DECIMAL
        } else if let Some((scale, mantissa)) = decimal::scale_of(value, 0) {
            out.push(scale);
            put_signed(out, mantissa);
            self.scale = scale;
            self.mantissa = mantissa;
            VALUE_SCALE
        } else {
            out.extend_from_slice(&bits.to_le_bytes());
            VALUE_BITS
        }
    }

    fn sequence_change(&self, row: &Observation, control: &mut u8) -> u8 {
        match row.seq {
            None if self.has_seq => CHANGE_SEQ_NONE,
            None => 0,
            Some(seq) if self.has_seq && seq.wrapping_sub(self.seq) == self.seq_step => {
                *control |= SEQ_STEADY;
                0
            }
            Some(_) => CHANGE_SEQ,
        }
    }

    fn encode_changes(&self, changes: u8, row: &Observation, tag: u8, out: &mut Vec<u8>) {
        out.push(changes);
        if changes & CHANGE_BOOT != 0 {
            put(out, u64::from(row.boot));
        }
        if changes & CHANGE_TAG != 0 {
            out.push(tag);
        }
        if let (CHANGE_SEQ, Some(seq)) = (changes & CHANGE_SEQ_MASK, row.seq) {
            put_signed(out, seq.wrapping_sub(self.seq) as i64);
        }
    }

    fn take_sequence(&mut self, seq: Option<u64>) {
        if let Some(seq) = seq {
            self.seq_step = if self.has_seq {
                seq.wrapping_sub(self.seq)
            } else {
                1
            };
            self.seq = seq;
        }
        self.has_seq = seq.is_some();
    }

    /// Takes one row from the front of `reader`.
    pub(crate) fn decode(
        &mut self,
        series: SeriesId,
        reader: &mut Reader<'_>,
    ) -> Result<Observation, Malformed> {
        let seq = self.advance(reader)?;
        let (quality, source) = untag(self.tag)?;
        Ok(Observation {
            series,
            boot: self.boot,
            time_us: self.time,
            received_us: self.time.wrapping_add(self.latency),
            value: f64::from_bits(self.value_bits),
            seq,
            quality,
            source,
        })
    }

    /// Goes on to the row at the front of `reader`; its sequence.
    #[inline]
    fn advance(&mut self, reader: &mut Reader<'_>) -> Result<Option<u64>, Malformed> {
        let control = reader.byte()?;
        self.decode_times(control, reader)?;
        self.decode_value(control, reader)?;
        let changes = if control & CHANGES != 0 {
            reader.byte()?
        } else {
            0
        };
        if changes & CHANGE_BOOT != 0 {
            self.boot = u32::try_from(reader.varint()?)
                .map_err(|_| Malformed("a boot counter of more than 32 bits"))?;
        }
        if changes & CHANGE_TAG != 0 {
            self.tag = reader.byte()?;
        }
        let seq = self.decode_sequence(control, changes, reader)?;
        self.take_sequence(seq);
        Ok(seq)
    }

    #[inline]
    fn decode_times(&mut self, control: u8, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        let unit = if control & TIMES_MS != 0 { 1000 } else { 1 };
        let step = self.step.wrapping_add(reader.signed()?.wrapping_mul(unit));
        let latency = self
            .latency
            .wrapping_add(reader.signed()?.wrapping_mul(unit));
        self.take_times(self.time.wrapping_add(step), step, latency);
        Ok(())
    }

    #[inline]
    fn decode_value(&mut self, control: u8, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        match control & VALUE_MASK {
            VALUE_DECIMAL => self.mantissa = self.mantissa.wrapping_add(reader.signed()?),
            VALUE_SCALE => {
                self.scale = reader.byte()?;
                self.mantissa = reader.signed()?;
            }
            VALUE_BITS => {
                self.value_bits = u64::from_le_bytes(reader.array()?);
                return Ok(());
            }
            _ => return Ok(()),
        }
        if self.scale > decimal::SCALE_MAX {
            return Err(Malformed("a decimal of too many places"));
        }
        self.value_bits = decimal::value(self.mantissa, self.scale).to_bits();
        Ok(())
    }

    #[inline]
    fn decode_sequence(
        &self,
        control: u8,
        changes: u8,
        reader: &mut Reader<'_>,
    ) -> Result<Option<u64>, Malformed> {
        if control & SEQ_STEADY != 0 {
            return Ok(Some(self.seq.wrapping_add(self.seq_step)));
        }
        match changes & CHANGE_SEQ_MASK {
            CHANGE_SEQ => Ok(Some(self.seq.wrapping_add(reader.signed()? as u64))),
            0 if self.has_seq => Err(Malformed("a row without its sequence")),
            _ => Ok(None),
        }
    }
}

/// Every row of a strip, appended to `rows`; gives the context to go on from.
pub(crate) fn decode_all(
    series: SeriesId,
    bytes: &[u8],
    rows: &mut Vec<Observation>,
) -> Result<Context, Malformed> {
    let mut context = Context::default();
    let mut reader = Reader::new(bytes);
    while !reader.is_empty() {
        rows.push(context.decode(series, &mut reader)?);
    }
    Ok(context)
}

/// Time, value and tag of every row of a strip: all that charts need. Gives their number.
pub(crate) fn decode_values(
    bytes: &[u8],
    mut take: impl FnMut(i64, f64, u8),
) -> Result<usize, Malformed> {
    let mut context = Context::default();
    let mut reader = Reader::new(bytes);
    let mut rows = 0;
    while !reader.is_empty() {
        context.advance(&mut reader)?;
        take(
            context.time,
            f64::from_bits(context.value_bits),
            context.tag,
        );
        rows += 1;
    }
    Ok(rows)
}

/// Quality and source in one byte.
pub(crate) const fn tag(row: &Observation) -> u8 {
    row.quality.code() | (row.source as u8) << 7
}

/// The quality and source of such a byte.
pub(crate) fn untag(tag: u8) -> Result<(Quality, Source), Malformed> {
    let quality = Quality::from_code(tag & 0x7f).ok_or(Malformed("an unknown quality"))?;
    let source = if tag & 0x80 == 0 {
        Source::Device
    } else {
        Source::Arrival
    };
    Ok((quality, source))
}
