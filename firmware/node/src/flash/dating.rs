//! Dating readings that were queued before the clock was set.

use super::store::Store;
use crate::time::{DRIFT_UNKNOWN_PPB, ERROR_MAX_US};
use embedded_storage_async::nor_flash::NorFlash;
use heapless::Vec;

/// Boots of which the clock is remembered; of older ones an undated reading's time is estimated.
pub(crate) const BOOTS_REMEMBERED: usize = 8;

/// So long before the clock is set, its drift may have made an uptime doubtful, ms.
const EXACT_MAX_MS: i64 = (ERROR_MAX_US * 1_000_000 / DRIFT_UNKNOWN_PPB) as i64;

/// What is known of one boot's clock.
#[derive(Clone, Copy, Debug)]
struct BootClock {
    boot: u32,
    /// Unix time minus uptime, if the clock was set in that boot.
    offset_ms: Option<i64>,
    /// The uptime of its newest undated reading, or of its setting.
    uptime_ms: i64,
}

/// Unix time of an uptime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dated {
    /// The boot's clock was set soon enough afterwards.
    Exact(i64),
    /// The boot's clock was set so much later that it may have drifted beyond the bound; or never:
    /// as if every later boot had followed without a pause.
    Estimated(i64),
    /// This boot's clock isn't set yet: the reading is this many milliseconds old.
    Aged(i64),
}

/// The clocks of the newest boots.
#[derive(Clone, Debug)]
pub(crate) struct Dating {
    boots: Vec<BootClock, BOOTS_REMEMBERED>,
}

impl Dating {
    pub(crate) const fn new() -> Self {
        Self { boots: Vec::new() }
    }

    /// Notes that a boot's unix time is its uptime plus the offset.
    pub(crate) fn synced(&mut self, boot: u32, offset_ms: i64) {
        self.boot(boot).offset_ms = Some(offset_ms);
    }

    /// Whether this boot's clock was set.
    pub(crate) fn is_synced(&self, boot: u32) -> bool {
        let mut boots = self.boots.iter();
        boots.any(|clock| clock.boot == boot && clock.offset_ms.is_some())
    }

    /// Notes how long a boot lasted at least.
    pub(crate) fn lasted(&mut self, boot: u32, uptime_ms: i64) {
        let clock = self.boot(boot);
        clock.uptime_ms = clock.uptime_ms.max(uptime_ms);
    }

    /// When something at this uptime of a boot happened, seen from an uptime of the present one.
    pub(crate) fn date(&self, boot: u32, uptime_ms: i64, now: (u32, i64)) -> Dated {
        let known = self.boots.iter().position(|clock| clock.boot == boot);
        if let Some(clock) = known.and_then(|at| self.boots.get(at))
            && let Some(offset_ms) = clock.offset_ms
        {
            return match clock.uptime_ms - uptime_ms <= EXACT_MAX_MS {
                true => Dated::Exact(uptime_ms + offset_ms),
                false => Dated::Estimated(uptime_ms + offset_ms),
            };
        }
        let mut age_ms = known.map_or(0, |_| -uptime_ms);
        for clock in self.boots.iter().skip(known.unwrap_or(0)) {
            if let Some(offset_ms) = clock.offset_ms {
                return Dated::Estimated(offset_ms - age_ms.max(0));
            }
            if clock.boot != now.0 {
                age_ms += clock.uptime_ms;
            }
        }
        Dated::Aged((age_ms + now.1).max(0))
    }

    fn boot(&mut self, boot: u32) -> &mut BootClock {
        if let Some(at) = self.boots.iter().position(|clock| clock.boot == boot) {
            return &mut self.boots[at];
        }
        if self.boots.is_full() {
            self.boots.remove(0);
        }
        let clock = BootClock {
            boot,
            offset_ms: None,
            uptime_ms: 0,
        };
        // There is room: the oldest has just gone.
        let _ = self.boots.push(clock);
        let last = self.boots.len() - 1;
        &mut self.boots[last]
    }
}

impl<F: NorFlash> Store<F> {
    /// Notes the present uptime: the clock is set by it.
    pub(crate) fn reach(&mut self, uptime_ms: i64) {
        let boot = self.boot();
        self.dating.lasted(boot, uptime_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_set_so_late_that_it_may_have_drifted_too_much_dates_with_doubt() {
        let mut dating = Dating::new();
        dating.synced(5, 1_000_000);
        dating.lasted(5, 60_000_000);
        let at = |uptime_ms| dating.date(5, uptime_ms, (5, 60_000_000));
        // 5 s at 100 ppm.
        assert_eq!(at(10_000_000), Dated::Exact(11_000_000));
        assert_eq!(at(9_999_999), Dated::Estimated(10_999_999));
    }

    #[test]
    fn a_clock_set_later_dates_exactly() {
        let mut dating = Dating::new();
        dating.lasted(5, 30_000);
        assert_eq!(dating.date(5, 10_000, (5, 40_000)), Dated::Aged(30_000));
        dating.synced(5, 1_000_000);
        assert_eq!(dating.date(5, 10_000, (5, 40_000)), Dated::Exact(1_010_000));
    }

    #[test]
    fn a_boot_whose_clock_was_never_set_is_estimated_from_the_next() {
        let mut dating = Dating::new();
        dating.lasted(5, 30_000);
        dating.lasted(6, 7_000);
        // 20 s before the end of boot 5, then boot 6 so far.
        assert_eq!(dating.date(5, 10_000, (6, 9_000)), Dated::Aged(29_000));
        dating.synced(6, 1_000_000);
        assert_eq!(
            dating.date(5, 10_000, (6, 9_000)),
            Dated::Estimated(980_000)
        );
    }

    #[test]
    fn the_oldest_boots_are_forgotten() {
        let mut dating = Dating::new();
        for boot in 0..20 {
            dating.synced(boot, 1);
        }
        assert_eq!(dating.boots.len(), BOOTS_REMEMBERED);
        assert!(!dating.is_synced(0) && dating.is_synced(19));
    }
}
