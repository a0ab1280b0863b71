//! Changing the registry.

use crate::{
    Datastream, Device, DeviceId, Limits, NewDatastream, Placing, Position, Range, Registry,
    RegistryError, SeriesId, name, property, state::State, storage::Changes,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

/// What an operator says of a device: it replaces what was said before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceUpdate {
    /// What people call it.
    #[serde(default)]
    pub title: Option<String>,
    /// The name of the place it stands in; found from the position if absent.
    #[serde(default)]
    pub place: Option<String>,
    /// Where it stands.
    #[serde(default)]
    pub position: Option<Position>,
    /// Whether it is simulated.
    #[serde(default)]
    pub simulated: bool,
    /// Datastreams to register or change; others stay as they are.
    #[serde(default)]
    pub datastreams: Vec<NewDatastream>,
}

/// What an operator's change did.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// The device as it is now.
    pub device: Arc<Device>,
    /// Whether it was not there before.
    pub created: bool,
}

impl Registry {
    /// Registers a device under its name, or returns the one that has it.
    pub fn register_device(&self, name: &str, at_us: i64) -> Result<Arc<Device>, RegistryError> {
        if let Some(device) = self.device(name) {
            return Ok(device);
        }
        self.change(false, |state| {
            if let Some(device) = state.device(name) {
                return Ok((device.clone(), Changes::default()));
            }
            let device = Arc::new(self.new_device(state, name, at_us)?);
            let changes = Changes {
                devices: vec![device.clone()],
                ..Changes::default()
            };
            Ok((device, changes))
        })
    }

    /// Registers a datastream of a device, or returns the one that has its name.
    pub fn register_datastream(
        &self,
        device: DeviceId,
        new: NewDatastream,
        at_us: i64,
    ) -> Result<Arc<Datastream>, RegistryError> {
        self.change(false, |state| {
            let device = state
                .device_by_id(device)
                .ok_or_else(|| RegistryError::Unknown {
                    device: format!("number {}", device.0),
                })?;
            if let Some(datastream) = device.datastream(&new.name) {
                return Ok((datastream.clone(), Changes::default()));
            }
            self.check_room(device.datastreams.len())?;
            let datastream =
                Arc::new(self.new_datastream(state.next_series(), device.id, &new, at_us)?);
            let changes = Changes {
                datastreams: vec![datastream.clone()],
                ..Changes::default()
            };
            Ok((datastream, changes))
        })
    }

    /// Registers a device or replaces what is said of it; a retired one comes back. All of it
    /// is on the disk when this returns. `has_readings` says whether a datastream has any,
    /// for then its unit stays.
    pub fn put_device(
        &self,
        name: &str,
        update: &DeviceUpdate,
        at_us: i64,
        has_readings: &dyn Fn(SeriesId) -> bool,
    ) -> Result<Applied, RegistryError> {
        self.change(true, |state| {
            let known = state.device(name);
            let mut device = match known {
                Some(device) => Device::clone(device),
                None => self.new_device(state, name, at_us)?,
            };
            self.apply(&mut device, update, at_us)?;
            let datastreams =
                self.put_datastreams(state, &mut device, update, at_us, has_readings)?;
            let device = Arc::new(device);
            let applied = Applied {
                device: device.clone(),
                created: known.is_none(),
            };
            let changes = Changes {
                devices: vec![device],
                datastreams,
            };
            Ok((applied, changes))
        })
    }

    /// Retires a device: its history stays, and its new readings become dead letters until
    /// it is put again. On the disk when this returns.
    pub fn retire_device(&self, name: &str, at_us: i64) -> Result<Arc<Device>, RegistryError> {
        self.change(true, |state| {
            let known = state.device(name).ok_or_else(|| RegistryError::Unknown {
                device: name.chars().take(64).collect(),
            })?;
            if known.retired_us.is_some() {
                return Ok((known.clone(), Changes::default()));
            }
            let mut device = Device::clone(known);
            device.retired_us = Some(at_us);
            let device = Arc::new(device);
            let changes = Changes {
                devices: vec![device.clone()],
                ..Changes::default()
            };
            Ok((device, changes))
        })
    }

    fn new_device(&self, state: &State, name: &str, at_us: i64) -> Result<Device, RegistryError> {
        name::check("device", name)?;
        let id = state.next_device();
        if id.0 >= self.config.devices_max {
            return Err(RegistryError::Limit {
                what: "devices",
                setting: "devices_max",
                max: self.config.devices_max.into(),
            });
        }
        Ok(Device {
            id,
            name: name.into(),
            title: None,
            place: None,
            position: None,
            placed_us: at_us,
            earlier: Vec::new(),
            simulated: false,
            registered_us: at_us,
            retired_us: None,
            datastreams: Vec::new(),
        })
    }

    fn apply(
        &self,
        device: &mut Device,
        update: &DeviceUpdate,
        at_us: i64,
    ) -> Result<(), RegistryError> {
        if let Some(title) = &update.title
            && title.len() > self.config.title_bytes_max
        {
            return Err(value(
                "title",
                format!("longer than {} B", self.config.title_bytes_max),
            ));
        }
        let place = self.place_of(update)?;
        if (&place, update.position) != (&device.place, device.position) {
            let nowhere = device.place.is_none() && device.position.is_none();
            if !(nowhere && device.earlier.is_empty()) {
                self.check_history(device.earlier.len())?;
                device.earlier.push(Placing {
                    from_us: device.placed_us,
                    place: device.place.take(),
                    position: device.position,
                });
            }
            device.place = place;
            device.position = update.position;
            device.placed_us = at_us;
        }
        device.title = update.title.as_deref().map(Arc::from);
        device.simulated = update.simulated;
        device.retired_us = None;
        Ok(())
    }

