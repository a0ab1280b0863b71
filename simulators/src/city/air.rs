//! Dust: what traffic makes, what a still dawn keeps, what wind and rain take away.

use super::{Moment, noise, street, weather};

/// PM2.5 in µg/m³.
pub(super) fn pm2_5(at: &Moment<'_>) -> f64 {
    let dry = 1.0 - at.local.monsoon();
    let background = 13.0 + 13.0 * dry;
    let traffic = 20.0 * at.site.urban * street::traffic(at);
    let lid = 1.0 + (0.25 + 0.55 * dry) * at.local.near_hour(5.8, 1.9);
    let lift = 1.0 - 0.25 * at.local.near_hour(14.0, 2.5);
    let days = (0.35 * at.mood(0x706d, 151_200.0)).exp();
    let value = (background + traffic) * lid * lift * days * neighbourhood(at);
    let clean = 1.0 - 0.6 * weather::washed(at);
    (value * clean + 1.2 * at.jitter(0x70_6d32, 240.0)).max(1.0)
}

/// PM10 in µg/m³: the fine dust and what tyres and building sites whirl up.
pub(super) fn pm10(at: &Moment<'_>) -> f64 {
    let dry = 1.0 - at.local.monsoon();
    let coarse = (9.0 + 10.0 * dry + 14.0 * at.site.urban * street::traffic(at))
        * (1.0 - 0.75 * weather::washed(at));
    pm2_5(at) * 1.25 + coarse * neighbourhood(at) + 1.5 * at.jitter(0x70_3130, 240.0).abs()
}

/// Some places are dustier than others, and the pattern moves within hours.
fn neighbourhood(at: &Moment<'_>) -> f64 {
    let (east, north) = at.site.plane_km();
    let seconds = at.time_us as f64 / 1e6;
    let plume = noise::field(
        at.city.seed ^ 0x64_7573,
        east / 6.0,
        north / 6.0,
        seconds / 14_400.0,
    );
    let own = noise::unit(at.city.seed ^ 0x6f_776e, &[at.site.id as i64]);
    0.75 + 0.5 * plume + 0.15 * (own - 0.5)
}
