//! A registry in memory.

use crate::{Directory, DirectoryError};
use nhip_registry::{
    Datastream, Device, DeviceId, Limits, NewDatastream, Range, Registration, SeriesId,
};
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

#[derive(Debug, Default)]
struct Known {
    devices: Vec<Arc<Device>>,
    series: u32,
}

#[derive(Debug)]
pub(crate) struct MemoryDirectory {
    known: Mutex<Known>,
    version: AtomicU64,
    registration: Registration,
}

impl MemoryDirectory {
    pub(crate) fn new(registration: Registration) -> Self {
        Self {
            known: Mutex::default(),
            version: AtomicU64::new(1),
            registration,
        }
    }

    /// Registers a device with datastreams, as an operator would.
    pub(crate) fn add(&self, device: &str, datastreams: &[(&str, &str, Option<Range>)]) {
        let id = self.register_device(device, 0).unwrap().id;
        for (name, unit, range) in datastreams {
            let new = NewDatastream {
                name: (*name).to_owned(),
                unit: Some((*unit).to_owned()),
                range: *range,
                ..NewDatastream::default()
            };
            self.register_datastream(id, new, 0).unwrap();
        }
    }

    /// Retires a device, or takes it back.
    pub(crate) fn retire(&self, name: &str, retired_us: Option<i64>) {
        self.change(name, |device| device.retired_us = retired_us);
    }

    /// Gives a datastream another range from a moment on.
    pub(crate) fn limit(&self, device: &str, datastream: &str, range: Range, from_us: i64) {
        self.change(device, |device| {
            let named = |own: &&mut Arc<Datastream>| &*own.name == datastream;
            let own = Arc::make_mut(device.datastreams.iter_mut().find(named).unwrap());
            own.earlier.push(Limits {
                from_us: own.since_us,
                unit: Arc::clone(&own.unit),
                range: own.range.replace(range),
            });
            own.since_us = from_us;
        });
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Device)) {
        let mut known = self.known.lock();
        let device = known
            .devices
            .iter_mut()
            .find(|device| &*device.name == name);
        change(Arc::make_mut(device.unwrap()));
        self.version.fetch_add(1, Ordering::SeqCst);
    }
}

impl Directory for MemoryDirectory {
    fn device(&self, name: &str) -> Option<Arc<Device>> {
        let known = self.known.lock();
        let found = known.devices.iter().find(|device| &*device.name == name);
        found.cloned()
    }

    fn device_by_id(&self, id: DeviceId) -> Option<Arc<Device>> {
        self.known.lock().devices.get(id.0 as usize).cloned()
    }

    fn version(&self) -> u64 {
        self.version.load(Ordering::SeqCst)
    }

    fn registration(&self) -> Registration {
        self.registration
    }

    fn register_device(&self, name: &str, at_us: i64) -> Result<Arc<Device>, DirectoryError> {
        if let Some(device) = self.device(name) {
            return Ok(device);
        }
        let mut known = self.known.lock();
        let device = Arc::new(Device {
            id: DeviceId(known.devices.len() as u32),
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
        });
        known.devices.push(Arc::clone(&device));
        self.version.fetch_add(1, Ordering::SeqCst);
        Ok(device)
    }

    fn register_datastream(
        &self,
        device: DeviceId,
        new: NewDatastream,
        at_us: i64,
    ) -> Result<Arc<Datastream>, DirectoryError> {
        let mut known = self.known.lock();
        let series = SeriesId(known.series);
        let device = Arc::make_mut(&mut known.devices[device.0 as usize]);
        if let Some(found) = device.datastream(&new.name) {
            return Ok(Arc::clone(found));
        }
        let datastream = Arc::new(Datastream {
            series,
            device: device.id,
            property: new.property.as_deref().unwrap_or(&new.name).into(),
            name: new.name.into(),
            unit: new.unit.as_deref().unwrap_or("1").into(),
            range: new.range,
            since_us: at_us,
            earlier: Vec::new(),
            categories: BTreeMap::new(),
            registered_us: at_us,
        });
        device.datastreams.push(Arc::clone(&datastream));
        known.series += 1;
        self.version.fetch_add(1, Ordering::SeqCst);
        Ok(datastream)
    }
}