    fn place_of(&self, update: &DeviceUpdate) -> Result<Option<Arc<str>>, RegistryError> {
        if let Some(position) = update.position
            && !position.is_valid()
        {
            return Err(value(
                "position",
                "longitude -180 to 180 and latitude -90 to 90 degrees".into(),
            ));
        }
        let found = match (&update.place, update.position) {
            (Some(name), _) => Some(
                self.places
                    .get(name)
                    .ok_or_else(|| value("place", format!("there is no place {name:?}")))?,
            ),
            (None, Some(position)) => self.places.at(position),
            (None, None) => None,
        };
        Ok(found.map(|place| place.name.clone()))
    }

    /// The datastreams that the update registers or changes; `device` gets them too.
    fn put_datastreams(
        &self,
        state: &State,
        device: &mut Device,
        update: &DeviceUpdate,
        at_us: i64,
        has_readings: &dyn Fn(SeriesId) -> bool,
    ) -> Result<Vec<Arc<Datastream>>, RegistryError> {
        let mut changed: Vec<Arc<Datastream>> = Vec::new();
        let mut next = state.next_series();
        for new in &update.datastreams {
            if changed.iter().any(|other| *other.name == *new.name) {
                return Err(value(
                    "datastreams",
                    format!("{:?} is there twice", new.name),
                ));
            }
            let known = device
                .datastreams
                .iter_mut()
                .find(|own| *own.name == *new.name);
            match known {
                Some(own) => {
                    let mut datastream = Datastream::clone(own);
                    self.amend(&mut datastream, new, at_us, has_readings)?;
                    *own = Arc::new(datastream);
                    changed.push(own.clone());
                }
                None => {
                    self.check_room(device.datastreams.len())?;
                    let datastream = Arc::new(self.new_datastream(next, device.id, new, at_us)?);
                    next.0 += 1;
                    device.datastreams.push(datastream.clone());
                    changed.push(datastream);
                }
            }
        }
        Ok(changed)
    }

    fn new_datastream(
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
        let known = property::known(observed);
        let known_range = known.as_ref().map(|known| (known.unit, known.range));
        let unit = match &new.unit {
            Some(unit) => checked_unit(unit)?,
            None => known_range.map_or("1", |(unit, _)| unit),
        };
        // A plausible range is in the property's own unit and says nothing of another.
        let range = new.range.or(known_range
            .filter(|(of_unit, _)| *of_unit == unit)
            .map(|(_, range)| range));
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
        new: &NewDatastream,
        at_us: i64,
        has_readings: &dyn Fn(SeriesId) -> bool,
    ) -> Result<(), RegistryError> {
        let unit = new.unit.as_deref().unwrap_or(&datastream.unit);
        let range = new.range.or(datastream.range);
        checked_unit(unit)?;
        check_range(range)?;
        if *unit != *datastream.unit && has_readings(datastream.series) {
            return Err(RegistryError::UnitFixed {
                datastream: new.name.clone(),
                unit: datastream.unit.to_string(),
                asked: unit.to_owned(),
            });
        }
        if *unit != *datastream.unit || range != datastream.range {
            self.check_history(datastream.earlier.len())?;
            let unit: Arc<str> = unit.into();
            datastream.earlier.push(Limits {
                from_us: datastream.since_us,
                unit: std::mem::replace(&mut datastream.unit, unit),
                range: std::mem::replace(&mut datastream.range, range),
            });
            datastream.since_us = at_us;
        }
        if let Some(property) = &new.property {
            datastream.property = name::check("property", property)?.into();
        }
        if !new.categories.is_empty() {
            datastream.categories = self.checked_categories(&new.categories)?;
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

    fn check_room(&self, datastreams: usize) -> Result<(), RegistryError> {
        if datastreams < self.config.datastreams_per_device_max as usize {
            return Ok(());
        }
        Err(RegistryError::Limit {
            what: "datastreams of a device",
            setting: "datastreams_per_device_max",
            max: self.config.datastreams_per_device_max.into(),
        })
    }

    fn check_history(&self, entries: usize) -> Result<(), RegistryError> {
        if entries < self.config.history_max as usize {
            return Ok(());
        }
        Err(RegistryError::Limit {
            what: "earlier states",
            setting: "history_max",
            max: self.config.history_max.into(),
        })
    }
}

/// How long a unit may be, bytes.
const UNIT_BYTES_MAX: usize = 63;

fn checked_unit(unit: &str) -> Result<&str, RegistryError> {
    let plain = unit.bytes().all(|byte| byte.is_ascii_graphic());
    if plain && !unit.is_empty() && unit.len() <= UNIT_BYTES_MAX {
        return Ok(unit);
    }
    Err(value(
        "unit",
        format!("a UCUM unit of 1 to {UNIT_BYTES_MAX} printable ASCII characters"),
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

fn value(field: &'static str, reason: String) -> RegistryError {
    RegistryError::Value { field, reason }
}
