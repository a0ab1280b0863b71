//! What is said of a device itself.

use super::{DeviceUpdate, supersede, value};
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
        if let Some(title) = &update.title {
            device.title = self.checked_title(title.as_deref())?;
        }
        let position = update.position.unwrap_or(device.position);
        let place = self.place_of(device, update)?;
        let from_us = update.from_us.unwrap_or(at_us);
        let sooner = (update.place.is_some() || update.position.is_some())
            && update
                .from_us
                .is_some_and(|from_us| from_us < device.placed_us);
        if sooner || (&place, position) != (&device.place, device.position) {
            let before = Placing {
                from_us: device.placed_us,
                place: std::mem::replace(&mut device.place, place),
                position: std::mem::replace(&mut device.position, position),
            };
            let nowhere = before.place.is_none() && before.position.is_none();
            if !(nowhere && device.earlier.is_empty()) {
                supersede(&mut device.earlier, before, from_us, |at| at.from_us);
                self.check_history(device.earlier.len())?;
            }
            device.placed_us = from_us;
        }
        device.simulated = update.simulated.unwrap_or(device.simulated);
        device.retired_us = None;
        Ok(())
    }

    fn checked_title(&self, title: Option<&str>) -> Result<Option<Arc<str>>, RegistryError> {
        let bytes_max = self.config.title_bytes_max;
        match title {
            Some(title) if title.len() > bytes_max => {
                Err(value("title", format!("longer than {bytes_max} B")))
            }
            title => Ok(title.map(Arc::from)),
        }
    }

    fn place_of(
        &self,
        device: &Device,
        update: &DeviceUpdate,
    ) -> Result<Option<Arc<str>>, RegistryError> {
        if let Some(Some(position)) = update.position
            && !position.is_valid()
        {
            return Err(value(
                "position",
                "longitude -180 to 180 and latitude -90 to 90 degrees".into(),
            ));
        }
        let found = match (&update.place, update.position) {
            (Some(Some(name)), _) => Some(
                self.places
                    .get(name)
                    .ok_or_else(|| value("place", format!("there is no place {name:?}")))?,
            ),
            (None, Some(Some(position))) => self.places.at(position),
            (Some(None), _) => None,
            (None, None | Some(None)) => return Ok(device.place.clone()),
        };
        Ok(found.map(|place| place.name.clone()))
    }
}
