//! The heads of one shard.

use super::head::{Head, NO_PAGE};
use crate::{Observation, SeriesId};
use parking_lot::{Mutex, RwLock};
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

const STRIPES: usize = 64;
/// Series that were registered together are appended together: neighbours share a stripe.
const NEIGHBOURS: u32 = 16;

/// One writer's heads. `append` and `checkpoint` hold `writer` throughout; readers take a
/// stripe's lock only.
pub(crate) struct Shard {
    pub(crate) id: u32,
    pub(crate) writer: Mutex<Writer>,
    pub(crate) stripes: Vec<RwLock<Stripe>>,
}

/// What only the writer of a shard needs.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    /// The number of the last checkpoint.
    pub(crate) checkpoint: u64,
    /// Rows since then.
    pub(crate) open_rows: u64,
    /// By checkpoint: the heads that begin there, and the pages it wrote.
    pub(crate) bases: BTreeMap<u64, Base>,
    /// Bytes of all pages.
    pub(crate) page_bytes: u64,
    pub(crate) head_bytes: u64,
    pub(crate) heads: u64,
    /// Series whose heads have to be looked at because their day ended.
    pub(crate) closing: Vec<u32>,
    /// The local day that `closing` was made for, by its beginning.
    pub(crate) day_us: i64,
}

/// The pages of one checkpoint, and who needs them.
#[derive(Debug, Default)]
pub(crate) struct Base {
    pub(crate) series: Vec<u32>,
    pub(crate) live: u32,
    pub(crate) pages: u32,
    pub(crate) bytes: u64,
}

/// Some heads under one lock.
#[derive(Default)]
pub(crate) struct Stripe {
    pub(crate) heads: HashMap<u32, Head, BuildHasherDefault<SeriesHasher>>,
    /// Series with rows that no checkpoint has.
    pub(crate) changed: Vec<u32>,
}

impl Shard {
    pub(crate) fn new(id: u32) -> Self {
        Self {
            id,
            writer: Mutex::new(Writer {
                day_us: i64::MIN,
                ..Writer::default()
            }),
            stripes: (0..STRIPES).map(|_| RwLock::default()).collect(),
        }
    }

    pub(crate) fn stripe_of(&self, series: SeriesId) -> usize {
        (series.0 / NEIGHBOURS) as usize % STRIPES
    }

    pub(crate) fn append(&self, observations: &[Observation]) {
        let mut writer = self.writer.lock();
        let mut rest = observations;
        while let Some(first) = rest.first() {
            let at = self.stripe_of(first.series);
            let run = rest
                .iter()
                .take_while(|row| self.stripe_of(row.series) == at)
                .count();
            let (here, after) = rest.split_at(run);
            self.stripes[at].write().append(here, &mut writer);
            rest = after;
        }
        writer.open_rows += observations.len() as u64;
    }
}

impl Stripe {
    fn append(&mut self, rows: &[Observation], writer: &mut Writer) {
        for row in rows {
            let series = row.series.0;
            let head = self.heads.entry(series).or_insert_with(|| {
                writer.heads += 1;
                Head::new(first_fill(series))
            });
            let before = head.bytes().len();
            head.push(row);
            writer.head_bytes += (head.bytes().len() - before) as u64;
            if !head.listed {
                head.listed = true;
                self.changed.push(series);
            }
        }
    }
}

/// Heads that begin together, at the first row of the city, end at different times.
pub(crate) fn first_fill(series: u32) -> u8 {
    (series.wrapping_mul(0x9e37_79b1) >> 24) as u8
}

impl Writer {
    /// Takes note that a head now begins at `checkpoint` instead of at `before`.
    pub(crate) fn rebase(&mut self, series: u32, before: u64, checkpoint: Option<u64>) {
        if let Some(base) = self.bases.get_mut(&before).filter(|_| before != NO_PAGE) {
            base.live -= 1;
        }
        if let Some(checkpoint) = checkpoint {
            let base = self.bases.entry(checkpoint).or_default();
            base.series.push(series);
            base.live += 1;
        }
    }
}

/// Spreads the dense numbers of series.
#[derive(Default)]
pub(crate) struct SeriesHasher(u64);

impl Hasher for SeriesHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u32(u32::from(byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        let mixed = (self.0 ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }
}
