//! The registry in the database.
//!
//! Two keyspaces, `registry.devices` and `registry.datastreams`: the key is the number, big
//! endian, the value JSON with its version in `v`. Numbers are dense, so a hole is damage.

use crate::{
    Datastream, Device, DeviceId, Limits, Placing, Position, Range, RegistryError, SeriesId,
    state::State,
};
use nhip_database::{Database, Guard, Keyspace, KeyspaceCreateOptions, PersistMode};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{collections::BTreeMap, sync::Arc};

const VERSION: u8 = 1;

/// Writes and reads the registry's records.
pub(crate) struct Storage {
    database: Database,
    devices: Keyspace,
    datastreams: Keyspace,
}

/// Changes that become visible and durable together.
#[derive(Default)]
pub(crate) struct Changes {
    pub(crate) devices: Vec<Arc<Device>>,
    pub(crate) datastreams: Vec<Arc<Datastream>>,
}

impl Storage {
    pub(crate) fn open(database: &Database) -> Result<Self, RegistryError> {
        Ok(Self {
            devices: database.keyspace("registry.devices", KeyspaceCreateOptions::default)?,
            datastreams: database
                .keyspace("registry.datastreams", KeyspaceCreateOptions::default)?,
            database: database.clone(),
        })
    }

    /// Writes the changes to the journal in one step; waits for the disk if `sync` says so.
    pub(crate) fn write(&self, changes: &Changes, sync: bool) -> Result<(), RegistryError> {
        let mode = if sync {
            PersistMode::SyncData
        } else {
            PersistMode::Buffer
        };
        let mut batch = self.database.batch();
        for device in &changes.devices {
            let value = encode("device", &DeviceRecord::of(device))?;
            batch.insert(&self.devices, device.id.0.to_be_bytes(), value);
        }
        for datastream in &changes.datastreams {
            let value = encode("datastream", &DatastreamRecord::of(datastream))?;
            batch.insert(&self.datastreams, datastream.series.0.to_be_bytes(), value);
        }
        Ok(batch.commit(Some(mode))?)
    }

    /// Reads everything.
    pub(crate) fn load(&self) -> Result<State, RegistryError> {
        let mut state = State::default();
        for (number, entry) in (0..).zip(self.devices.iter()) {
            let record: DeviceRecord = decode("device", number, entry)?;
            state.set_device(Arc::new(record.into_device(DeviceId(number))));
        }
        for (number, entry) in (0..).zip(self.datastreams.iter()) {
            let record: DatastreamRecord = decode("datastream", number, entry)?;
            if state.device_by_id(record.device).is_none() {
                return Err(RegistryError::Damaged {
                    place: format!("datastream {number}"),
                    reason: format!("there is no device {}", record.device.0),
                });
            }
            state.set_datastream(Arc::new(record.into_datastream(SeriesId(number))));
        }
        Ok(state)
    }
}

#[derive(Serialize, Deserialize)]
struct DeviceRecord {
    v: u8,
    name: Arc<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    place: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    position: Option<Position>,
    placed_us: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    earlier: Vec<Placing>,
    simulated: bool,
    registered_us: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retired_us: Option<i64>,
}

impl DeviceRecord {
    fn of(device: &Device) -> Self {
        Self {
            v: VERSION,
            name: device.name.clone(),
            title: device.title.clone(),
            place: device.place.clone(),
            position: device.position,
            placed_us: device.placed_us,
            earlier: device.earlier.clone(),
            simulated: device.simulated,
            registered_us: device.registered_us,
            retired_us: device.retired_us,
        }
    }

    fn into_device(self, id: DeviceId) -> Device {
        Device {
            id,
            name: self.name,
            title: self.title,
            place: self.place,
            position: self.position,
            placed_us: self.placed_us,
            earlier: self.earlier,
            simulated: self.simulated,
            registered_us: self.registered_us,
            retired_us: self.retired_us,
            datastreams: Vec::new(),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct DatastreamRecord {
    v: u8,
    device: DeviceId,
    name: Arc<str>,
    property: Arc<str>,
    unit: Arc<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    range: Option<Range>,
    since_us: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    earlier: Vec<Limits>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    categories: BTreeMap<i64, Arc<str>>,
    registered_us: i64,
}

impl DatastreamRecord {
    fn of(datastream: &Datastream) -> Self {
        Self {
            v: VERSION,
            device: datastream.device,
            name: datastream.name.clone(),
            property: datastream.property.clone(),
            unit: datastream.unit.clone(),
            range: datastream.range,
            since_us: datastream.since_us,
            earlier: datastream.earlier.clone(),
            categories: datastream.categories.clone(),
            registered_us: datastream.registered_us,
        }
    }

    fn into_datastream(self, series: SeriesId) -> Datastream {
        Datastream {
            series,
            device: self.device,
            name: self.name,
            property: self.property,
            unit: self.unit,
            range: self.range,
            since_us: self.since_us,
            earlier: self.earlier,
            categories: self.categories,
            registered_us: self.registered_us,
        }
    }
}

fn encode<T: Serialize>(what: &str, record: &T) -> Result<Vec<u8>, RegistryError> {
    serde_json::to_vec(record).map_err(|error| RegistryError::Damaged {
        place: format!("a new {what}"),
        reason: error.to_string(),
    })
}

fn decode<T: DeserializeOwned>(what: &str, number: u32, entry: Guard) -> Result<T, RegistryError> {
    #[derive(Deserialize)]
    struct Versioned {
        v: u8,
    }

    let (key, value) = entry.into_inner()?;
    let damaged = |reason: String| RegistryError::Damaged {
        place: format!("{what} {number}"),
        reason,
    };
    if *key != number.to_be_bytes() {
        return Err(damaged(format!("its key is {key:?}")));
    }
    let json = |error: serde_json::Error| damaged(error.to_string());
    let version: Versioned = serde_json::from_slice(&value).map_err(json)?;
    if version.v != VERSION {
        return Err(damaged(format!(
            "its version is {}, this program knows {VERSION}",
            version.v
        )));
    }
    serde_json::from_slice(&value).map_err(json)
}
