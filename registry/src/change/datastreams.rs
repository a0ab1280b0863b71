//! What is said of a device's datastreams.

use super::{DatastreamUpdate, DeviceUpdate, supersede, value};
use crate::{
    Datastream, Device, DeviceId, Limits, NewDatastream, Range, Registry, RegistryError, SeriesId,
    name, property, state::State,
};
use std::{collections::BTreeMap, sync::Arc};

/// How long a unit may be, bytes.
pub const UNIT_BYTES_MAX: usize = 63;

impl Registry {
    /// The datastreams that the update registers or changes; `device` gets them too.
    pub(super) fn put_datastreams(
        &self,
        state: &State,
        device: &mut Device,
        update: &DeviceUpdate,
        at_us: i64,
        has_readings: &dyn Fn(SeriesId) -> bool,
    ) -> Result<Vec<Arc<Datastream>>, RegistryError> {
        let mut changed: Vec<Arc<Datastream>> = Vec::new();
        let mut next = state.next_series();
        let asked = (at_us, update.from_us);
        for (at, new) in update.datastreams.iter().enumerate() {
            let put = match changed.iter().any(|other| *other.name == *new.name) {
                true => Err(value("name", format!("{:?} is there twice", new.name))),
                false => self.put_datastream(&mut next, device, new, asked, has_readings),
            };
            changed.push(put.map_err(|error| RegistryError::Datastream {
                at,
                error: Box::new(error),
            })?);
        }
        Ok(changed)
    }

    /// Registers or changes one; `next` is the number that a new one gets.
    fn put_datastream(
        &self,
        next: &mut SeriesId,
        device: &mut Device,
        new: &DatastreamUpdate,
        asked: (i64, Option<i64>),
        has_readings: &dyn Fn(SeriesId) -> bool,
    ) -> Result<Arc<Datastream>, RegistryError> {
        let known = device
            .datastreams
            .iter_mut()
            .find(|own| *own.name == *new.name);
        if let Some(own) = known {
            let mut datastream = Datastream::clone(own);
            self.amend(&mut datastream, new, asked, has_readings)?;
            *own = Arc::new(datastream);
            return Ok(own.clone());
        }
        self.check_room(device.datastreams.len())?;
        let new = NewDatastream {
            name: new.name.clone(),
            property: new.property.clone(),
            unit: new.unit.clone(),
            range: new.range.flatten(),
            categories: new.categories.clone().unwrap_or_default(),
        };
        let (at_us, asked_us) = asked;
        let datastream = Arc::new(Datastream {
            since_us: asked_us.unwrap_or(at_us),
            ..self.new_datastream(*next, device.id, &new, at_us)?
        });
        next.0 += 1;
        device.datastreams.push(datastream.clone());
        Ok(datastream)
    }

    pub(super) fn new_datastream(
        &self,
        series: SeriesId,
        device: DeviceId,
        new: &NewDatastream,
        at_us: i64,
    ) -> Result<Datastream, RegistryError> {
        name::check("datastream", &new.name)?;
        let observed = new
            .property
            .as_deref()
            .unwrap_or(property::of_name(&new.name));
        name::check("property", observed)?;
        let unit = match &new.unit {
            Some(unit) => checked_unit(unit)?,
            None => property::unit(observed).unwrap_or("1"),
        };
        let range = new.range.or(property::plausible(observed, unit));
        check_range(range)?;
        Ok(Datastream {
            series,
            device,
            name: new.name.as_str().into(),
            property: observed.into(),
            unit: unit.into(),
            range,
            since_us: at_us,
            earlier: Vec::new(),
            categories: self.checked_categories(&new.categories)?,
            registered_us: at_us,
        })
    }

