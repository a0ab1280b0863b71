//! Which datastreams somebody asks for.

use crate::{Datastream, Device, Position, RegistryError};

/// Which datastreams; what is `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// Of the device of this name.
    pub device: Option<String>,
    /// Of this name.
    pub datastream: Option<String>,
    /// Of this observed property.
    pub property: Option<String>,
    /// Of devices in this place.
    pub place: Option<String>,
    /// Of devices in this box.
    pub bbox: Option<BoundingBox>,
    /// Of devices near this point.
    pub near: Option<Near>,
    /// Also of retired devices.
    pub retired: bool,
}

/// A box of longitudes and latitudes, edges included. A west edge east of the east edge
/// crosses the antimeridian (RFC 7946 § 5.2).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoundingBox {
    /// The western longitude, degrees.
    pub west: f64,
    /// The southern latitude, degrees.
    pub south: f64,
    /// The eastern longitude, degrees.
    pub east: f64,
    /// The northern latitude, degrees.
    pub north: f64,
}

/// A circle on the ground.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Near {
    /// Its centre.
    pub position: Position,
    /// Its radius, metres.
    pub radius_m: f64,
}

impl BoundingBox {
    /// Takes a box whose corners are on Earth and whose south is not above its north.
    pub fn new(west: f64, south: f64, east: f64, north: f64) -> Result<Self, RegistryError> {
        let corner = |longitude, latitude| {
            Position {
                longitude,
                latitude,
            }
            .is_valid()
        };
        if !corner(west, south) || !corner(east, north) || south > north {
            return Err(RegistryError::Value {
                field: "bbox",
                reason: "west,south,east,north in degrees, south no more than north".into(),
            });
        }
        Ok(Self {
            west,
            south,
            east,
            north,
        })
    }

    /// Whether the point is in it.
    pub fn contains(&self, at: Position) -> bool {
        let between = if self.west <= self.east {
            (self.west..=self.east).contains(&at.longitude)
        } else {
            at.longitude >= self.west || at.longitude <= self.east
        };
        between && (self.south..=self.north).contains(&at.latitude)
    }
}

impl Near {
    /// Takes a circle whose centre is on Earth and whose radius is above 0.
    pub fn new(longitude: f64, latitude: f64, radius_m: f64) -> Result<Self, RegistryError> {
        let position = Position {
            longitude,
            latitude,
        };
        if !position.is_valid() || !radius_m.is_finite() || radius_m <= 0.0 {
            return Err(RegistryError::Value {
                field: "near",
                reason: "longitude,latitude in degrees and a radius above 0 m".into(),
            });
        }
        Ok(Self { position, radius_m })
    }
}

impl Selection {
    /// Whether it asks for datastreams of this device at all.
    pub fn takes_device(&self, device: &Device) -> bool {
        (self.retired || device.retired_us.is_none())
            && is_or_any(self.device.as_deref(), Some(&device.name))
            && is_or_any(self.place.as_deref(), device.place.as_deref())
            && self
                .bbox
                .is_none_or(|bbox| device.position.is_some_and(|at| bbox.contains(at)))
            && self.near.is_none_or(|near| {
                device
                    .position
                    .is_some_and(|at| at.distance_m(near.position) <= near.radius_m)
            })
    }

    /// Whether it asks for this datastream, if it asks for its device.
    pub fn takes_datastream(&self, datastream: &Datastream) -> bool {
        is_or_any(self.datastream.as_deref(), Some(&datastream.name))
            && is_or_any(self.property.as_deref(), Some(&datastream.property))
    }
}

fn is_or_any(asked: Option<&str>, has: Option<&str>) -> bool {
    asked.is_none_or(|asked| has == Some(asked))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_may_cross_the_antimeridian() {
        let bbox = BoundingBox::new(170.0, -10.0, -170.0, 10.0).unwrap();
        let at = |longitude| Position {
            longitude,
            latitude: 0.0,
        };
        assert!(bbox.contains(at(175.0)) && bbox.contains(at(-175.0)));
        assert!(!bbox.contains(at(0.0)));
    }

    #[test]
    fn impossible_areas_are_refused() {
        assert!(BoundingBox::new(0.0, 10.0, 1.0, 9.0).is_err());
        assert!(BoundingBox::new(f64::NAN, 0.0, 1.0, 1.0).is_err());
        assert!(Near::new(106.7, 10.8, 0.0).is_err());
        assert!(Near::new(106.7, 91.0, 5.0).is_err());
    }
}
