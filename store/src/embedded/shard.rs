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
    blocks: Blocks,
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
        let block = |row: &Observation| row.series.0 / NEIGHBOURS;
        for run in observations.chunk_by(|a, b| block(a) == block(b)) {
            if let Some(first) = run.first() {
                let at = self.stripe_of(first.series);
                self.stripes[at].write().append(run, &mut writer);
            }
        }
        writer.open_rows += observations.len() as u64;
    }
}

impl Stripe {
    /// Appends rows of neighbours: one look-up for all of them.
    fn append(&mut self, rows: &[Observation], writer: &mut Writer) {
        let Some(first) = rows.first() else {
            return;
        };
        let heads = block(&mut self.blocks, first.series);
        for row in rows {
            let head = &mut heads[(row.series.0 % NEIGHBOURS) as usize];
            let before = head.bytes().len();
            head.push(row);
            writer.head_bytes += (head.bytes().len() - before) as u64;
            if !head.listed {
                head.listed = true;
                self.changed.push(row.series.0);
                writer.heads += u64::from(!std::mem::replace(&mut head.counted, true));
            }
        }
    }

    /// The head of a series, if it or a neighbour ever had rows.
    pub(crate) fn head(&self, series: SeriesId) -> Option<&Head> {
        let heads = self.blocks.get(&(series.0 / NEIGHBOURS))?;
        heads.get((series.0 % NEIGHBOURS) as usize)
    }

    pub(crate) fn head_mut(&mut self, series: SeriesId) -> Option<&mut Head> {
        let heads = self.blocks.get_mut(&(series.0 / NEIGHBOURS))?;
        heads.get_mut((series.0 % NEIGHBOURS) as usize)
    }

    /// The head of a series, made if there is none.
    pub(crate) fn head_or_new(&mut self, series: SeriesId) -> &mut Head {
        &mut block(&mut self.blocks, series)[(series.0 % NEIGHBOURS) as usize]
    }

    /// The series whose heads have rows.
    pub(crate) fn filled(&self) -> impl Iterator<Item = u32> {
        self.blocks.iter().flat_map(|(&block, heads)| {
            let filled = heads.iter().enumerate().filter(|(_, head)| head.rows() > 0);
            filled.map(move |(index, _)| block * NEIGHBOURS + index as u32)
        })
    }
}

type Blocks = HashMap<u32, Box<[Head; NEIGHBOURS as usize]>, BuildHasherDefault<SeriesHasher>>;

fn block(blocks: &mut Blocks, series: SeriesId) -> &mut [Head; NEIGHBOURS as usize] {
    let number = series.0 / NEIGHBOURS;
    blocks.entry(number).or_insert_with(|| {
        let head = |index: usize| Head::new(first_fill(number * NEIGHBOURS + index as u32));
        Box::new(std::array::from_fn(head))
    })
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