    /// Changes what the update names of a datastream and leaves the rest.
    fn amend(
        &self,
        datastream: &mut Datastream,
        new: &DatastreamUpdate,
        (at_us, asked_us): (i64, Option<i64>),
        has_readings: &dyn Fn(SeriesId) -> bool,
    ) -> Result<(), RegistryError> {
        let assumed = property::plausible(&datastream.property, &datastream.unit);
        if let Some(property) = &new.property {
            datastream.property = name::check("property", property)?.into();
        }
        let unit = new.unit.as_deref().unwrap_or(&datastream.unit);
        checked_unit(unit)?;
        if *unit != *datastream.unit && has_readings(datastream.series) {
            return Err(RegistryError::UnitFixed {
                datastream: new.name.clone(),
                unit: datastream.unit.to_string(),
                asked: unit.to_owned(),
            });
        }
        let range = match new.range {
            Some(Some(range)) => Some(range),
            // Nobody has given one: it follows property and unit.
            None if datastream.range != assumed => converted(datastream, unit)?,
            _ => property::plausible(&datastream.property, unit),
        };
        check_range(range)?;
        let sooner = (new.unit.is_some() || new.range.is_some())
            && asked_us.is_some_and(|from_us| from_us < datastream.since_us);
        if sooner || *unit != *datastream.unit || range != datastream.range {
            let from_us = asked_us.unwrap_or(at_us);
            let unit: Arc<str> = unit.into();
            let before = Limits {
                from_us: datastream.since_us,
                unit: std::mem::replace(&mut datastream.unit, unit),
                range: std::mem::replace(&mut datastream.range, range),
            };
            supersede(&mut datastream.earlier, before, from_us, |at| at.from_us);
            self.check_history(datastream.earlier.len())?;
            datastream.since_us = from_us;
        }
        if let Some(categories) = &new.categories {
            datastream.categories = self.checked_categories(categories)?;
        }
        Ok(())
    }

    fn checked_categories(
        &self,
        categories: &BTreeMap<i64, Arc<str>>,
    ) -> Result<BTreeMap<i64, Arc<str>>, RegistryError> {
        let long = |name: &&Arc<str>| name.len() > self.config.title_bytes_max;
        if categories.len() > self.config.categories_max || categories.values().any(|n| long(&n)) {
            return Err(value(
                "categories",
                format!(
                    "at most {} of at most {} B",
                    self.config.categories_max, self.config.title_bytes_max
                ),
            ));
        }
        Ok(categories.clone())
    }

    pub(super) fn check_room(&self, datastreams: usize) -> Result<(), RegistryError> {
        if datastreams < self.config.datastreams_per_device_max as usize {
            return Ok(());
        }
        Err(RegistryError::Limit {
            what: "datastreams of a device",
            setting: "datastreams_per_device_max",
            max: self.config.datastreams_per_device_max.into(),
        })
    }
}

/// The range of a datastream in another unit.
fn converted(datastream: &Datastream, unit: &str) -> Result<Option<Range>, RegistryError> {
    let Some(Range { min, max }) = datastream.range.filter(|_| *unit != *datastream.unit) else {
        return Ok(datastream.range);
    };
    let to = property::conversion(&datastream.property, &datastream.unit, unit).map_err(|_| {
        let reason = format!(
            "{min} to {max} {} is no range in {unit}: give it too",
            datastream.unit
        );
        value("range", reason)
    })?;
    Ok(Some(Range {
        min: to.apply(min),
        max: to.apply(max),
    }))
}

/// Whether a text can be a UCUM unit: 1 to [`UNIT_BYTES_MAX`] printable ASCII characters.
pub fn is_unit(unit: &str) -> bool {
    let plain = unit.bytes().all(|byte| byte.is_ascii_graphic());
    plain && !unit.is_empty() && unit.len() <= UNIT_BYTES_MAX
}

fn checked_unit(unit: &str) -> Result<&str, RegistryError> {
    if is_unit(unit) {
        return Ok(unit);
    }
    let shown: String = unit.chars().take(UNIT_BYTES_MAX + 1).collect();
    Err(value(
        "unit",
        format!("{shown:?}: a UCUM unit has 1 to {UNIT_BYTES_MAX} printable ASCII characters"),
    ))
}

fn check_range(range: Option<Range>) -> Result<(), RegistryError> {
    match range {
        Some(Range { min, max }) if !(min.is_finite() && max.is_finite() && min <= max) => {
            Err(value("range", "min no more than max, both finite".into()))
        }
        _ => Ok(()),
    }
}
