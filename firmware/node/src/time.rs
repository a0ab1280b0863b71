//! The time of day: set by a time source, kept through drift, and how wrong it may be.

use crate::{
    platform::UnixTime,
    reading::{Basis, Stamp},
};

/// How wrong the clock may have become before readings say that their time is doubtful, µs.
pub const ERROR_MAX_US: u64 = 5_000_000;
/// How fast a crystal may run away while nothing is known of it, parts per billion.
pub const DRIFT_UNKNOWN_PPB: u64 = 100_000;
/// How fast it may run away from the drift that was measured, parts per billion: what a crystal may
/// do by itself between -40 and 85 °C, since it may have been measured at noon and run through a night.
pub const DRIFT_KNOWN_PPB: u64 = 30_000;
/// How well a drift has to be measured, parts per billion.
const DRIFT_MEASURED_PPB: u64 = 5_000;
/// A shorter time between two settings says too little about the drift, µs.
const DRIFT_SPAN_MIN_US: u64 = 600_000_000;
/// No crystal is off by more, parts per billion.
const DRIFT_MAX_PPB: i64 = 1_000_000;
/// A time source that says something else than the clock by more than it can have drifted, and by
/// this much more, contradicts it, µs.
const STEP_US: u64 = 1_000_000;
/// Answers that have to agree before a clock is set for the first time.
pub const FIRST_ANSWERS: u8 = 2;
/// Answers that have to agree before a clock is stepped.
pub const STEP_ANSWERS: u8 = 4;
/// Answers that have agreed with a clock before it counts as proven.
pub const PROVEN_ANSWERS: u8 = 6;
/// Answers that have to agree before a proven clock is stepped, or one is put behind a time that
/// was proven once.
pub const PROVEN_STEP_ANSWERS: u8 = 8;
/// For how long they have to agree before a proven clock is stepped, µs.
pub const PROVEN_STEP_SPAN_US: u64 = 1_800_000_000;
/// A time that was proven is kept in flash so often, µs.
const PROVEN_EVERY_US: i64 = 86_400_000_000;
/// For how long a contradiction makes times doubtful when nobody repeats it, µs.
const DOUBT_US: u64 = 600_000_000;
/// A later time fits into no record, µs since 1970: 2106-02-07.
const TIME_MAX_US: i64 = (1 << 32) * 1_000_000;

/// Bounds a product, µs: more than the error that a clock may have reached.
const MAX_OFF_US: i64 = 9_000_000_000;

#[derive(Clone, Copy, Debug)]
struct Anchor {
    uptime_us: u64,
    unix: UnixTime,
}

/// What an answer of the time source did to the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// The clock was set for the first time since boot.
    First,
    /// It was corrected by so much, µs.
    Corrected(i64),
    /// It agrees with an answer that is less certain than the clock, and stays as it is.
    Kept,
    /// It was wrong by so much, µs: the time source insists.
    Stepped(i64),
    /// The answer needs others that agree with it.
    Doubted,
    /// The answer can't be: it is before the floor, or beyond what a record holds.
    Refused,
}

/// Answers that agree with each other and not with the clock.
#[derive(Clone, Copy, Debug)]
struct Claim {
    first: Anchor,
    last_us: u64,
    answers: u8,
}

/// Unix time from uptime.
#[derive(Clone, Debug, Default)]
pub struct Timekeeper {
    anchor: Option<Anchor>,
    /// The setting from which the drift is measured.
    baseline: Option<Anchor>,
    drift_ppb: Option<i64>,
    claim: Option<Claim>,
    /// Answers that have agreed with the clock since it was set or stepped.
    agreed: u8,
    /// No answer before this is possible, µs since 1970.
    floor_us: i64,
    /// The newest time that was proven, µs since 1970.
    proven_us: i64,
}

impl Timekeeper {
    /// A clock that was never set.
    pub const fn new() -> Self {
        Self {
            anchor: None,
            baseline: None,
            drift_ppb: None,
            claim: None,
            agreed: 0,
            floor_us: 0,
            proven_us: 0,
        }
    }

    /// Says what is known before the clock is set, s since 1970: the time before which no answer
    /// can be, and the newest time that was proven.
    pub fn expect(&mut self, floor_s: u32, proven_s: u32) {
        self.floor_us = i64::from(floor_s) * 1_000_000;
        self.proven_us = i64::from(proven_s) * 1_000_000;
    }

