//! Rain, heat, moisture, pressure and wind.

use super::{Moment, noise};

const RAIN_CELL_KM: f64 = 7.0;
const RAIN_CELL_S: f64 = 2_700.0;
const RAIN_DRIFT_KM_S: f64 = 18.0 / 3_600.0;
const RAIN_MAX_MM_H: f64 = 70.0;

/// Rain comes in cells that drift with the monsoon wind, mostly on wet-season afternoons.
pub(super) fn rain_mm_h(at: &Moment<'_>) -> f64 {
    let (east, north) = at.site.plane_km();
    let seconds = at.time_us as f64 / 1e6;
    let drift = seconds * RAIN_DRIFT_KM_S;
    let cell = noise::field(
        at.city.seed ^ 0x7261_696e,
        (east - drift) / RAIN_CELL_KM,
        (north - drift * 0.4) / RAIN_CELL_KM,
        seconds / RAIN_CELL_S,
    );
    let monsoon = at.local.monsoon();
    let afternoon = at.local.near_hour(16.0, 1.8);
    let unsettled = 0.08 * at.mood(0x6461_7973, 86_400.0);
    let dry_below = 0.99 - monsoon * (0.12 + 0.22 * afternoon + unsettled);
    let wet = ((cell - dry_below) / (1.0 - dry_below)).max(0.0);
    RAIN_MAX_MM_H * wet.powf(1.4)
}

const WASH_STEP_US: i64 = 240_000_000;
const WASH_STEPS: i64 = 37;
const WASH_DELAY_S: f64 = 1_500.0;

/// How much of the last hours' rain still cools and cleans the air: 0 to 1.
///
/// Rain acts most after [`WASH_DELAY_S`]. It is sampled at fixed times with weights that begin
/// and end at nothing, so that a passing shower makes a curve and no steps.
pub(super) fn washed(at: &Moment<'_>) -> f64 {
    let newest_us = at.time_us.rem_euclid(WASH_STEP_US);
    let recent: f64 = (0..WASH_STEPS)
        .map(|step| {
            let age_us = newest_us + step * WASH_STEP_US;
            let age = age_us as f64 / 1e6 / WASH_DELAY_S;
            age * (-age).exp() * rain_mm_h(&at.before_us(age_us))
        })
        .sum();
    1.0 - (-recent / 24.0).exp()
}

/// Mean of the month, the day's swing, the heat of the built city, the chill of rain.
pub(super) fn temperature_c(at: &Moment<'_>) -> f64 {
    dry_temperature_c(at) - 4.0 * washed(at) + 0.15 * at.jitter(0x74, 300.0)
}

/// Humidity falls as the temperature rises within a day, and is high where it rained.
pub(super) fn humidity_percent(at: &Moment<'_>) -> f64 {
    let mean = 71.0 + 10.0 * at.local.monsoon();
    let swing = dry_temperature_c(at) - monthly_mean_c(at);
    let value = mean - 4.2 * swing + 16.0 * washed(at) + 0.8 * at.jitter(0x68, 400.0);
    value.clamp(28.0, 100.0)
}

/// The twice-daily tide of the air on a slow wander of the weather.
pub(super) fn pressure_hpa(at: &Moment<'_>) -> f64 {
    let season = (std::f64::consts::TAU * at.local.year).cos();
    let tide = (std::f64::consts::TAU * (at.local.hour - 9.7) / 12.0).cos();
    1009.3
        + 1.8 * season
        + 1.5 * tide
        + 1.6 * at.mood(0x7072, 172_800.0)
        + 0.05 * at.jitter(0x70, 600.0)
}

/// A breeze that rises with the day's heat, with gusts in storms.
pub(super) fn wind_m_s(at: &Moment<'_>) -> f64 {
    let open = 1.3 - 0.5 * at.site.urban;
    let day = 1.2 + 2.2 * at.local.near_hour(14.5, 4.0);
    let gust = 1.0 + 0.35 * at.jitter(0x77, 45.0) + 0.25 * at.mood(0x7769, 10_800.0);
    (open * day * gust + 5.0 * (rain_mm_h(at) / RAIN_MAX_MM_H)).max(0.0)
}

const MONTHLY_MEAN_C: [f64; 12] = [
    27.0, 27.8, 29.2, 30.5, 30.1, 29.0, 28.5, 28.4, 28.2, 27.9, 27.7, 26.9,
];

fn monthly_mean_c(at: &Moment<'_>) -> f64 {
    let month = at.local.year * 12.0 - 0.5;
    let from = month.floor();
    let mean = |index: f64| MONTHLY_MEAN_C[index.rem_euclid(12.0) as usize % 12];
    mean(from) + (mean(from + 1.0) - mean(from)) * (month - from)
}

fn dry_temperature_c(at: &Moment<'_>) -> f64 {
    let hours_from_peak = at.local.hour - 13.7;
    let swing = 4.6 - 1.0 * at.local.monsoon();
    // Warms faster than it cools: the second harmonic sharpens the afternoon.
    let shape = (std::f64::consts::TAU * hours_from_peak / 24.0).cos()
        + 0.22 * (2.0 * std::f64::consts::TAU * hours_from_peak / 24.0).cos();
    let island = at.site.urban * (0.5 + 0.7 * at.local.near_hour(21.0, 4.0));
    monthly_mean_c(at)
        + swing * shape
        + island
        + 1.1 * at.mood(0x7465, 129_600.0)
        + 0.4 * at.jitter(0x7463, 7_200.0)
}
