//! How the devices' time runs beside ours.

use std::time::Duration;
use tokio::time::Instant;

/// How the devices' time runs beside ours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Our time at which it began.
    pub start: Instant,
    /// The devices' time then, µs since 1970 UTC.
    pub from_us: i64,
    /// How many of their seconds one of ours is; None for as fast as it goes.
    pub speed: Option<f64>,
}

impl Pace {
    /// The devices' time now.
    pub(crate) fn now_us(&self, now: Instant) -> i64 {
        match self.speed {
            Some(speed) => {
                let passed = now.saturating_duration_since(self.start).as_secs_f64();
                self.from_us + (passed * speed * 1e6) as i64
            }
            None => i64::MAX,
        }
    }

    /// Our time at a time of the devices.
    pub(crate) fn instant(&self, time_us: i64) -> Instant {
        let ahead_us = (time_us - self.from_us).max(0) as f64;
        self.start + Duration::from_secs_f64(ahead_us / 1e6 / self.speed.unwrap_or(f64::MAX))
    }
}
