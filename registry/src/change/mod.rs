//! Changing the registry.

mod datastreams;
mod device;

pub use datastreams::{UNIT_BYTES_MAX, is_unit};

use crate::{
    Datastream, Device, DeviceId, NewDatastream, Position, Range, Registry, RegistryError,
    SeriesId, storage::Changes,
};
use std::{collections::BTreeMap, sync::Arc};

/// What an operator says of a device: it changes what it mentions. Where an `Option` stands in
/// another, the outer says whether it is mentioned, the inner whether there is any.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeviceUpdate {
    /// Since when what is said of place, position, units and ranges holds, µs since 1970 UTC:
    /// from 2000 to some minutes ahead; now if absent. What was said to hold from later on is
    /// forgotten.
    pub from_us: Option<i64>,
    /// What people call it.
    pub title: Option<Option<String>>,
    /// The name of the place it stands in; found from the position if only that is mentioned.
    pub place: Option<Option<String>>,
    /// Where it stands.
    pub position: Option<Option<Position>>,
    /// Whether it is simulated.
    pub simulated: Option<bool>,
    /// Datastreams to register or change; others stay as they are.
    pub datastreams: Vec<DatastreamUpdate>,
}

/// What an operator says of a datastream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DatastreamUpdate {
    /// Its name.
    pub name: String,
    /// The observed property; of a new one without it, the name without a trailing number.
    pub property: Option<String>,
    /// The UCUM unit.
    pub unit: Option<String>,
    /// The values the instrument can give; none for what is plausible for the property.
    pub range: Option<Option<Range>>,
    /// Names of codes.
    pub categories: Option<BTreeMap<i64, Arc<str>>>,
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

    /// Registers a device or changes what is mentioned of it; a retired one comes back. All of it
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
            check_from(update.from_us, at_us)?;
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

    fn check_history(&self, entries: usize) -> Result<(), RegistryError> {
        if entries <= self.config.history_max as usize {
            return Ok(());
        }
        Err(RegistryError::Limit {
            what: "earlier states",
            setting: "history_max",
            max: self.config.history_max.into(),
        })
    }
}

/// How far ahead of the platform's clock a change may be said to hold from: as much as the
/// operator's clock may be wrong.
const AHEAD_MAX_US: i64 = 300 * 1_000_000;

/// 2000-01-01: no reading is older.
const FROM_MIN_US: i64 = 946_684_800_000_000;

fn check_from(from_us: Option<i64>, at_us: i64) -> Result<(), RegistryError> {
    match from_us {
        Some(from_us) if from_us > at_us.saturating_add(AHEAD_MAX_US) => {
            let ahead_s = AHEAD_MAX_US / 1_000_000;
            let reason = format!("at most {ahead_s} s ahead of the platform's clock");
            Err(value("from", reason))
        }
        Some(..FROM_MIN_US) => Err(value("from", "not before 2000-01-01T00:00:00Z".into())),
        _ => Ok(()),
    }
}

/// Adds what held until now to the past, of which what began before `from_us` stays.
fn supersede<T>(earlier: &mut Vec<T>, present: T, from_us: i64, begun: impl Fn(&T) -> i64) {
    earlier.push(present);
    earlier.truncate(earlier.partition_point(|entry| begun(entry) < from_us));
}

fn value(field: &'static str, reason: String) -> RegistryError {
    RegistryError::Value { field, reason }
}
