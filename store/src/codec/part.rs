//! Rows of one series and one local day, as a head leaves them.

use super::varint::{Malformed, Reader, put};
use super::{frame, strip};
use crate::{Observation, SeriesId};

/// What stands in front of the rows of a part or chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) rows: usize,
    pub(crate) first_us: i64,
    pub(crate) last_us: i64,
}

/// The most rows that a value may claim, so that wrong bytes can't ask for memory.
pub(crate) const ROWS_MAX: usize = 1 << 24;

impl Span {
    pub(crate) fn put(self, out: &mut Vec<u8>) {
        put(out, self.rows as u64);
        out.extend_from_slice(&self.first_us.to_le_bytes());
        out.extend_from_slice(&self.last_us.to_le_bytes());
    }

    pub(crate) fn take(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let span = Self {
            rows: reader.count(ROWS_MAX)?,
            first_us: i64::from_le_bytes(reader.array()?),
            last_us: i64::from_le_bytes(reader.array()?),
        };
        if span.rows == 0 || span.first_us > span.last_us {
            return Err(Malformed("a span that ends before it begins"));
        }
        Ok(span)
    }

    /// The span of a part or chunk, from its value.
    pub(crate) fn of(value: &[u8]) -> Result<Self, Malformed> {
        Self::take(&mut Reader::new(frame::check(value)?))
    }
}

/// A part of rows that are encoded already, in order.
pub(crate) fn wrap(span: Span, strip: &[u8]) -> Vec<u8> {
    let mut out = frame::open(24 + strip.len());
    span.put(&mut out);
    out.extend_from_slice(strip);
    frame::close(out)
}

/// A part of rows in order of (time, boot, seq); they must not be empty.
pub(crate) fn encode(rows: &[Observation]) -> Option<(Span, Vec<u8>)> {
    let span = span_of(rows)?;
    let mut out = frame::open(24 + rows.len() * 8);
    span.put(&mut out);
    let mut context = strip::Context::default();
    for row in rows {
        context.encode(row, &mut out);
    }
    Some((span, frame::close(out)))
}

/// The span of rows in order, unless there are none.
pub(crate) fn span_of(rows: &[Observation]) -> Option<Span> {
    Some(Span {
        rows: rows.len(),
        first_us: rows.first()?.time_us,
        last_us: rows.last()?.time_us,
    })
}

/// Appends the rows of a part.
pub(crate) fn decode(
    series: SeriesId,
    value: &[u8],
    rows: &mut Vec<Observation>,
) -> Result<(), Malformed> {
    let mut reader = Reader::new(frame::check(value)?);
    let span = Span::take(&mut reader)?;
    let before = rows.len();
    strip::decode_all(series, reader.rest(), rows)?;
    if rows.len() - before != span.rows {
        return Err(Malformed("another number of rows than it says"));
    }
    Ok(())
}

/// Time, value and tag of the rows of a part: all that charts need.
pub(crate) fn decode_values(value: &[u8], take: impl FnMut(i64, f64, u8)) -> Result<(), Malformed> {
    let mut reader = Reader::new(frame::check(value)?);
    let span = Span::take(&mut reader)?;
    if strip::decode_values(reader.rest(), take)? != span.rows {
        return Err(Malformed("another number of rows than it says"));
    }
    Ok(())
}
