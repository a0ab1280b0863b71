//! The city's own clock: UTC+7, no summer time.

/// What the hour, the week and the season do to the city.
#[derive(Clone, Copy, Debug)]
pub struct LocalTime {
    /// Hour of the local day, 0.0 to 24.0.
    pub hour: f64,
    /// Local days since 1970-01-01.
    pub day: i64,
    /// Saturday or Sunday.
    pub weekend: bool,
    /// Part of the year that has passed, 0.0 to 1.0.
    pub year: f64,
}

const OFFSET_US: i64 = 7 * 3_600_000_000;
const DAY_US: i64 = 86_400_000_000;
const YEAR_DAYS: f64 = 365.2425;

impl LocalTime {
    /// The local time at a time in µs since 1970 UTC.
    pub fn at(time_us: i64) -> Self {
        let local_us = time_us.saturating_add(OFFSET_US);
        let day = local_us.div_euclid(DAY_US);
        let hour = local_us.rem_euclid(DAY_US) as f64 / 3.6e9;
        Self {
            hour,
            day,
            // 1970-01-01 was a Thursday.
            weekend: matches!((day + 4).rem_euclid(7), 0 | 6),
            year: ((day as f64 + hour / 24.0) / YEAR_DAYS).rem_euclid(1.0),
        }
    }

    /// How close the hour is to another one, on a round clock: 1 at it, less away from it.
    pub fn near_hour(&self, hour: f64, width_h: f64) -> f64 {
        let away = (self.hour - hour + 12.0).rem_euclid(24.0) - 12.0;
        (-(away / width_h).powi(2) / 2.0).exp()
    }

    /// The monsoon: 0 in the dry season (December to April), 1 in the wet (May to November).
    pub fn monsoon(&self) -> f64 {
        let month = self.year * 12.0;
        smooth_step(month, 3.7, 5.0) * (1.0 - smooth_step(month, 10.4, 11.4))
    }
}

fn smooth_step(x: f64, from: f64, to: f64) -> f64 {
    let part = ((x - from) / (to - from)).clamp(0.0, 1.0);
    part * part * (3.0 - 2.0 * part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(text: &str) -> LocalTime {
        LocalTime::at(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
    }

    #[test]
    fn the_day_begins_at_midnight_in_the_city() {
        let time = local("2026-11-22T17:30:00Z");
        assert!((time.hour - 0.5).abs() < 1e-9);
        assert!(!time.weekend);
        assert!(local("2026-11-22T16:30:00Z").weekend);
        assert!(local("2026-11-20T17:30:00Z").weekend);
    }

    #[test]
    fn the_monsoon_rules_from_may_to_november() {
        assert!(local("2026-02-15T00:00:00Z").monsoon() < 0.01);
        assert!(local("2026-04-10T00:00:00Z").monsoon() < 0.01);
        assert!(local("2026-07-15T00:00:00Z").monsoon() > 0.99);
        assert!(local("2026-10-10T00:00:00Z").monsoon() > 0.99);
        assert!(local("2026-12-20T00:00:00Z").monsoon() < 0.01);
    }
}
