//! Where the sun stands.

/// The sun's elevation in degrees above the horizon, without refraction, good to about half
/// a degree (NOAA's low-accuracy equations).
pub(super) fn elevation_deg(time_us: i64, longitude: f64, latitude: f64) -> f64 {
    let days = time_us as f64 / 86_400e6;
    let year = std::f64::consts::TAU * (days / 365.2425).rem_euclid(1.0);
    let equation_min = 229.18
        * (0.000_075 + 0.001_868 * year.cos()
            - 0.032_077 * year.sin()
            - 0.014_615 * (2.0 * year).cos()
            - 0.040_849 * (2.0 * year).sin());
    let declination = 0.006_918 - 0.399_912 * year.cos() + 0.070_257 * year.sin()
        - 0.006_758 * (2.0 * year).cos()
        + 0.000_907 * (2.0 * year).sin();
    let minutes = days.rem_euclid(1.0) * 1_440.0 + equation_min + 4.0 * longitude;
    let hour_angle = (minutes / 4.0 - 180.0).to_radians();
    let latitude = latitude.to_radians();
    (latitude.sin() * declination.sin() + latitude.cos() * declination.cos() * hour_angle.cos())
        .asin()
        .to_degrees()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> f64 {
        let time: jiff::Timestamp = text.parse().unwrap();
        elevation_deg(time.as_microsecond(), 106.7, 10.78)
    }

    #[test]
    fn rises_and_sets_when_the_almanac_says() {
        // 22 November 2026 in the city: sunrise 05:51, sunset 17:27 (UTC+7).
        assert!(at("2026-11-21T22:40:00Z") < -0.8);
        assert!(at("2026-11-21T23:00:00Z") > -0.8);
        assert!(at("2026-11-22T10:20:00Z") > -0.8);
        assert!(at("2026-11-22T10:38:00Z") < -0.8);
        assert!(at("2026-11-22T04:40:00Z") > 55.0);
    }
}