    /// Takes an answer of a time source that came at this uptime.
    pub fn set(&mut self, uptime_us: u64, unix: UnixTime) -> Setting {
        if !(self.floor_us..TIME_MAX_US).contains(&unix.us) {
            return Setting::Refused;
        }
        let now = Anchor { uptime_us, unix };
        let (Some(believed_us), Some(error_us)) =
            (self.unix_us(uptime_us), self.error_us(uptime_us))
        else {
            let answers = match unix.us < self.proven_us {
                true => PROVEN_STEP_ANSWERS,
                false => FIRST_ANSWERS,
            };
            if !self.is_confirmed(&now, answers, 0) {
                return Setting::Doubted;
            }
            self.begin(&now);
            return Setting::First;
        };
        let off_us = unix.us - believed_us;
        let bound_us = error_us + u64::from(unix.uncertainty_us);
        if off_us.unsigned_abs() > bound_us + STEP_US {
            let proven = self.is_proven() || unix.us < self.proven_us;
            let (answers, span_us) = match proven {
                true => (PROVEN_STEP_ANSWERS, PROVEN_STEP_SPAN_US),
                false => (STEP_ANSWERS, 0),
            };
            if !self.is_confirmed(&now, answers, span_us) {
                return Setting::Doubted;
            }
            // The time source was stepped, or the clock stood still: nothing to learn from.
            self.begin(&now);
            return Setting::Stepped(off_us);
        }
        self.claim = None;
        self.agreed = self.agreed.saturating_add(1);
        if u64::from(unix.uncertainty_us) > error_us && off_us.unsigned_abs() <= bound_us {
            return Setting::Kept;
        }
        self.learn(&now);
        self.anchor = Some(now);
        Setting::Corrected(off_us)
    }

    /// Whether so many answers have agreed that the clock is beyond a single liar.
    pub fn is_proven(&self) -> bool {
        self.agreed >= PROVEN_ANSWERS
    }

    /// Notes a time that was proven; false where that is hardly newer than the one before.
    pub(crate) fn prove(&mut self, unix_s: u32) -> bool {
        let proven_us = i64::from(unix_s) * 1_000_000;
        let newer = proven_us >= self.proven_us + PROVEN_EVERY_US;
        if newer {
            self.proven_us = proven_us;
        }
        newer
    }

    fn begin(&mut self, now: &Anchor) {
        self.anchor = Some(*now);
        self.baseline = Some(*now);
        self.claim = None;
        self.agreed = 0;
    }

    #[cfg(test)]
    pub(crate) fn believe(&mut self, uptime_us: u64, unix: UnixTime) {
        self.begin(&Anchor { uptime_us, unix });
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
            (Some(us), _) if !(0..TIME_MAX_US).contains(&us) => (uptime_us as i64, Basis::Uptime),
            (Some(us), Some(error)) if error <= ERROR_MAX_US && !self.is_doubted(uptime_us) => {
                (us, Basis::Exact)
            }
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

    /// Whether this answer and those before it that agree with it are enough.
    fn is_confirmed(&mut self, now: &Anchor, answers: u8, span_us: u64) -> bool {
        let slack_us = STEP_US + u64::from(now.unix.uncertainty_us);
        let agreeing = self.claim.filter(|claim| {
            let elapsed = now.uptime_us as i64 - claim.first.uptime_us as i64;
            let expected_us = claim.first.unix.us + elapsed;
            expected_us.abs_diff(now.unix.us) <= slack_us
        });
        let mut claim = agreeing.unwrap_or(Claim {
            first: *now,
            last_us: now.uptime_us,
            answers: 0,
        });
        claim.answers = claim.answers.saturating_add(1);
        claim.last_us = now.uptime_us;
        self.claim = Some(claim);
        claim.answers >= answers && now.uptime_us - claim.first.uptime_us >= span_us
    }

    /// Whether the time source contradicts the clock.
    fn is_doubted(&self, uptime_us: u64) -> bool {
        self.claim
            .is_some_and(|claim| uptime_us.saturating_sub(claim.last_us) < DOUBT_US)
    }

    fn learn(&mut self, now: &Anchor) {
        let Some(baseline) = self.baseline else {
            return;
        };
        let span_us = now.uptime_us.saturating_sub(baseline.uptime_us);
        let uncertain_us =
            u64::from(now.unix.uncertainty_us) + u64::from(baseline.unix.uncertainty_us);
        // Worth more than a guess only where the span is long against the uncertainty.
        if span_us < DRIFT_SPAN_MIN_US
            || uncertain_us * 1_000_000_000 / DRIFT_MEASURED_PPB > span_us
        {
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
mod tests;
