//! When each instrument is due.

use crate::{sensor::SENSORS_MAX, time::Timekeeper};
use heapless::Vec;

/// Shortest period, s.
pub const PERIOD_MIN_S: u32 = 1;
/// Longest period, s.
pub const PERIOD_MAX_S: u32 = 86_400;
/// Silent instruments are asked one time in so many: the others have the rest.
pub const SILENT_SHARE: u64 = 4;
/// Longest time for which none of them is asked, µs.
const HELD_MAX_US: u64 = 600_000_000;

#[derive(Clone, Copy, Debug)]
struct Entry {
    period_s: u32,
    /// When it is due, uptime µs.
    due_us: u64,
    /// The multiple for which it is due; none: no multiple, at once.
    due: Option<Moment>,
    /// The multiple for which it was sampled last.
    taken: Option<Moment>,
    /// It gave nothing when it was sampled last.
    silent: bool,
}

/// A moment of unix time, or of uptime while the clock isn't set, µs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Moment {
    us: i64,
    unix: bool,
}

/// The due times of all instruments. Each is due at the multiples of its period: of unix time
/// once the clock is set, of uptime before.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    entries: Vec<Entry, { SENSORS_MAX + 1 }>,
    jitter_us: u64,
    /// Until then no silent instrument is asked, uptime µs.
    held_until_us: u64,
}

impl Schedule {
    pub(crate) const fn new() -> Self {
        Self {
            entries: Vec::new(),
            jitter_us: 0,
            held_until_us: 0,
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
        let entry = Entry {
            period_s,
            due_us,
            due: None,
            taken: None,
            silent: false,
        };
        self.entries.push(entry).is_ok()
    }

    /// Samples an instrument so often; one that is due stays so.
    pub(crate) fn set_period(
        &mut self,
        index: usize,
        period_s: u32,
        now_us: u64,
        time: &Timekeeper,
    ) {
        let jitter_us = self.jitter_us;
        if let Some(entry) = self.entries.get_mut(index)
            && entry.period_s != period_s
        {
            entry.period_s = period_s;
            if entry.due_us > now_us {
                entry.plan(now_us, jitter_us, time);
            }
        }
    }

    /// When the next one is due, uptime µs.
    pub(crate) fn next_us(&self) -> u64 {
        self.entries
            .iter()
            .map(|entry| self.turn_us(entry))
            .min()
            .unwrap_or(u64::MAX)
    }

    /// The one that has been due for the longest time.
    pub(crate) fn due(&self, now_us: u64) -> Option<usize> {
        let entries = self.entries.iter().enumerate();
        let due = entries.filter(|(_, entry)| self.turn_us(entry) <= now_us);
        let (index, _) = due.min_by_key(|(_, entry)| entry.due_us)?;
        Some(index)
    }

    /// Notes whether an instrument gave nothing in the time that it took. All silent ones together
    /// then wait until they have taken their share of the time and no more.
    pub(crate) fn heard(&mut self, index: usize, began_us: u64, now_us: u64, silent: bool) {
        if let Some(entry) = self.entries.get_mut(index) {
            entry.silent = silent;
        }
        if silent {
            let took_us = now_us.saturating_sub(began_us);
            let until_us = self.held_until_us.max(began_us) + took_us * SILENT_SHARE;
            self.held_until_us = until_us.min(now_us + HELD_MAX_US);
        }
    }

    /// When it is an instrument's turn, if no other is in its way.
    fn turn_us(&self, entry: &Entry) -> u64 {
        match entry.silent {
            true => entry.due_us.max(self.held_until_us),
            false => entry.due_us,
        }
    }

    /// It was sampled: it is due at its next multiple.
    pub(crate) fn advance(&mut self, index: usize, now_us: u64, time: &Timekeeper) {
        let jitter_us = self.jitter_us;
        if let Some(entry) = self.entries.get_mut(index) {
            entry.taken = entry.due;
            entry.plan(now_us, jitter_us, time);
        }
    }

    /// The device has started: the first multiples are ahead.
    pub(crate) fn begin(&mut self, now_us: u64, time: &Timekeeper) {
        for entry in &mut self.entries {
            entry.plan(now_us, self.jitter_us, time);
        }
    }

    /// The clock was set or stepped. What is due stays so, also where the clock was put forward
    /// over its multiple.
    pub(crate) fn align(&mut self, now_us: u64, time: &Timekeeper) {
        for entry in &mut self.entries {
            let reference = entry.reference(now_us, self.jitter_us, time);
            let before_us = entry.due_us;
            match entry.due {
                Some(due) if before_us > now_us && due.unix == reference.unix => {
                    match due.us <= reference.us {
                        true => entry.due_us = now_us,
                        false => entry.plan(now_us, self.jitter_us, time),
                    }
                }
                // Multiples of uptime become those of unix time: none is put off by that.
                Some(_) if before_us > now_us => {
                    entry.plan(now_us, self.jitter_us, time);
                    entry.due_us = entry.due_us.min(before_us);
                }
                _ => {}
            }
        }
    }
}

impl Entry {
    /// Makes it due at the next multiple for which it was not sampled yet.
    fn plan(&mut self, now_us: u64, jitter_us: u64, time: &Timekeeper) {
        if self.period_s == 0 {
            self.due_us = u64::MAX;
            return;
        }
        let period_us = i64::from(self.period_s) * 1_000_000;
        let reference = self.reference(now_us, jitter_us, time);
        let mut left_us = period_us - reference.us.rem_euclid(period_us);
        let next = |left_us| Moment {
            us: reference.us + left_us,
            ..reference
        };
        if self.taken == Some(next(left_us)) {
            // The clock was put back, behind the multiple for which it has just been sampled.
            left_us += period_us;
        }
        self.due = Some(next(left_us));
        self.due_us = now_us + left_us as u64;
    }

