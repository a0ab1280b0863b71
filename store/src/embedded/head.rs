//! The newest rows of a series, as bytes in memory.

use crate::codec::strip::{self, Context};
use crate::codec::varint::Malformed;
use crate::{Observation, SeriesId};

/// A head that is not in any page begins here.
pub(crate) const NO_PAGE: u64 = u64::MAX;

/// Room for the first rows: most heads get some dozens.
const FIRST_BYTES: usize = 112;

/// The rows of a series that are not in a part yet.
#[derive(Debug)]
pub(crate) struct Head {
    context: Context,
    bytes: Vec<u8>,
    rows: u32,
    /// How much of `bytes` pages hold.
    paged_bytes: u32,
    paged_rows: u32,
    /// The first checkpoint whose pages hold its rows.
    pub(crate) base: u64,
    /// The checkpoint that is turning it into parts, or 0.
    pub(crate) leaving: u64,
    /// The checkpoint that has dealt with it last.
    pub(crate) planned: u64,
    first_us: i64,
    last_us: i64,
    in_order: bool,
    /// Whether the shard's list of changed heads has it.
    pub(crate) listed: bool,
    /// Whether the shard counts it among its heads.
    pub(crate) counted: bool,
    /// How full it may get before it becomes a part, in 1/256: heads that began together
    /// must not end together.
    pub(crate) fill: u8,
}

impl Head {
    pub(crate) fn new(fill: u8) -> Self {
        Self {
            context: Context::default(),
            bytes: Vec::new(),
            rows: 0,
            paged_bytes: 0,
            paged_rows: 0,
            base: NO_PAGE,
            leaving: 0,
            planned: 0,
            first_us: i64::MAX,
            last_us: i64::MIN,
            in_order: true,
            listed: false,
            counted: false,
            fill,
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, row: &Observation) {
        if self.rows > 0 && self.in_order {
            let key = (row.time_us, row.boot, row.seq);
            self.in_order = self.context.sort_key() <= key;
        }
        if self.bytes.capacity() == 0 {
            self.bytes.reserve_exact(FIRST_BYTES);
        }
        self.context.encode(row, &mut self.bytes);
        self.rows += 1;
        self.first_us = self.first_us.min(row.time_us);
        self.last_us = self.last_us.max(row.time_us);
    }

    /// Takes the rows of a page, at start.
    pub(crate) fn restore(
        &mut self,
        series: SeriesId,
        strip: &[u8],
        rows: u32,
    ) -> Result<(), Malformed> {
        let before = self.rows;
        let mut reader = crate::codec::varint::Reader::new(strip);
        while !reader.is_empty() {
            let previous = self.context.sort_key();
            let row = self.context.decode(series, &mut reader)?;
            self.in_order &= self.rows == 0 || previous <= self.context.sort_key();
            self.rows += 1;
            self.first_us = self.first_us.min(row.time_us);
            self.last_us = self.last_us.max(row.time_us);
        }
        if self.rows - before != rows {
            return Err(Malformed("another number of rows than it says"));
        }
        self.bytes.extend_from_slice(strip);
        self.paged();
        Ok(())
    }

    /// Forgets the rows: parts have them now.
    pub(crate) fn empty(&mut self) {
        *self = Self {
            listed: self.listed,
            counted: self.counted,
            ..Self::new(u8::MAX)
        };
    }

    /// Pages hold all of it now.
    pub(crate) fn paged(&mut self) {
        self.paged_bytes = self.bytes.len() as u32;
        self.paged_rows = self.rows;
    }

    /// Rows and bytes that no page holds.
    pub(crate) fn unpaged(&self) -> (u32, &[u8]) {
        (
            self.rows - self.paged_rows,
            self.bytes
                .get(self.paged_bytes as usize..)
                .unwrap_or_default(),
        )
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn rows(&self) -> u32 {
        self.rows
    }

    /// The first and the last time, if it has rows.
    pub(crate) fn times(&self) -> Option<(i64, i64)> {
        (self.rows > 0).then_some((self.first_us, self.last_us))
    }

    pub(crate) fn in_order(&self) -> bool {
        self.in_order
    }

    /// Appends its rows, in order of (time, boot, seq).
    pub(crate) fn decode(
        &self,
        series: SeriesId,
        rows: &mut Vec<Observation>,
    ) -> Result<(), Malformed> {
        let before = rows.len();
        strip::decode_all(series, &self.bytes, rows)?;
        if let (false, Some(new)) = (self.in_order, rows.get_mut(before..)) {
            sort(new);
        }
        Ok(())
    }
}

/// Sorts rows of one series as readers get them.
pub(crate) fn sort(rows: &mut [Observation]) {
    rows.sort_by_key(|row| (row.time_us, row.boot, row.seq));
}
