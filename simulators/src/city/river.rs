//! The tidal river: the sea's tide, later and smaller upstream, and the water of the rain.

use super::{Moment, Site, distance_km, weather};

/// The bay into which the rivers of the city flow.
const MOUTH: (f64, f64) = (106.97, 10.40);
/// Rivers wind: kilometres along the water for one as the crow flies.
const WINDING: f64 = 1.45;
const TIDE_WAVE_KM_H: f64 = 31.0;
const DAMPING_KM: f64 = 420.0;
const SLOPE_M_PER_KM: f64 = 0.0022;
const DRAIN_STEP_US: i64 = 600_000_000;
const DRAIN_STEPS: i64 = 48;
const RUN_OFF_M_PER_MM: f64 = 0.0035;

/// Level in m above the mean sea level.
pub(super) fn level_m(at: &Moment<'_>) -> f64 {
    let upstream_km = upstream_km(at.site);
    let lag_us = (upstream_km / TIDE_WAVE_KM_H * 3.6e9) as i64;
    let tide = at.city.tide.level_m(at.time_us - lag_us) * (-upstream_km / DAMPING_KM).exp();
    let fresh = 0.06 * at.local.monsoon() * (upstream_km / 80.0).min(2.0);
    let surge = 0.06 * at.mood(0x73_7572, 259_200.0);
    let ripple = 0.004 * at.jitter(0x72_6970, 120.0);
    tide + SLOPE_M_PER_KM * upstream_km + fresh + surge + run_off_m(at) + ripple
}

/// Kilometres of river between the sea and a site.
fn upstream_km(site: &Site) -> f64 {
    distance_km(site.longitude, site.latitude, MOUTH.0, MOUTH.1) * WINDING
}

/// The rain of the last eight hours, held back by roofs, streets and canals.
///
/// Sampled at fixed times with weights that begin at nothing, so that the level has no steps.
fn run_off_m(at: &Moment<'_>) -> f64 {
    let newest_us = at.time_us.rem_euclid(DRAIN_STEP_US);
    let step_h = DRAIN_STEP_US as f64 / 3.6e9;
    (0..DRAIN_STEPS)
        .map(|step| {
            let age_us = newest_us + step * DRAIN_STEP_US;
            let age_h = age_us as f64 / 3.6e9;
            let rain_mm = weather::rain_mm_h(&at.before_us(age_us)) * step_h;
            rain_mm * RUN_OFF_M_PER_MM * (1.0 - (-age_h / 0.7).exp()) * (-age_h / 2.5).exp()
        })
        .sum()
}
