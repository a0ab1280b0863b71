//! Traffic, its sound, and the lights above it.

use super::{Moment, noise, sun};

/// How busy the roads are: 0 empty, about 1 by day, up to 2 at the evening peak.
pub(super) fn traffic(at: &Moment<'_>) -> f64 {
    let local = &at.local;
    let day = 0.75 * local.near_hour(13.0, 5.0);
    let (morning, evening) = if local.weekend {
        (
            0.35 * local.near_hour(9.0, 1.4),
            0.8 * local.near_hour(18.5, 1.8),
        )
    } else {
        (
            1.15 * local.near_hour(7.8, 0.9),
            1.25 * local.near_hour(17.8, 1.1),
        )
    };
    let night = 0.05 + 0.2 * local.near_hour(21.5, 1.8);
    (day + morning + evening + night) * (1.0 + 0.08 * at.mood(0x7472, 5_400.0))
}

/// Vehicles in the last minute; a road's size is its own.
pub(super) fn cars_per_minute(at: &Moment<'_>) -> f64 {
    let road = noise::unit(at.city.seed ^ 0x726f_6164, &[at.site.id as i64]);
    let lanes = 8.0 + 55.0 * road * (0.3 + 0.7 * at.site.urban);
    let mean = lanes * traffic(at);
    // A count of independent cars spreads by the root of its mean.
    let minute = at.time_us.div_euclid(60_000_000);
    let draw: f64 = (0..4)
        .map(|k| noise::unit(at.city.seed ^ 0x6361_7273, &[at.site.id as i64, minute, k]) - 0.5)
        .sum::<f64>()
        * 3.0_f64.sqrt();
    (mean + mean.sqrt() * draw).round().max(0.0)
}

/// Sound level in dB(A): ten times as many engines are ten decibels more.
pub(super) fn noise_db(at: &Moment<'_>) -> f64 {
    let engines = 1.0 + 60.0 * traffic(at) * (0.15 + 0.85 * at.site.urban);
    let horn = 6.0 * (at.jitter(0x686f_726e, 20.0) - 0.75).max(0.0) / 0.25;
    47.0 + 14.0 * engines.log10() + horn + 1.6 * at.jitter(0x64_62, 60.0)
}

/// Whether the lamp's own eye finds it dark.
pub(super) fn light_is_on(at: &Moment<'_>) -> bool {
    let eye = noise::unit(at.city.seed ^ 0x65_7965, &[at.site.id as i64]) * 2.0 - 1.0;
    let elevation = sun::elevation_deg(at.time_us, at.site.longitude, at.site.latitude);
    elevation < -0.8 + 0.7 * eye
}

/// Power in W: full in the evening, dimmed from 23 to 5 o'clock, a trickle by day.
pub(super) fn light_power_w(at: &Moment<'_>) -> f64 {
    let lamps = 4.0 + (noise::unit(at.city.seed ^ 0x6c_616d, &[at.site.id as i64]) * 20.0).floor();
    let mains = 1.0 + 0.015 * at.jitter(0x6d_6169, 120.0);
    if !light_is_on(at) {
        return lamps * 0.4 * mains;
    }
    let dimmed = !(5.0..23.0).contains(&at.local.hour);
    lamps * if dimmed { 72.0 } else { 120.0 } * mains
}
