//! The new bytes of many heads in one value.

use super::frame;
use super::varint::{Malformed, Reader, put};
use crate::SeriesId;

const BEGINS: u8 = 1;

/// What a page says of one series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub(crate) series: SeriesId,
    /// Whether the head begins anew with these bytes.
    pub(crate) begins: bool,
    pub(crate) rows: u32,
    pub(crate) strip: &'a [u8],
}

/// Collects entries into pages of about a size.
pub(crate) struct Pages {
    bytes_max: usize,
    open: Vec<u8>,
    closed: Vec<Vec<u8>>,
}

impl Pages {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            open: Vec::new(),
            closed: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, entry: Entry<'_>) {
        if self.open.is_empty() {
            self.open = frame::open(self.bytes_max + self.bytes_max / 4);
        }
        put(&mut self.open, u64::from(entry.series.0));
        self.open.push(if entry.begins { BEGINS } else { 0 });
        put(&mut self.open, u64::from(entry.rows));
        put(&mut self.open, entry.strip.len() as u64);
        self.open.extend_from_slice(entry.strip);
        if self.open.len() >= self.bytes_max {
            self.closed
                .push(frame::close(std::mem::take(&mut self.open)));
        }
    }

    pub(crate) fn finish(mut self) -> Vec<Vec<u8>> {
        if !self.open.is_empty() {
            self.closed.push(frame::close(self.open));
        }
        self.closed
    }
}

/// The entries of a page, one after the other.
pub(crate) struct Entries<'a> {
    reader: Reader<'a>,
}

impl<'a> Entries<'a> {
    pub(crate) fn new(value: &'a [u8]) -> Result<Self, Malformed> {
        Ok(Self {
            reader: Reader::new(frame::check(value)?),
        })
    }

    fn entry(&mut self) -> Result<Entry<'a>, Malformed> {
        let series = u32::try_from(self.reader.varint()?)
            .map_err(|_| Malformed("a series of more than 32 bits"))?;
        let begins = self.reader.byte()? & BEGINS != 0;
        let rows = u32::try_from(self.reader.varint()?)
            .map_err(|_| Malformed("too many rows in a page"))?;
        let length = self.reader.count(usize::MAX)?;
        let strip = self.reader.take(length)?;
        Ok(Entry {
            series: SeriesId(series),
            begins,
            rows,
            strip,
        })
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        (!self.reader.is_empty()).then(|| self.entry())
    }
}
