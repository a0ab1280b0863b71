use super::*;
use proptest::prelude::*;

const HOUR_US: i64 = 3_600_000_000;
const CENTRE: (f64, f64) = (106.70, 10.776);

fn at(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_microsecond()
}

fn centre() -> Site {
    Site::new(CENTRE.0, CENTRE.1, 1)
}

/// Every hour of some days from a local midnight on.
fn hours(from: &str, days: i64) -> impl Iterator<Item = i64> {
    let from = at(from);
    (0..days * 24).map(move |hour| from + hour * HOUR_US)
}

fn mean(city: &City, property: Property, times: impl Iterator<Item = i64>) -> f64 {
    let site = centre();
    let (sum, count) = times.fold((0.0, 0), |(sum, count), time| {
        (sum + city.read(property, &site, time), count + 1)
    });
    sum / f64::from(count)
}

proptest! {
    #[test]
    fn every_instrument_reads_within_its_range_and_the_same_again(
        seed in any::<u64>(),
        seconds in 0_i64..4_102_444_800,
        longitude in 106.3..107.7_f64,
        latitude in 8.6..11.5_f64,
    ) {
        let (city, again) = (City::new(seed), City::new(seed));
        let site = Site::new(longitude, latitude, seed ^ 7);
        for property in Property::ALL {
            let value = city.read(property, &site, seconds * 1_000_000);
            let (min, max) = property.range();
            prop_assert!(value.is_finite() && value >= min && value <= max);
            prop_assert_eq!(value, again.read(property, &site, seconds * 1_000_000));
        }
    }

    #[test]
    fn slow_properties_have_no_jumps(seed in any::<u64>(), seconds in 0_i64..2_000_000_000) {
        let city = City::new(seed);
        let site = centre();
        for (property, step) in [
            (Property::Temperature, 1.5),
            (Property::WaterLevel, 0.06),
            (Property::Pressure, 0.3),
        ] {
            let now = city.read(property, &site, seconds * 1_000_000);
            let soon = city.read(property, &site, (seconds + 60) * 1_000_000);
            prop_assert!((now - soon).abs() <= step, "{property:?}: {now} {soon}");
        }
    }
}

#[test]
fn neighbours_agree_and_far_places_differ() {
    let city = City::new(4);
    let near = Site::new(CENTRE.0 + 0.001, CENTRE.1, 2);
    let far = Site::new(107.1, 10.4, 3);
    let (mut close, mut apart) = (0.0, 0.0);
    for time in hours("2026-07-01T17:00:00Z", 20) {
        let here = city.read(Property::Rain, &centre(), time);
        close += (here - city.read(Property::Rain, &near, time)).abs();
        apart += (here - city.read(Property::Rain, &far, time)).abs();
    }
    assert!(close * 10.0 < apart, "{close} {apart}");
}

#[test]
fn days_are_as_warm_as_in_the_city() {
    let city = City::new(1);
    let site = centre();
    for month in ["2026-01-10", "2026-04-10", "2026-08-10", "2026-11-10"] {
        let read = |property| {
            hours(&format!("{month}T17:00:00Z"), 14)
                .map(|time| city.read(property, &site, time))
                .collect::<Vec<_>>()
        };
        let temperature = read(Property::Temperature);
        let max = temperature.iter().copied().fold(f64::MIN, f64::max);
        let min = temperature.iter().copied().fold(f64::MAX, f64::min);
        assert!((30.0..41.0).contains(&max), "{month} {max}");
        assert!((18.0..28.0).contains(&min), "{month} {min}");
        let humidity = read(Property::Humidity);
        let mean_t = temperature.iter().sum::<f64>() / temperature.len() as f64;
        let mean_h = humidity.iter().sum::<f64>() / humidity.len() as f64;
        let together: f64 = temperature
            .iter()
            .zip(&humidity)
            .map(|(t, h)| (t - mean_t) * (h - mean_h))
            .sum();
        assert!(together < 0.0, "warm hours are the dry ones");
    }
}

#[test]
fn rain_falls_on_monsoon_afternoons() {
    let city = City::new(9);
    let wet = mean(&city, Property::Rain, hours("2026-06-01T17:00:00Z", 90));
    let dry = mean(&city, Property::Rain, hours("2026-01-01T17:00:00Z", 80));
    assert!((0.1..1.5).contains(&wet), "{wet} mm/h over a wet quarter");
    assert!(dry < 0.02, "{dry}");
    let by_hour = |hour: i64| {
        let hours = hours("2026-06-01T17:00:00Z", 90)
            .skip(hour as usize)
            .step_by(24);
        mean(&city, Property::Rain, hours)
    };
    assert!(by_hour(16) > 3.0 * by_hour(7));
}