    /// What multiples are counted from: the present, less the jitter.
    fn reference(&self, now_us: u64, jitter_us: u64, time: &Timekeeper) -> Moment {
        let jitter_us = jitter_us.min(u64::from(self.period_s) * 500_000);
        let unix_us = time.unix_us(now_us);
        Moment {
            us: unix_us.unwrap_or(now_us as i64) - jitter_us as i64,
            unix: unix_us.is_some(),
        }
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
        time.believe(3 * S, unix);
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

    fn unix(us: i64) -> UnixTime {
        UnixTime {
            us,
            uncertainty_us: 0,
        }
    }

    /// 2026-11-22T06:00:00Z.
    const HOUR_US: i64 = 1_795_327_200_000_000;

    #[test]
    fn a_clock_that_was_put_back_a_little_does_not_sample_twice() {
        let mut time = Timekeeper::new();
        time.believe(0, unix(HOUR_US - 60 * S as i64));
        let mut schedule = Schedule::new();
        schedule.push(60);
        schedule.begin(0, &time);
        assert_eq!(schedule.next_us(), 60 * S);
        // While it is sampled the clock is put back by 10 ms.
        time.believe(60 * S, unix(HOUR_US - 10_000));
        schedule.advance(0, 60 * S, &time);
        assert_eq!(schedule.next_us(), 120 * S + 10_000);
        schedule.align(60 * S, &time);
        assert_eq!(schedule.next_us(), 120 * S + 10_000);
    }

    #[test]
    fn a_sample_that_is_due_soon_is_not_passed_over_when_the_clock_is_set() {
        for period_s in [60, 900, 3600, 86_400] {
            let mut time = Timekeeper::new();
            time.believe(0, unix(HOUR_US - 40 * S as i64));
            let mut schedule = Schedule::new();
            schedule.push(period_s);
            schedule.begin(0, &time);
            let due_us = schedule.next_us();
            for before_us in [30 * S, S, 1000] {
                let now_us = due_us - before_us;
                time.believe(now_us, unix(HOUR_US - 40 * S as i64 + now_us as i64));
                schedule.align(now_us, &time);
                assert_eq!(schedule.next_us(), due_us, "{period_s} {before_us}");
            }
        }
    }

    #[test]
    fn a_clock_put_forward_over_a_multiple_makes_it_due_at_once() {
        let mut time = Timekeeper::new();
        time.believe(0, unix(HOUR_US - 40 * S as i64));
        let mut schedule = Schedule::new();
        schedule.push(3600);
        schedule.begin(0, &time);
        let now_us = 39_400_000;
        time.believe(now_us, unix(HOUR_US + 100_000));
        schedule.align(now_us, &time);
        assert_eq!(schedule.next_us(), now_us);
        schedule.advance(0, now_us, &time);
        assert_eq!(schedule.next_us(), now_us + 3600 * S - 100_000);
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
    fn what_has_been_due_for_the_longest_time_has_its_turn() {
        let time = Timekeeper::new();
        let mut schedule = Schedule::new();
        for period_s in [5, 5, 60] {
            schedule.push(period_s);
        }
        schedule.begin(0, &time);
        schedule.advance(0, 58 * S, &time);
        schedule.advance(1, 59 * S, &time);
        // All became due at 60 s; the first two are due again when the next one's turn is over.
        for (now_s, index) in [(60, 0), (65, 1), (70, 2), (75, 0), (80, 1)] {
            assert_eq!(schedule.due(now_s * S), Some(index), "{now_s} s");
            schedule.advance(index, (now_s + 5) * S, &time);
        }
    }

    #[test]
    fn silent_ones_wait_until_they_have_had_their_share_of_the_time() {
        let time = Timekeeper::new();
        let mut schedule = Schedule::new();
        schedule.push(1);
        schedule.push(1);
        schedule.heard(0, 0, 5 * S, true);
        schedule.advance(0, 5 * S, &time);
        assert_eq!(schedule.due(6 * S), Some(1));
        schedule.heard(1, 6 * S, 6 * S, false);
        schedule.advance(1, 6 * S, &time);
        assert_eq!(schedule.next_us(), 7 * S);
        schedule.advance(1, 19_500_000, &time);
        assert_eq!(schedule.due(19_600_000), None);
        assert_eq!(schedule.next_us(), 20 * S);
        assert_eq!(schedule.due(20 * S), Some(0));
        // It answers: it is asked as often as before.
        schedule.heard(0, 20 * S, 20 * S, false);
        schedule.advance(0, 20 * S, &time);
        assert_eq!(schedule.next_us(), 20 * S);
        schedule.advance(1, 20 * S, &time);
        assert_eq!(schedule.next_us(), 21 * S);
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
