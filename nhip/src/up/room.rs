//! How long the log can take what the store does not.

use nhip_log::{Figures, Log, State};
use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The rate is that of at least this long ago, if the log was looked at then.
const WINDOW: Duration = Duration::from_secs(30);

const YEAR: Duration = Duration::from_secs(365 * 86_400);

/// Looks at the log from time to time, for the rate at which it grows.
#[derive(Debug)]
pub struct Room {
    bytes_max: u64,
    /// Moments with the log's end: an old one and a younger, which follows it.
    seen: Mutex<[(Instant, u64); 2]>,
}

impl Room {
    /// `bytes_max` is what the log never exceeds.
    pub fn new(bytes_max: u64, log: &dyn Log) -> Self {
        let now = (Instant::now(), log.state().durable_end.0);
        Self {
            bytes_max,
            seen: Mutex::new([now; 2]),
        }
    }

    /// For how long there is room at the rate of the last minute, if anything comes at all.
    pub fn left(&self, log: &dyn Log) -> Option<Duration> {
        let state = log.state();
        let now = Instant::now();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let [(since, end), young] = *seen;
        if now.duration_since(young.0) >= WINDOW {
            *seen = [young, (now, state.durable_end.0)];
        }
        let grown = state.durable_end.0.saturating_sub(end);
        let rate = grown as f64 / now.duration_since(since).as_secs_f64();
        left(rate, state, log.figures(), self.bytes_max)
    }
}

/// `rate` is in records a second.
fn left(rate: f64, state: State, figures: Figures, bytes_max: u64) -> Option<Duration> {
    let records = state.durable_end.0.saturating_sub(state.start.0);
    let record_bytes = figures.bytes as f64 / records as f64;
    let room_bytes = bytes_max.saturating_sub(figures.bytes) as f64;
    let seconds = room_bytes / (record_bytes * rate);
    (rate > 0.0 && records > 0)
        .then(|| Duration::try_from_secs_f64(seconds).ok())
        .flatten()
}

/// A duration in the two units that a person would say it in. More than a year says no more than
/// that: nobody plans by it.
pub fn said(time: Duration) -> String {
    if time > YEAR {
        return "more than a year".to_owned();
    }
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let seconds = time.as_secs();
    let first = UNITS.iter().position(|(unit, _)| seconds >= *unit);
    let mut rest = seconds;
    let mut words = Vec::new();
    for (unit, name) in UNITS.iter().skip(first.unwrap_or(3)).take(2) {
        words.push(format!("{} {name}", rest / unit));
        rest %= unit;
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use nhip_log::Offset;

    #[test]
    fn the_room_is_that_of_the_rate() {
        let state = State {
            start: Offset(100),
            durable_end: Offset(1_100),
            ..State::default()
        };
        let figures = Figures {
            bytes: 100_000,
            ..Figures::default()
        };
        // 100 B a record, 10 records a second, 900 kB left.
        let time = left(10.0, state, figures, 1_000_000);
        assert_eq!(time, Some(Duration::from_secs(900)));
        assert_eq!(left(0.0, state, figures, 1_000_000), None);
        assert_eq!(left(10.0, state, figures, 1_000), Some(Duration::ZERO));
    }

    #[test]
    fn times_are_said_in_two_units() {
        let said = |seconds| said(Duration::from_secs(seconds));
        assert_eq!(said(7), "7 s");
        assert_eq!(said(61), "1 min 1 s");
        assert_eq!(said(3 * 3_600 + 20 * 60 + 5), "3 h 20 min");
        assert_eq!(said(90_000), "1 d 1 h");
        assert_eq!(said(0), "0 s");
        assert_eq!(said(365 * 86_400), "365 d 0 h");
        assert_eq!(said(910_000_000), "more than a year");
    }
}
