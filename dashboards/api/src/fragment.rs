//! Prepared pieces of text: all of a reading that its datastream decides.

use nhip_registry::{Datastream, Device, DeviceId, Registry, SeriesId};
use parking_lot::{RwLock, RwLockReadGuard};

/// The prepared pieces of every datastream, kept up with the registry.
#[derive(Default)]
pub(crate) struct Fragments {
    table: RwLock<FragmentTable>,
}

/// The prepared pieces of every datastream, by series.
#[derive(Default)]
pub(crate) struct FragmentTable {
    fragments: Vec<Fragment>,
    amended: u64,
}

/// The prepared pieces of one datastream, in one text.
pub(crate) struct Fragment {
    text: Box<str>,
    unit_at: u16,
    tail_at: u16,
}

impl Fragments {
    /// The pieces as the registry is now. Held for one answer or batch, never across an await.
    pub(crate) fn current(&self, registry: &Registry) -> RwLockReadGuard<'_, FragmentTable> {
        let table = self.table.read();
        if !table.is_behind(registry) {
            return table;
        }
        drop(table);
        let mut table = self.table.write();
        table.follow(registry);
        parking_lot::RwLockWriteGuard::downgrade(table)
    }
}

impl FragmentTable {
    pub(crate) fn get(&self, series: SeriesId) -> Option<&Fragment> {
        self.fragments.get(series.0 as usize)
    }

    /// How many changes of devices they show; with another number they are others.
    pub(crate) fn amended(&self) -> u64 {
        self.amended
    }

    fn is_behind(&self, registry: &Registry) -> bool {
        self.fragments.len() != registry.datastream_count()
            || registry.amended_total() != self.amended
    }

    fn follow(&mut self, registry: &Registry) {
        let amended = registry.amended_since(self.amended);
        match amended.devices {
            None => self.fragments.clear(),
            Some(devices) => devices
                .iter()
                .for_each(|device| self.amend(registry, *device)),
        }
        self.amended = amended.seen;
        let series: Vec<SeriesId> = (self.fragments.len()..registry.datastream_count())
            .filter_map(|number| u32::try_from(number).ok().map(SeriesId))
            .collect();
        registry.with_each(&series, |datastream, device| {
            self.fragments.push(Fragment::new(datastream, device));
        });
    }

    fn amend(&mut self, registry: &Registry, device: DeviceId) {
        let Some(device) = registry.device_by_id(device) else {
            return;
        };
        for datastream in &device.datastreams {
            if let Some(fragment) = self.fragments.get_mut(datastream.series.0 as usize) {
                *fragment = Fragment::new(datastream, &device);
            }
        }
    }
}

impl Fragment {
    fn new(datastream: &Datastream, device: &Device) -> Self {
        // Names have no character that JSON escapes; a unit may.
        let unit = serde_json::Value::from(&*datastream.unit);
        let mut text = format!(
            "{{\"device\":\"{}\",\"datastream\":\"{}\",\"time\":\"",
            device.name, datastream.name
        );
        let unit_at = text.len();
        text += &format!(",\"unit\":{unit},\"quality\":\"");
        let tail_at = text.len();
        text += &format!(",\"property\":\"{}\"", datastream.property);
        if let Some(place) = &device.place {
            text += &format!(",\"place\":\"{place}\"");
        }
        if device.simulated {
            text += ",\"simulated\":true";
        }
        Self {
            unit_at: u16::try_from(unit_at).unwrap_or(u16::MAX),
            tail_at: u16::try_from(tail_at).unwrap_or(u16::MAX),
            text: text.into(),
        }
    }

    /// From the opening brace to the time's opening quote.
    pub(crate) fn head(&self) -> &[u8] {
        &self.text.as_bytes()[..usize::from(self.unit_at)]
    }

    /// From behind the value to the quality's opening quote.
    pub(crate) fn unit(&self) -> &[u8] {
        &self.text.as_bytes()[usize::from(self.unit_at)..usize::from(self.tail_at)]
    }

    /// Property, place and whether it is simulated, behind a comma.
    pub(crate) fn tail(&self) -> &[u8] {
        &self.text.as_bytes()[usize::from(self.tail_at)..]
    }
}
