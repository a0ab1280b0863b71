//! The time of day: set by a time source, kept through drift, and how wrong it may be.

use crate::{
    platform::UnixTime,
    reading::{Basis, Stamp},
};

/// How wrong the clock may have become before readings say that their time is doubtful, µs.
pub const ERROR_MAX_US: u64 = 5_000_000;
/// How fast a crystal may run away while nothing is known of it, parts per billion.
pub const DRIFT_UNKNOWN_PPB: u64 = 100_000;
/// How fast it may run away from the drift that was measured, parts per billion.
pub const DRIFT_KNOWN_PPB: u64 = 5_000;
/// A shorter time between two settings says too little about the drift, µs.
const DRIFT_SPAN_MIN_US: u64 = 600_000_000;
/// No crystal is off by more, parts per billion.
const DRIFT_MAX_PPB: i64 = 1_000_000;
/// A time source that says something else than the clock by more than it can have drifted is
/// believed the second time, µs.
const STEP_US: u64 = 1_000_000;

/// Bounds a product, µs: more than the error that a clock may have reached.
const MAX_OFF_US: i64 = 9_000_000_000;

#[derive(Clone, Copy, Debug)]
struct Anchor {
    uptime_us: u64,
    unix: UnixTime,
}

/// What a setting of the clock did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// The clock was set for the first time since boot.
    First,
    /// It was corrected by so much, µs.
    Corrected(i64),
    /// The time source contradicts the clock; it is believed if it says so again.
    Doubted,
}

/// Unix time from uptime.
#[derive(Clone, Debug, Default)]
pub struct Timekeeper {
    anchor: Option<Anchor>,
    /// The setting from which the drift is measured.
    baseline: Option<Anchor>,
    drift_ppb: Option<i64>,
    doubted: Option<Anchor>,
}

impl Timekeeper {
    /// A clock that was never set.
    pub const fn new() -> Self {
        Self {
            anchor: None,
            baseline: None,
            drift_ppb: None,
            doubted: None,
        }
    }

    /// Takes an answer of a time source that came at this uptime.
    pub fn set(&mut self, uptime_us: u64, unix: UnixTime) -> Setting {
        let now = Anchor { uptime_us, unix };
        let (Some(believed_us), Some(error_us)) =
            (self.unix_us(uptime_us), self.error_us(uptime_us))
        else {
            self.anchor = Some(now);
            self.baseline = Some(now);
            return Setting::First;
        };
        let off_us = unix.us - believed_us;
        let plausible = error_us + u64::from(unix.uncertainty_us) + STEP_US;
        if off_us.unsigned_abs() > plausible && !self.confirms(&now) {
            self.doubted = Some(now);
            return Setting::Doubted;
        }
        if off_us.unsigned_abs() > plausible {
            // The time source was stepped, or the clock stood still: nothing to learn from.
            self.baseline = Some(now);
        } else {
            self.learn(&now);
        }
        self.doubted = None;
        self.anchor = Some(now);
        Setting::Corrected(off_us)
    }

    /// Whether the clock was set since boot.
    pub fn is_set(&self) -> bool {
        self.anchor.is_some()
    }

    /// Microseconds since 1970 UTC at an uptime.
    pub fn unix_us(&self, uptime_us: u64) -> Option<i64> {
        let anchor = self.anchor?;
        let elapsed = uptime_us as i64 - anchor.uptime_us as i64;
        let drift = share(elapsed, self.drift_ppb.unwrap_or(0));
        Some(anchor.unix.us + elapsed + drift)
    }

    /// By how much it may be wrong, µs.
    pub fn error_us(&self, uptime_us: u64) -> Option<u64> {
        let anchor = self.anchor?;
        let ppb = match self.drift_ppb {
            Some(_) => DRIFT_KNOWN_PPB,
            None => DRIFT_UNKNOWN_PPB,
        };
        let elapsed = uptime_us.abs_diff(anchor.uptime_us);
        let grown = share(elapsed as i64, ppb as i64);
        Some(u64::from(anchor.unix.uncertainty_us) + grown as u64)
    }

    /// What a reading taken at this uptime is stamped with, to the next multiple of the
    /// resolution.
    pub fn stamp(&self, uptime_us: u64, resolution_ms: u32) -> Stamp {
        let (us, basis) = match (self.unix_us(uptime_us), self.error_us(uptime_us)) {
            (Some(us), Some(error)) if error <= ERROR_MAX_US => (us, Basis::Exact),
            (Some(us), _) => (us, Basis::Doubtful),
            (None, _) => (uptime_us as i64, Basis::Uptime),
        };
        let resolution_us = i64::from(resolution_ms.max(1)) * 1000;
        let ms = (us + resolution_us / 2).div_euclid(resolution_us) * resolution_us / 1000;
        Stamp { ms, basis }
    }

