//! What the store is known to have while a batch is folded.
//!
//! A device without sequence numbers that sends a backlog again asks for one reading after
//! another of the same day. The store decodes about as much for one as for all of them.

use super::{Halt, Stored, dedupe::at_its_time};
use nhip_store::{Observation, Order, RangeQuery, SeriesId, Store, StoreError};
use std::{collections::HashMap, sync::atomic::Ordering};

const DAY_US: i64 = 86_400_000_000;

/// Readings of a day that are kept: more than one in six seconds are asked for one by one.
const DAY_READINGS_MAX: usize = 16_384;

/// Readings that are kept in all, 16 bytes each; beyond it all are forgotten.
const READINGS_MAX: usize = 262_144;

/// The answers of the store to a batch. They hold as long as the shard hands it nothing.
#[derive(Debug, Default)]
pub(crate) struct Recall {
    series: HashMap<SeriesId, Asked>,
    readings: usize,
}

/// What a series was asked for last: a day, as a number since 1970 UTC.
#[derive(Debug)]
struct Asked {
    day: i64,
    answer: Answer,
}

#[derive(Debug)]
enum Answer {
    /// It was asked for one reading.
    One,
    /// It was asked again: times and values of the whole day, in order of time.
    Day(Vec<(i64, u64)>),
    /// It was asked again, and they are too many.
    TooMany,
}

impl Recall {
    pub(crate) fn clear(&mut self) {
        self.series.clear();
        self.readings = 0;
    }

    /// Whether the store has a reading of this series, time and value.
    pub(crate) fn has(&mut self, row: &Observation, stored: &Stored) -> Result<bool, Halt> {
        if stored.may_have_itself.load(Ordering::Relaxed) {
            let bits = row.value.to_bits();
            return at_its_time(row, stored, |found| found.value.to_bits() == bits);
        }
        let day = row.time_us.div_euclid(DAY_US);
        let asked = self.series.get(&row.series);
        match asked
            .filter(|asked| asked.day == day)
            .map(|asked| &asked.answer)
        {
            Some(Answer::Day(readings)) => Ok(holds(readings, row)),
            Some(Answer::TooMany) => one(row, stored),
            Some(Answer::One) => self.load(row, day, stored),
            None => {
                let answer = Answer::One;
                self.series.insert(row.series, Asked { day, answer });
                one(row, stored)
            }
        }
    }

    fn load(&mut self, row: &Observation, day: i64, stored: &Stored) -> Result<bool, Halt> {
        if self.readings > READINGS_MAX {
            self.clear();
        }
        let answer = stored.ask(|store| answer(store, row.series, day))?;
        let has = match &answer {
            Answer::Day(readings) => {
                self.readings += readings.len();
                holds(readings, row)
            }
            Answer::One | Answer::TooMany => one(row, stored)?,
        };
        self.series.insert(row.series, Asked { day, answer });
        Ok(has)
    }
}

fn one(row: &Observation, stored: &Stored) -> Result<bool, Halt> {
    stored.ask(|store| store.contains(row.series, row.time_us, row.value))
}

fn holds(readings: &[(i64, u64)], row: &Observation) -> bool {
    let wanted = (row.time_us, row.value.to_bits());
    let from = readings.partition_point(|(time_us, _)| *time_us < row.time_us);
    let mut at_its_time = readings[from..]
        .iter()
        .take_while(|(time_us, _)| *time_us == row.time_us);
    at_its_time.any(|reading| *reading == wanted)
}

fn answer(store: &dyn Store, series: SeriesId, day: i64) -> Result<Answer, StoreError> {
    let from_us = day.saturating_mul(DAY_US);
    let query = RangeQuery {
        series,
        from_us,
        to_us: from_us.saturating_add(DAY_US),
        order: Order::Ascending,
    };
    let mut readings = Vec::new();
    for block in store.range(query)? {
        let block = block?;
        readings.extend(block.iter().map(|row| (row.time_us, row.value.to_bits())));
        if readings.len() > DAY_READINGS_MAX {
            return Ok(Answer::TooMany);
        }
    }
    Ok(Answer::Day(readings))
}
