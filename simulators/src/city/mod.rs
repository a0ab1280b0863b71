//! The physics of a city such as Ho Chi Minh City.
//!
//! Every figure is a pure function of seed, place and time, so that a fleet can be asked for
//! any instant, in any order, and two sensors that stand side by side agree.

mod air;
pub mod local_time;
pub mod noise;
mod property;
mod river;
mod street;
mod sun;
pub mod tide;
mod weather;

pub use property::Property;

use local_time::LocalTime;
use tide::Tide;

/// Where an instrument stands and what is around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Site {
    /// Degrees east.
    pub longitude: f64,
    /// Degrees north.
    pub latitude: f64,
    /// How dense the city is here: 0 fields, 1 the old centre.
    pub urban: f64,
    /// What tells two instruments at one place apart.
    pub id: u64,
}

/// A city with its own weather, traffic and river.
#[derive(Clone, Debug)]
pub struct City {
    seed: u64,
    tide: Tide,
}

/// One place of a city at one instant: what the models share.
#[derive(Clone, Copy, Debug)]
struct Moment<'a> {
    city: &'a City,
    site: &'a Site,
    time_us: i64,
    local: LocalTime,
}

impl Site {
    /// A site of which only the position is known: the density is taken from its distance
    /// to the centre.
    pub fn new(longitude: f64, latitude: f64, id: u64) -> Self {
        let centre_km = distance_km(longitude, latitude, 106.695, 10.776);
        Self {
            longitude,
            latitude,
            urban: (-(centre_km / 16.0).powi(2)).exp().clamp(0.05, 1.0),
            id,
        }
    }

    /// Kilometres east and north of the city's centre.
    fn plane_km(&self) -> (f64, f64) {
        (
            (self.longitude - 106.695) * KM_A_DEGREE * self.latitude.to_radians().cos(),
            (self.latitude - 10.776) * KM_A_DEGREE,
        )
    }
}

impl City {
    /// The city that a seed makes.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            tide: Tide::vung_tau(),
        }
    }

    /// What an honest instrument gives at a site and a time (µs since 1970 UTC), in the
    /// property's unit, rounded to the property's resolution.
    pub fn read(&self, property: Property, site: &Site, time_us: i64) -> f64 {
        let moment = Moment {
            city: self,
            site,
            time_us,
            local: LocalTime::at(time_us),
        };
        let value = match property {
            Property::Pm2_5 => air::pm2_5(&moment),
            Property::Pm10 => air::pm10(&moment),
            Property::Temperature => weather::temperature_c(&moment),
            Property::Humidity => weather::humidity_percent(&moment),
            Property::Pressure => weather::pressure_hpa(&moment),
            Property::Rain => weather::rain_mm_h(&moment),
            Property::WindSpeed => weather::wind_m_s(&moment),
            Property::WaterLevel => river::level_m(&moment),
            Property::Noise => street::noise_db(&moment),
            Property::Cars => street::cars_per_minute(&moment),
            Property::StreetLight => f64::from(u8::from(street::light_is_on(&moment))),
            Property::Power => street::light_power_w(&moment),
        };
        property.round(value)
    }
}

impl Moment<'_> {
    /// Noise of this site and one purpose in -1..1 whose knots are `step_s` apart.
    fn jitter(&self, purpose: u64, step_s: f64) -> f64 {
        let seed = noise::hash(self.city.seed ^ purpose, &[self.site.id as i64]);
        noise::smooth(seed, self.time_us as f64 / 1e6 / step_s)
    }

    /// Noise that the whole city shares, in -1..1.
    fn mood(&self, purpose: u64, step_s: f64) -> f64 {
        noise::smooth(self.city.seed ^ purpose, self.time_us as f64 / 1e6 / step_s)
    }

    /// The same place earlier.
    fn before_us(&self, earlier_us: i64) -> Self {
        let time_us = self.time_us - earlier_us;
        Self {
            time_us,
            local: LocalTime::at(time_us),
            ..*self
        }
    }
}

const KM_A_DEGREE: f64 = 111.32;

fn distance_km(longitude: f64, latitude: f64, other_longitude: f64, other_latitude: f64) -> f64 {
    let x = (longitude - other_longitude) * latitude.to_radians().cos();
    x.hypot(latitude - other_latitude) * KM_A_DEGREE
}

#[cfg(test)]
mod tests;
