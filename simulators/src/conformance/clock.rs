//! Whether a device's times go with the time at which they come, and with its numbers.

use super::{Finding, payload::Reading};
use std::collections::HashMap;

/// How wrong the contract lets a clock be without the flag, ms.
const CLOCK_MS_MAX: i64 = 5_000;
/// How long a device may hold a message back, so that a fleet doesn't send in one second, ms.
const HELD_BACK_MS_MAX: i64 = 30_000;
/// What is sent later, after an outage, comes with ages that differ by more than this, ms.
const SPREAD_MS_MAX: i64 = 60_000;
/// Messages from which that can be told.
const MESSAGES_MIN: u64 = 5;
/// A time that is earlier than the one before by less is rounding, ms.
const BACKWARDS_MS_MIN: i64 = 1_000;
/// Steps back from which it is none of a clock that was put right.
const BACKWARDS_MIN: u64 = 2;
/// Datastreams that are followed at most.
const DATASTREAMS_MAX: usize = 10_000;

/// What messages said of their times.
#[derive(Debug, Default)]
pub(super) struct Clock {
    messages: u64,
    /// The least and the largest age of a message's newest reading, ms, without those that say
    /// themselves that their time is doubtful.
    ages: Option<(i64, i64)>,
    /// When the first and the last of these came, ms since 1970 UTC.
    arrivals: Option<(i64, i64)>,
    /// The longest step from the newest time to a newer one, ms: the device may well have had
    /// nothing newer to send for so long.
    pause_ms: i64,
    /// The earliest and the latest time, ms since 1970 UTC.
    times: Option<(i64, i64)>,
    datastreams: HashMap<String, Last>,
}

/// The last reading of a datastream: its number, its time, ms, and the steps back so far.
#[derive(Debug)]
struct Last {
    number: (u64, u64),
    time_ms: i64,
    steps: u64,
}

impl Clock {
    /// Takes a message's readings, and when they came.
    pub(super) fn see(&mut self, readings: &[Reading], at_ms: i64) {
        let mut newest = None;
        let mut dated = false;
        for reading in readings {
            let Some(time_ms) = reading.time.at_ms() else {
                continue;
            };
            dated = true;
            if let Some((_, last)) = self.times
                && time_ms > last
            {
                self.pause_ms = self.pause_ms.max(time_ms - last);
            }
            self.times = widened(self.times, time_ms);
            if !reading.clock_doubtful {
                newest = newest.max(Some(time_ms));
                self.follow(reading, time_ms);
            }
        }
        self.messages += u64::from(dated);
        if let Some(newest_ms) = newest {
            self.ages = widened(self.ages, at_ms.saturating_sub(newest_ms));
            self.arrivals = widened(self.arrivals, at_ms);
        }
    }

    fn follow(&mut self, reading: &Reading, time_ms: i64) {
        let Some(number) = reading.number else {
            return;
        };
        let full = self.datastreams.len() >= DATASTREAMS_MAX;
        match self.datastreams.get_mut(&reading.datastream) {
            None if full => {}
            None => {
                let steps = 0;
                let last = Last {
                    number,
                    time_ms,
                    steps,
                };
                self.datastreams.insert(reading.datastream.clone(), last);
            }
            Some(last) if number > last.number => {
                let back = last.time_ms.saturating_sub(time_ms) >= BACKWARDS_MS_MIN;
                last.steps += u64::from(back && number.0 == last.number.0);
                (last.number, last.time_ms) = (number, time_ms);
            }
            Some(_) => {}
        }
    }

    /// What is wrong with them.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let steps = self.datastreams.values().map(|last| last.steps).max();
        let steps = steps.filter(|steps| *steps >= BACKWARDS_MIN);
        let backwards = steps.map(Finding::Backwards);
        self.late().into_iter().chain(backwards).collect()
    }

    fn late(&self) -> Option<Finding> {
        let (first, last) = self.times?;
        if self.messages < MESSAGES_MIN {
            return None;
        }
        if first == last {
            return Some(Finding::FrozenTime(self.messages));
        }
        let ((least, most), (from, to)) = self.ages.zip(self.arrivals)?;
        let spread = most.saturating_sub(least);
        // What waited in a queue gets younger while it is sent.
        let steady = spread <= SPREAD_MS_MAX && spread < to.saturating_sub(from);
        let due_ms = self.pause_ms + HELD_BACK_MS_MAX + CLOCK_MS_MAX;
        (steady && least > due_ms).then_some(Finding::Behind(least / 1_000))
    }
}

fn widened(span: Option<(i64, i64)>, value: i64) -> Option<(i64, i64)> {
    let (least, most) = span.unwrap_or((value, value));
    Some((least.min(value), most.max(value)))
}
