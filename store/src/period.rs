//! Local days and hours: an offset from UTC that never changes.

/// An hour in µs.
pub(crate) const HOUR_US: i64 = 3_600_000_000;
/// A day in µs.
pub(crate) const DAY_US: i64 = 24 * HOUR_US;

/// The local calendar of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Calendar {
    offset_us: i64,
}

impl Calendar {
    pub(crate) fn new(offset_min: i32) -> Self {
        Self {
            offset_us: i64::from(offset_min) * 60_000_000,
        }
    }

    /// Minutes east of UTC.
    pub(crate) fn offset_min(self) -> i32 {
        (self.offset_us / 60_000_000) as i32
    }

    /// The beginning of the local day of an instant, µs since 1970 UTC.
    pub(crate) fn day_start(self, time_us: i64) -> i64 {
        self.floor(time_us, DAY_US)
    }

    /// The beginning of the local hour of an instant.
    pub(crate) fn hour_start(self, time_us: i64) -> i64 {
        self.floor(time_us, HOUR_US)
    }

    /// The number of the local hour in its day.
    pub(crate) fn hour_of_day(self, time_us: i64) -> usize {
        let local = time_us.saturating_add(self.offset_us);
        (local.rem_euclid(DAY_US) / HOUR_US) as usize
    }

    /// Whole ms from an instant to the end of its local hour.
    pub(crate) fn left_of_hour_ms(self, time_us: i64) -> u32 {
        let into = time_us.saturating_add(self.offset_us).rem_euclid(HOUR_US);
        ((HOUR_US - 1 - into) / 1000) as u32
    }

    /// The end of the local hour of the instant before `time_us`.
    pub(crate) fn hour_end(self, time_us: i64) -> i64 {
        let before = self.hour_start(time_us.saturating_sub(1));
        before.saturating_add(HOUR_US).max(time_us)
    }

    fn floor(self, time_us: i64, width_us: i64) -> i64 {
        let local = time_us.saturating_add(self.offset_us);
        time_us.saturating_sub(local.rem_euclid(width_us))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_local_midnight() {
        let calendar = Calendar::new(420);
        let midnight = 1_763_830_800_000_000; // 2025-11-23T00:00+07:00
        assert_eq!(calendar.day_start(midnight), midnight);
        assert_eq!(calendar.day_start(midnight - 1), midnight - DAY_US);
        assert_eq!(calendar.day_start(midnight + DAY_US - 1), midnight);
        assert_eq!(calendar.hour_of_day(midnight + 5 * HOUR_US + 1), 5);
        assert_eq!(calendar.left_of_hour_ms(midnight), 3_599_999);
        assert_eq!(calendar.left_of_hour_ms(midnight - 1), 0);
        assert_eq!(calendar.hour_end(midnight), midnight);
        assert_eq!(calendar.hour_end(midnight + 1), midnight + HOUR_US);
        assert_eq!(
            calendar.hour_start(midnight + HOUR_US + 1),
            midnight + HOUR_US
        );
    }

    #[test]
    fn the_ends_of_time_do_not_overflow() {
        let calendar = Calendar::new(420);
        assert!(calendar.day_start(i64::MIN) <= calendar.day_start(i64::MAX));
    }
}