#[test]
fn dust_has_its_peaks_its_season_and_its_sunday() {
    let city = City::new(2);
    let day = |hour: usize| {
        mean(
            &city,
            Property::Pm2_5,
            hours("2026-02-01T17:00:00Z", 56).skip(hour).step_by(24),
        )
    };
    assert!(day(8) > 1.3 * day(13), "{} {}", day(8), day(13));
    assert!(day(18) > 1.3 * day(13), "{} {}", day(18), day(13));
    let dry = mean(&city, Property::Pm2_5, hours("2026-01-10T17:00:00Z", 60));
    let wet = mean(&city, Property::Pm2_5, hours("2026-07-10T17:00:00Z", 60));
    assert!(dry > 1.3 * wet, "{dry} {wet}");
    assert!(
        (15.0..80.0).contains(&dry) && (8.0..45.0).contains(&wet),
        "{dry} {wet}"
    );
    let site = centre();
    for time in hours("2026-03-01T17:00:00Z", 30) {
        let fine = city.read(Property::Pm2_5, &site, time);
        assert!(city.read(Property::Pm10, &site, time) > fine);
    }
}

#[test]
fn rush_hour_is_busier_on_weekdays() {
    let city = City::new(3);
    let eight = |from: &str| city.read(Property::Cars, &centre(), at(from));
    // 2026-11-23 is a Monday, 2026-11-22 a Sunday.
    let monday: f64 = (0..20)
        .map(|m| eight(&format!("2026-11-23T01:{m:02}:00Z")))
        .sum();
    let sunday: f64 = (0..20)
        .map(|m| eight(&format!("2026-11-22T01:{m:02}:00Z")))
        .sum();
    let night: f64 = (0..20)
        .map(|m| eight(&format!("2026-11-22T20:{m:02}:00Z")))
        .sum();
    assert!(
        monday > 1.3 * sunday && sunday > 2.0 * night,
        "{monday} {sunday} {night}"
    );
    let loud = city.read(Property::Noise, &centre(), at("2026-11-23T01:00:00Z"));
    let quiet = city.read(Property::Noise, &centre(), at("2026-11-22T20:00:00Z"));
    assert!(
        loud > quiet + 5.0 && loud < 95.0 && quiet > 40.0,
        "{loud} {quiet}"
    );
}

#[test]
fn lights_burn_at_night_only() {
    let city = City::new(3);
    for id in 0..50 {
        let site = Site::new(CENTRE.0, CENTRE.1, id);
        let read = |property, time| city.read(property, &site, at(time));
        assert_eq!(read(Property::StreetLight, "2026-11-22T12:00:00Z"), 1.0);
        assert_eq!(read(Property::StreetLight, "2026-11-22T05:00:00Z"), 0.0);
        let evening = read(Property::Power, "2026-11-22T12:00:00Z");
        let night = read(Property::Power, "2026-11-22T18:00:00Z");
        let noon = read(Property::Power, "2026-11-22T05:00:00Z");
        assert!(evening > night && night > 20.0 * noon && noon > 0.0);
    }
}

#[test]
fn the_tide_comes_up_the_river_later_and_smaller() {
    let city = City::new(5);
    let mouth = Site::new(106.97, 10.40, 1);
    let levels = |site: &Site| {
        (0..24 * 12 * 15)
            .map(|k| {
                city.read(
                    Property::WaterLevel,
                    site,
                    at("2026-02-01T00:00:00Z") + k * HOUR_US / 12,
                )
            })
            .collect::<Vec<_>>()
    };
    let (sea, river) = (levels(&mouth), levels(&centre()));
    let span = |levels: &[f64]| {
        levels.iter().copied().fold(f64::MIN, f64::max)
            - levels.iter().copied().fold(f64::MAX, f64::min)
    };
    assert!(span(&river) < span(&sea) && span(&river) > 0.6 * span(&sea));
    let lag = (0..72)
        .max_by(|a, b| agreement(&sea, &river, *a).total_cmp(&agreement(&sea, &river, *b)))
        .unwrap();
    assert!((18..40).contains(&lag), "{} minutes", lag * 5);
    let top = river.iter().copied().fold(f64::MIN, f64::max);
    assert!((0.9..1.9).contains(&top), "{top}");
}

fn agreement(sea: &[f64], river: &[f64], lag: usize) -> f64 {
    sea.iter().zip(&river[lag..]).map(|(a, b)| a * b).sum()
}
