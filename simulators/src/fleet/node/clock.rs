//! A device's clock: it begins at 0 when the device boots, and runs fast or slow.

use super::time;
use nhip_node::Clock;

/// A clock that gains so many microseconds a second.
#[derive(Clone, Copy, Debug)]
pub(super) struct DriftingClock {
    boot_us: u64,
    drift_ppm: i64,
}

impl DriftingClock {
    /// A device that boots now.
    pub(super) fn start(drift_ppm: i64) -> Self {
        Self {
            boot_us: time::now_us(),
            drift_ppm,
        }
    }

    fn true_us(&self, uptime_us: u64) -> u64 {
        let rate = 1_000_000 + i128::from(self.drift_ppm);
        // Rounded up: when it is reached, the uptime is there.
        let elapsed = (i128::from(uptime_us) * 1_000_000 + rate - 1) / rate;
        self.boot_us
            .saturating_add(u64::try_from(elapsed).unwrap_or(u64::MAX))
    }
}

impl Clock for DriftingClock {
    fn uptime_us(&self) -> u64 {
        let elapsed = time::now_us() - self.boot_us;
        match self.drift_ppm {
            0 => elapsed,
            drift => (i128::from(elapsed) * (1_000_000 + i128::from(drift)) / 1_000_000) as u64,
        }
    }

    async fn sleep_until(&self, uptime_us: u64) {
        let until_us = match self.drift_ppm {
            0 => self.boot_us.saturating_add(uptime_us),
            _ => self.true_us(uptime_us),
        };
        time::sleep_until(until_us).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_ends_when_the_drifting_clock_is_there() {
        for drift_ppm in [-300, 0, 70] {
            let (clock, _) = time::poll_at(5_000_000, || DriftingClock::start(drift_ppm));
            let until_us = clock.true_us(1_000_000_000);
            let (uptime_us, _) = time::poll_at(until_us, || clock.uptime_us());
            assert!((1_000_000_000..=1_000_000_002).contains(&uptime_us));
        }
    }
}
