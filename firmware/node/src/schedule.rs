//! When each instrument is due.

use crate::{sensor::SENSORS_MAX, time::Timekeeper};
use heapless::Vec;

/// Shortest period, s.
pub const PERIOD_MIN_S: u32 = 1;
/// Longest period, s.
pub const PERIOD_MAX_S: u32 = 86_400;

/// A sample that is early by less than this share of its period is that of the full multiple.
const EARLY_SHARE: i64 = 64;

#[derive(Clone, Copy, Debug)]
struct Entry {
    period_s: u32,
    due_us: u64,
}

/// The due times of all instruments. Each is due at the multiples of its period: of unix time
/// once the clock is set, of uptime before.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    entries: Vec<Entry, { SENSORS_MAX + 1 }>,
    jitter_us: u64,
}

impl Schedule {
    pub(crate) const fn new() -> Self {
        Self {
            entries: Vec::new(),
            jitter_us: 0,
        }
    }

    /// Delays everything by so much.
    pub(crate) fn delay(&mut self, jitter_us: u64) {
        self.jitter_us = jitter_us;
    }

    /// Adds the next instrument; a period of 0 is never due. False if there are too many.
    pub(crate) fn push(&mut self, period_s: u32) -> bool {
        let due_us = match period_s {
            0 => u64::MAX,
            _ => 0,
        };
        self.entries.push(Entry { period_s, due_us }).is_ok()
    }

    pub(crate) fn set_period(&mut self, index: usize, period_s: u32) {
        if let Some(entry) = self.entries.get_mut(index) {
            entry.period_s = period_s;
        }
    }

    /// When the next one is due, uptime µs.
    pub(crate) fn next_us(&self) -> u64 {
        self.entries
            .iter()
            .map(|entry| entry.due_us)
            .min()
            .unwrap_or(u64::MAX)
    }

    /// The first that is due.
    pub(crate) fn due(&self, now_us: u64) -> Option<usize> {
        self.entries.iter().position(|entry| entry.due_us <= now_us)
    }

    /// It was sampled, or passed over: it is due at its next multiple.
    pub(crate) fn advance(&mut self, index: usize, now_us: u64, time: &Timekeeper) {
        let jitter_us = self.jitter_us;
        if let Some(entry) = self.entries.get_mut(index) {
            entry.due_us = next_multiple(entry.period_s, now_us, jitter_us, time);
        }
    }

    /// The clock was set or stepped, or a period changed.
    pub(crate) fn align(&mut self, now_us: u64, time: &Timekeeper) {
        for index in 0..self.entries.len() {
            self.advance(index, now_us, time);
        }
    }
}

fn next_multiple(period_s: u32, now_us: u64, jitter_us: u64, time: &Timekeeper) -> u64 {
    if period_s == 0 {
        return u64::MAX;
    }
    let period_us = i64::from(period_s) * 1_000_000;
    let jitter_us = jitter_us.min(period_us as u64 / 2) as i64;
    let reference_us = time.unix_us(now_us).unwrap_or(now_us as i64) - jitter_us;
    let left_us = period_us - reference_us.rem_euclid(period_us);
    // The clock was corrected meanwhile: this is the multiple for which it has just been sampled.
    match left_us < period_us / EARLY_SHARE {
        true => now_us + (left_us + period_us) as u64,
        false => now_us + left_us as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::UnixTime;

    const S: u64 = 1_000_000;

    #[test]
    fn samples_fall_on_multiples_of_unix_time() {
        let mut time = Timekeeper::new();
        let unix = UnixTime {
            us: 1_795_327_207_500_000,
            uncertainty_us: 0,
        };
        time.set(3 * S, unix);
        let mut schedule = Schedule::new();
        schedule.push(60);
        schedule.advance(0, 3 * S, &time);
        // 1,795,327,200 is a full minute, 7.5 s before.
        assert_eq!(schedule.next_us(), 3 * S + 52_500_000);
        assert_eq!(schedule.due(schedule.next_us()), Some(0));
        let now = schedule.next_us();
        schedule.advance(0, now, &time);
        assert_eq!(schedule.next_us(), now + 60 * S);
    }

    #[test]
    fn a_clock_that_was_put_back_a_little_does_not_sample_twice() {
        let mut time = Timekeeper::new();
        let unix = |us| UnixTime {
            us,
            uncertainty_us: 0,
        };
        time.set(0, unix(1_795_327_199_990_000));
        let mut schedule = Schedule::new();
        schedule.push(60);
        schedule.advance(0, 0, &time);
        assert_eq!(schedule.next_us(), 60_010_000);
    }

    #[test]
    fn without_a_clock_they_fall_on_multiples_of_uptime() {
        let mut schedule = Schedule::new();
        schedule.push(10);
        schedule.push(0);
        assert_eq!(schedule.due(0), Some(0));
        schedule.advance(0, 12 * S, &Timekeeper::new());
        assert_eq!(schedule.next_us(), 20 * S);
    }

    #[test]
    fn jitter_delays_by_half_a_period_at_most() {
        let mut schedule = Schedule::new();
        schedule.delay(30 * S);
        schedule.push(10);
        schedule.advance(0, 0, &Timekeeper::new());
        assert_eq!(schedule.next_us(), 5 * S);
        schedule.advance(0, 5 * S, &Timekeeper::new());
        assert_eq!(schedule.next_us(), 15 * S);
    }
}
