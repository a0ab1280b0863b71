//! Distances on the ground.

use crate::Position;

/// The mean radius of the Earth (IUGG), metres.
const EARTH_RADIUS_M: f64 = 6_371_008.8;

impl Position {
    /// Whether it is a point on Earth.
    pub fn is_valid(self) -> bool {
        (-180.0..=180.0).contains(&self.longitude) && (-90.0..=90.0).contains(&self.latitude)
    }

    /// The great-circle distance to `other` on a sphere, metres (within 0.6 % of the
    /// ellipsoid's).
    pub fn distance_m(self, other: Self) -> f64 {
        let (lat1, lat2) = (self.latitude.to_radians(), other.latitude.to_radians());
        let half_lat = (lat2 - lat1) / 2.0;
        let half_lon = (other.longitude - self.longitude).to_radians() / 2.0;
        let chord = half_lat.sin().powi(2) + lat1.cos() * lat2.cos() * half_lon.sin().powi(2);
        2.0 * EARTH_RADIUS_M * chord.clamp(0.0, 1.0).sqrt().asin()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_a_degree_of_latitude() {
        let a = Position {
            longitude: 106.7,
            latitude: 10.0,
        };
        let b = Position {
            longitude: 106.7,
            latitude: 11.0,
        };
        assert!((a.distance_m(b) - 111_195.0).abs() < 1.0);
        assert_eq!(a.distance_m(a), 0.0);
    }
}