    /// The drift that was measured, parts per billion.
    pub fn drift_ppb(&self) -> Option<i64> {
        self.drift_ppb
    }

    /// Whether the answer that was doubted says the same as this one.
    fn confirms(&self, now: &Anchor) -> bool {
        self.doubted.is_some_and(|doubted| {
            let elapsed = now.uptime_us as i64 - doubted.uptime_us as i64;
            let expected = doubted.unix.us + elapsed;
            expected.abs_diff(now.unix.us) <= STEP_US + u64::from(now.unix.uncertainty_us)
        })
    }

    fn learn(&mut self, now: &Anchor) {
        let Some(baseline) = self.baseline else {
            return;
        };
        let span_us = now.uptime_us.saturating_sub(baseline.uptime_us);
        let uncertain_us =
            u64::from(now.unix.uncertainty_us) + u64::from(baseline.unix.uncertainty_us);
        // Worth more than a guess only where the span is long against the uncertainty.
        if span_us < DRIFT_SPAN_MIN_US || uncertain_us * 1_000_000_000 / DRIFT_KNOWN_PPB > span_us {
            return;
        }
        let off = (now.unix.us - baseline.unix.us) - span_us as i64;
        // Bounded so that the product fits.
        let ppb = off.clamp(-MAX_OFF_US, MAX_OFF_US) * 1_000_000_000 / span_us as i64;
        self.drift_ppb = Some(ppb.clamp(-DRIFT_MAX_PPB, DRIFT_MAX_PPB));
        // Temperature changes the drift: the newest span counts.
        self.baseline = Some(*now);
    }
}

/// So many parts per billion of a time, µs; 128-bit products would cost a device a kilobyte.
fn share(us: i64, ppb: i64) -> i64 {
    // Exact to 1 µs for a drift of 1000 ppm, and without overflow for 290 years of it.
    us / 1000 * ppb / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000;
    const START: i64 = 1_795_327_200 * S as i64;

    fn at(unix_us: i64) -> UnixTime {
        UnixTime {
            us: unix_us,
            uncertainty_us: 2_000,
        }
    }

    #[test]
    fn before_it_is_set_readings_carry_the_uptime() {
        let time = Timekeeper::new();
        let stamp = time.stamp(5_400_000, 1000);
        assert_eq!((stamp.ms, stamp.basis), (5000, Basis::Uptime));
    }

    #[test]
    fn the_error_grows_until_the_time_is_doubtful() {
        let mut time = Timekeeper::new();
        assert_eq!(time.set(10 * S, at(START)), Setting::First);
        assert_eq!(time.unix_us(70 * S), Some(START + 60 * S as i64));
        assert_eq!(time.error_us(10 * S), Some(2_000));
        assert_eq!(time.stamp(70 * S, 1000).basis, Basis::Exact);
        assert_eq!(time.stamp(86_400 * S, 1000).basis, Basis::Doubtful);
    }

    #[test]
    fn drift_is_learnt_and_corrected() {
        let mut time = Timekeeper::new();
        time.set(0, at(START));
        // The crystal is slow by 40 ppm: an hour of uptime is 3600.144 s.
        let hour = 3600 * S;
        let true_us = |uptime: u64| START + uptime as i64 + (uptime / 25_000) as i64;
        assert_eq!(
            time.set(hour, at(true_us(hour))),
            Setting::Corrected(144_000)
        );
        assert_eq!(time.drift_ppb(), Some(40_000));
        let day = 86_400 * S;
        assert!(time.unix_us(day).unwrap().abs_diff(true_us(day)) < 1_000);
        assert_eq!(time.stamp(day, 1000).basis, Basis::Exact);
    }

    #[test]
    fn a_jump_of_the_source_is_believed_when_it_is_repeated() {
        let mut time = Timekeeper::new();
        time.set(0, at(START));
        let jumped = START + 3600 * S as i64;
        assert_eq!(time.set(60 * S, at(jumped)), Setting::Doubted);
        assert_eq!(time.unix_us(60 * S), Some(START + 60 * S as i64));
        let again = jumped + 30 * S as i64;
        assert!(matches!(time.set(90 * S, at(again)), Setting::Corrected(_)));
        assert_eq!(time.unix_us(90 * S), Some(again));
    }

    #[test]
    fn one_wrong_answer_is_forgotten() {
        let mut time = Timekeeper::new();
        time.set(0, at(START));
        time.set(60 * S, at(0));
        let right = START + 120 * S as i64;
        assert_eq!(time.set(120 * S, at(right)), Setting::Corrected(0));
        assert_eq!(time.set(180 * S, at(0)), Setting::Doubted);
    }
}
