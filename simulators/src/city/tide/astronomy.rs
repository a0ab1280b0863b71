//! Where the moon and the sun are, as tides need it.

/// The mean longitudes that tidal arguments are made of, in degrees, not reduced.
///
/// Polynomials of Meeus, Astronomical Algorithms (chapters 22, 25, 47).
#[derive(Clone, Copy, Debug)]
pub(super) struct Longitudes {
    /// Lunar time: the hour angle of the mean moon.
    pub tau: f64,
    /// The moon.
    pub moon: f64,
    /// The sun.
    pub sun: f64,
    /// The moon's perigee.
    pub perigee: f64,
    /// The moon's ascending node.
    pub node: f64,
    /// The sun's perigee.
    pub sun_perigee: f64,
}

const J2000_DAYS: f64 = 2_451_545.0;
const UNIX_EPOCH_DAYS: f64 = 2_440_587.5;
const CENTURY_DAYS: f64 = 36_525.0;

impl Longitudes {
    /// The longitudes at a time in µs since 1970 UTC.
    pub(super) fn at(time_us: i64) -> Self {
        let days = time_us as f64 / 86_400e6 + UNIX_EPOCH_DAYS;
        let century = (days - J2000_DAYS) / CENTURY_DAYS;
        let moon = polynomial(
            century,
            &[
                218.316_459_1,
                481_267.881_342_36,
                -0.001_326_8,
                1.0 / 538_841.0 - 1.0 / 65_194_000.0,
            ],
        );
        let sun = polynomial(century, &[280.466_45, 36_000.769_83, 0.000_303_2]);
        // The Julian day begins at noon, and so does the tidal hour angle.
        let hour_angle = days.rem_euclid(1.0) * 360.0;
        Self {
            tau: hour_angle + sun - moon,
            moon,
            sun,
            perigee: polynomial(
                century,
                &[
                    83.353_243,
                    4_069.013_711_1,
                    -0.010_323_8,
                    -1.0 / 80_053.0,
                    1.0 / 18_999_000.0,
                ],
            ),
            node: polynomial(
                century,
                &[
                    125.044_555,
                    -1_934.136_184_9,
                    0.002_076_2,
                    1.0 / 467_410.0,
                    -1.0 / 60_616_000.0,
                ],
            ),
            sun_perigee: polynomial(century, &[282.937_35, 1.719_53, 0.000_459_1, 0.000_000_48]),
        }
    }
}

fn polynomial(x: f64, coefficients: &[f64]) -> f64 {
    coefficients
        .iter()
        .rev()
        .fold(0.0, |sum, coefficient| sum * x + coefficient)
}
