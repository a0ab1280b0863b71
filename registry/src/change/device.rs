//! What is said of a device itself.

use super::{DeviceUpdate, value};
use crate::{Device, Placing, Registry, RegistryError, name, state::State};
use std::sync::Arc;

impl Registry {
    pub(super) fn new_device(
        &self,
        state: &State,
        name: &str,
        at_us: i64,
    ) -> Result<Device, RegistryError> {
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

    pub(super) fn apply(
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
}
