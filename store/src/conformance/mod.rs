//! What every store must do, as functions that any implementation's tests can call.
//!
//! Each function asks a [`Subject`] for a fresh store and panics if it does not behave;
//! [`run_all`] calls all of them.
#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "these are tests, compiled into other crates' tests"
)]

mod charts;
mod durability;
mod model;
mod proxy;
mod reading;
mod server;
pub mod values;

pub use charts::*;
pub use durability::*;
pub use model::*;
pub use proxy::{Misdeed, Proxy};
pub use reading::*;
pub use server::QuestDbServer;

use crate::{Observation, Order, RangeQuery, SeriesId, Source, StateBatch, Store};
use nhip_wire::Quality;
use std::time::Duration;

/// A way to get at a store and to let it crash. Each subject begins with an empty one.
pub trait Subject {
    /// The implementation.
    type Store: Store;

    /// Opens what is there.
    fn open(&mut self) -> Self::Store;

    /// Ends the store as a crash of its process would, and opens it again.
    fn crash(&mut self, store: Self::Store) -> Self::Store {
        drop(store);
        self.open()
    }
}

/// One day, µs.
pub const DAY_US: i64 = 86_400_000_000;
/// Midnight of a day in UTC+7, µs since 1970 UTC.
pub const MIDNIGHT_US: i64 = 1_763_830_800_000_000;

/// Every behaviour, each with a subject of its own; against the model with so many seeds.
pub fn run_all<S: Subject>(mut subject: impl FnMut() -> S, seeds: u64) {
    shows_what_was_appended_at_once(subject());
    reads_both_ways_within_its_bounds(subject());
    keeps_readings_of_one_instant_apart(subject());
    gives_back_every_field_to_the_bit(subject());
    takes_readings_of_sixty_days_ago(subject());
    finds_a_value_at_an_instant(subject());
    an_answer_begun_is_of_one_moment(subject());
    a_checkpoint_survives_a_crash(subject());
    folding_again_after_a_crash_stores_each_reading_once(subject());
    states_of_shards_are_apart(subject());
    buckets_are_equal_and_leave_gaps(subject());
    buckets_leave_out_what_was_not_measured(subject());
    buckets_have_no_mean_where_the_sum_is_too_large(subject());
    buckets_equal_the_readings_however_they_are_kept(subject());
    an_empty_series_has_nothing(subject());
    for seed in 0..seeds {
        agrees_with_a_model(subject(), seed);
    }
}

/// A good reading without surprises: sequence `seq` of boot 1, received 12 ms later.
pub fn reading(series: u32, time_us: i64, seq: u64, value: f64) -> Observation {
    Observation {
        series: SeriesId(series),
        boot: 1,
        time_us,
        received_us: time_us + 12_000,
        value,
        seq: Some(seq),
        quality: Quality::Good,
        source: Source::Device,
    }
}

/// All of a series in a range.
pub fn read(
    store: &impl Store,
    series: u32,
    from_us: i64,
    to_us: i64,
    order: Order,
) -> Vec<Observation> {
    let series = SeriesId(series);
    let blocks = store
        .range(RangeQuery {
            series,
            from_us,
            to_us,
            order,
        })
        .unwrap();
    blocks.flat_map(Result::unwrap).collect()
}

/// All of a series.
pub fn read_all(store: &impl Store, series: u32) -> Vec<Observation> {
    read(store, series, i64::MIN / 4, i64::MAX / 4, Order::Ascending)
}

/// Lets the store do all its background work, as if it were long after `after_us`.
pub fn settle(store: &impl Store, after_us: i64) {
    store.checkpoint(0, StateBatch::default()).unwrap();
    for day in [3, 4] {
        let now_us = after_us + day * DAY_US;
        for _ in 0..10_000 {
            store.checkpoint(0, StateBatch::default()).unwrap();
            if !store.maintain(now_us, Duration::from_secs(5)).unwrap() {
                break;
            }
        }
    }
}

fn state(key: &[u8], value: &[u8]) -> StateBatch {
    StateBatch {
        changes: vec![(key.to_vec(), Some(value.to_vec()))],
    }
}

fn sorted(mut rows: Vec<Observation>) -> Vec<Observation> {
    rows.sort_by_key(|row| (row.time_us, row.boot, row.seq));
    rows
}
