//! A store against a sorted list, through seeded appends, checkpoints, merges and crashes.

use super::{DAY_US, MIDNIGHT_US, Subject, check_buckets, read, state};
use crate::{Observation, Order, SeriesId, Source, StateBatch, Store};
use nhip_wire::Quality;
use std::collections::BTreeMap;
use std::time::Duration;

const SERIES: u64 = 5;
const STEPS: u64 = 60;

type Key = (u32, i64, u32, Option<u64>);

/// Numbers from a seed.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

#[derive(Default)]
struct Model {
    durable: BTreeMap<Key, Observation>,
    open: Vec<Observation>,
    checkpoint: u64,
    seq: u64,
    now_us: i64,
}

impl Model {
    fn append(&mut self, random: &mut Seeded) -> Vec<Observation> {
        let rows: Vec<_> = (0..random.below(300)).map(|_| self.row(random)).collect();
        self.open.extend(&rows);
        rows
    }

    fn row(&mut self, random: &mut Seeded) -> Observation {
        self.seq += 1;
        self.now_us += random.below(240_000) as i64 * 1000;
        let late = if random.below(10) == 0 {
            random.below(6 * DAY_US as u64) as i64
        } else {
            0
        };
        let fine = random.below(20) == 0;
        Observation {
            series: SeriesId(random.below(SERIES) as u32 * 16),
            boot: (self.seq / 500) as u32,
            time_us: MIDNIGHT_US + (self.now_us - late).max(0) + i64::from(fine),
            received_us: MIDNIGHT_US + self.now_us + random.below(90) as i64 * 1000,
            value: random.below(1000) as f64 / if fine { 7.0 } else { 10.0 },
            seq: (random.below(50) > 0).then_some(self.seq),
            quality: Quality::ALL[(random.below(40) as usize).saturating_sub(34)],
            source: if random.below(9) == 0 {
                Source::Arrival
            } else {
                Source::Device
            },
        }
    }

    fn rows(&self, series: u32) -> Vec<Observation> {
        let mut rows: Vec<_> = self.durable.values().chain(&self.open).copied().collect();
        rows.retain(|row| row.series.0 == series);
        super::sorted(rows)
    }
}

/// Runs the seed's steps and compares all answers after each few of them.
pub fn agrees_with_a_model(mut subject: impl Subject, seed: u64) {
    let mut random = Seeded(seed);
    let mut model = Model::default();
    let mut store = subject.open();
    for step in 0..STEPS {
        match random.below(10) {
            0..5 => store.append(0, &model.append(&mut random)).unwrap(),
            5..7 => {
                model.checkpoint += 1;
                let number = model.checkpoint.to_le_bytes();
                store.checkpoint(0, state(b"number", &number)).unwrap();
                let open = std::mem::take(&mut model.open);
                model
                    .durable
                    .extend(open.into_iter().map(|row| (key(&row), row)));
            }
            7..9 => {
                let ahead = random.below(5) as i64 * DAY_US;
                let now_us = MIDNIGHT_US + model.now_us + ahead;
                store
                    .maintain(now_us, Duration::from_millis(random.below(20)))
                    .unwrap();
            }
            _ => {
                store = subject.crash(store);
                let number = store.state(0, b"number").unwrap();
                let expected = (model.checkpoint > 0).then(|| model.checkpoint.to_le_bytes());
                assert_eq!(number.as_deref(), expected.as_ref().map(|bytes| &bytes[..]));
                store.append(0, &model.open).unwrap();
            }
        }
        if step % 4 == 3 {
            compare(&store, &model, seed, step);
        }
    }
    store.checkpoint(0, StateBatch::default()).unwrap();
    super::settle(&store, MIDNIGHT_US + model.now_us);
    compare(&store, &model, seed, STEPS);
}

fn key(row: &Observation) -> Key {
    (
        row.series.0,
        row.time_us,
        row.boot,
        row.seq.or(Some(row.received_us as u64)),
    )
}

fn compare(store: &impl Store, model: &Model, seed: u64, step: u64) {
    for series in 0..SERIES as u32 {
        let series = series * 16;
        let expected = model.rows(series);
        let all = read(store, series, 0, i64::MAX / 4, Order::Ascending);
        assert_eq!(
            all.len(),
            expected.len(),
            "series {series}, seed {seed}, step {step}"
        );
        let ordered = all == expected || same_rows(&all, &expected);
        assert!(ordered, "series {series}, seed {seed}, step {step}");
        check_buckets(store, series);
    }
}

/// Rows without a sequence may stand in any order at one instant.
fn same_rows(a: &[Observation], b: &[Observation]) -> bool {
    let by_bits = |row: &Observation| {
        (
            row.time_us,
            row.boot,
            row.seq,
            row.received_us,
            row.value.to_bits(),
        )
    };
    let sorted = |rows: &[Observation]| {
        let mut keys: Vec<_> = rows.iter().map(by_bits).collect();
        keys.sort_unstable();
        keys
    };
    let in_order = |rows: &[Observation]| {
        rows.windows(2).all(|pair| {
            (pair[0].time_us, pair[0].boot, pair[0].seq)
                <= (pair[1].time_us, pair[1].boot, pair[1].seq)
        })
    };
    in_order(a) && sorted(a) == sorted(b)
}
