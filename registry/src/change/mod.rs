//! Changing the registry.

mod datastreams;
mod device;

use crate::{
    Datastream, Device, DeviceId, NewDatastream, Position, Registry, RegistryError, SeriesId,
    storage::Changes,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

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

fn value(field: &'static str, reason: String) -> RegistryError {
    RegistryError::Value { field, reason }
}
