//! The registry in memory.

use crate::{Datastream, Device, DeviceId, SeriesId};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// Every device and datastream; their numbers are their places in the vectors.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) devices: Vec<Arc<Device>>,
    pub(crate) datastreams: Vec<Arc<Datastream>>,
    by_name: HashMap<Arc<str>, DeviceId>,
    ordered: BTreeMap<Arc<str>, DeviceId>,
}

impl State {
    pub(crate) fn device(&self, name: &str) -> Option<&Arc<Device>> {
        self.by_name.get(name).and_then(|id| self.device_by_id(*id))
    }

    pub(crate) fn device_by_id(&self, id: DeviceId) -> Option<&Arc<Device>> {
        self.devices.get(id.0 as usize)
    }

    pub(crate) fn datastream(&self, series: SeriesId) -> Option<&Arc<Datastream>> {
        self.datastreams.get(series.0 as usize)
    }

    /// The devices whose name is behind `after`, in order of name.
    pub(crate) fn behind(&self, after: Option<&str>) -> impl Iterator<Item = &Arc<Device>> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = after.map_or(Unbounded, Excluded);
        self.ordered
            .range::<str, _>((from, Unbounded))
            .filter_map(|(_, id)| self.device_by_id(*id))
    }

    pub(crate) fn next_device(&self) -> DeviceId {
        DeviceId(u32::try_from(self.devices.len()).unwrap_or(u32::MAX))
    }

    pub(crate) fn next_series(&self) -> SeriesId {
        SeriesId(u32::try_from(self.datastreams.len()).unwrap_or(u32::MAX))
    }

    /// Adds a device, or puts it in the place of the one that has its number.
    pub(crate) fn set_device(&mut self, device: Arc<Device>) {
        let at = device.id.0 as usize;
        if at < self.devices.len() {
            self.devices[at] = device;
        } else {
            self.by_name.insert(device.name.clone(), device.id);
            self.ordered.insert(device.name.clone(), device.id);
            self.devices.push(device);
        }
    }

    /// Adds a datastream, or puts it in the place of the one that has its number; in its
    /// device too.
    pub(crate) fn set_datastream(&mut self, datastream: Arc<Datastream>) {
        let at = datastream.series.0 as usize;
        if let Some(device) = self.devices.get_mut(datastream.device.0 as usize) {
            let own = &mut Arc::make_mut(device).datastreams;
            match own.iter_mut().find(|own| own.series == datastream.series) {
                Some(own) => *own = datastream.clone(),
                None => own.push(datastream.clone()),
            }
        }
        if at < self.datastreams.len() {
            self.datastreams[at] = datastream;
        } else {
            self.datastreams.push(datastream);
        }
    }
}
