//! Whether a device's times go with the time at which they come.

use super::{Finding, payload::Reading};

/// A newest reading that is this old, ms, is late.
const LATE_MS_MIN: i64 = 600_000;
/// What is sent later, after an outage, comes with ages that differ by more than this, ms.
const SPREAD_MS_MAX: i64 = 60_000;
/// Messages from which that can be told.
const MESSAGES_MIN: u64 = 5;

/// What messages said of their times.
#[derive(Debug, Default)]
pub(super) struct Clock {
    messages: u64,
    /// The least and the largest age of a message's newest reading, ms.
    ages: Option<(i64, i64)>,
    /// The earliest and the latest time, ms since 1970 UTC.
    times: Option<(i64, i64)>,
}

impl Clock {
    /// Takes a message's readings, and when they came.
    pub(super) fn see(&mut self, readings: &[Reading], at_ms: i64) {
        let times = readings.iter().filter_map(|reading| reading.time_ms);
        let Some((first, last)) = times.fold(None, widened) else {
            return;
        };
        self.messages += 1;
        self.ages = widened(self.ages, at_ms - last);
        self.times = widened(widened(self.times, first), last);
    }

    /// What is wrong with them.
    pub(super) fn finding(&self) -> Option<Finding> {
        let (ages, times) = self.ages.zip(self.times)?;
        match (ages, times) {
            _ if self.messages < MESSAGES_MIN => None,
            (_, (first, last)) if first == last => Some(Finding::FrozenTime(self.messages)),
            ((least, most), _) if least >= LATE_MS_MIN && most - least <= SPREAD_MS_MAX => {
                Some(Finding::Behind(least / 1_000))
            }
            _ => None,
        }
    }
}

fn widened(span: Option<(i64, i64)>, value: i64) -> Option<(i64, i64)> {
    let (least, most) = span.unwrap_or((value, value));
    Some((least.min(value), most.max(value)))
}
