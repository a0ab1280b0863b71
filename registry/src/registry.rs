//! The registry: opening it and reading it.

use crate::{
    Config, Datastream, Device, DeviceId, Place, Registration, RegistryError, Selection, SeriesId,
    place::Places,
    state::State,
    storage::{Changes, Storage},
};
use parking_lot::{Mutex, RwLock};
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// How many amendments are remembered for those who follow them.
const AMENDMENTS_MAX: usize = 65_536;

/// Which devices were changed, after their registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amended {
    /// What to ask with the next time.
    pub seen: u64,
    /// The devices, some perhaps more than once; none if more were changed than are
    /// remembered, so that anything may have.
    pub devices: Option<Vec<DeviceId>>,
}

/// Who and what there is. Reading never waits for the disk: writers prepare and write a
/// change beside the readers, then take it over in memory.
pub struct Registry {
    pub(crate) config: Config,
    pub(crate) places: Places,
    storage: Mutex<Storage>,
    state: RwLock<State>,
    version: AtomicU64,
    amended: RwLock<Amendments>,
}

#[derive(Default)]
struct Amendments {
    /// How many there were ever.
    total: u64,
    newest: VecDeque<DeviceId>,
}

impl Registry {
    /// Reads the registry from the keyspaces `registry.*` of the database, which it creates
    /// if they are not there.
    pub fn open(database: &nhip_database::Database, config: Config) -> Result<Self, RegistryError> {
        let places = Places::read(config.places_csv.as_deref())?;
        let storage = Storage::open(database)?;
        let state = storage.load()?;
        Ok(Self {
            config,
            places,
            storage: Mutex::new(storage),
            state: RwLock::new(state),
            version: AtomicU64::new(1),
            amended: RwLock::default(),
        })
    }

    /// The device of this name, retired or not.
    pub fn device(&self, name: &str) -> Option<Arc<Device>> {
        self.state.read().device(name).cloned()
    }

    /// The device of this number.
    pub fn device_by_id(&self, id: DeviceId) -> Option<Arc<Device>> {
        self.state.read().device_by_id(id).cloned()
    }

    /// The datastream of this number.
    pub fn datastream(&self, series: SeriesId) -> Option<Arc<Datastream>> {
        self.state.read().datastream(series).cloned()
    }

    /// The devices behind `after` in order of name, retired ones too, at most `limit`.
    pub fn devices(&self, after: Option<&str>, limit: usize) -> Vec<Arc<Device>> {
        self.state
            .read()
            .behind(after)
            .take(limit)
            .cloned()
            .collect()
    }

    /// How many devices there are, retired ones too.
    pub fn device_count(&self) -> usize {
        self.state.read().devices.len()
    }

    /// How many datastreams there are: the number that the next one gets.
    pub fn datastream_count(&self) -> usize {
        self.state.read().datastreams.len()
    }

    /// The datastreams that somebody asks for, in order of their number.
    pub fn select(&self, selection: &Selection) -> Vec<SeriesId> {
        let state = self.state.read();
        let mut series = Vec::new();
        let mut take = |device: &Device| {
            if selection.takes_device(device) {
                let asked = device
                    .datastreams
                    .iter()
                    .filter(|datastream| selection.takes_datastream(datastream));
                series.extend(asked.map(|datastream| datastream.series));
            }
        };
        match selection.device.as_deref() {
            Some(name) => state
                .device(name)
                .map(Arc::as_ref)
                .into_iter()
                .for_each(take),
            None => state.devices.iter().for_each(|device| take(device)),
        }
        drop(state);
        series.sort_unstable();
        series
    }

    /// Whether somebody asks for this datastream.
    pub fn selects(&self, selection: &Selection, series: SeriesId) -> bool {
        let state = self.state.read();
        state.datastream(series).is_some_and(|datastream| {
            selection.takes_datastream(datastream)
                && state
                    .device_by_id(datastream.device)
                    .is_some_and(|device| selection.takes_device(device))
        })
    }

    /// Calls `each` with every series asked for that exists, with its device; under one lock,
    /// so it must be short.
    pub fn with_each(
        &self,
        series: &[SeriesId],
        mut each: impl FnMut(&Arc<Datastream>, &Arc<Device>),
    ) {
        let state = self.state.read();
        for series in series {
            let datastream = state.datastream(*series);
            if let Some((datastream, device)) =
                datastream.and_then(|found| Some((found, state.device_by_id(found.device)?)))
            {
                each(datastream, device);
            }
        }
    }

    /// The places, in order of name.
    pub fn places(&self) -> Vec<Arc<Place>> {
        self.places.iter().cloned().collect()
    }

    /// The place of this name.
    pub fn place(&self, name: &str) -> Option<Arc<Place>> {
        self.places.get(name).cloned()
    }

    /// A number that grows with every change: what was derived from the registry holds while
    /// it is the same. It begins anew with each start.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The devices that were changed after `seen`, which is 0 at first and then what the
    /// last call returned. Registrations are none: they show in the counts.
    pub fn amended_since(&self, seen: u64) -> Amended {
        let amended = self.amended.read();
        let count = usize::try_from(amended.total.saturating_sub(seen)).unwrap_or(usize::MAX);
        let devices = (count <= amended.newest.len()).then(|| {
            let older = amended.newest.len() - count;
            amended.newest.range(older..).copied().collect()
        });
        Amended {
            seen: amended.total,
            devices,
        }
    }

    /// How many amendments there were since the start: what `amended_since` counts.
    pub fn amended_total(&self) -> u64 {
        self.amended.read().total
    }

    /// What happens to devices and datastreams that nobody registered.
    pub fn registration(&self) -> Registration {
        self.config.registration
    }

    /// Runs one change: `prepare` decides from the state, with writers shut out and readers
    /// not; what it returns is written, then shown.
    pub(crate) fn change<T>(
        &self,
        sync: bool,
        prepare: impl FnOnce(&State) -> Result<(T, Changes), RegistryError>,
    ) -> Result<T, RegistryError> {
        let storage = self.storage.lock();
        let (outcome, changes) = prepare(&self.state.read())?;
        if changes.devices.is_empty() && changes.datastreams.is_empty() {
            return Ok(outcome);
        }
        storage.write(&changes, sync)?;
        let mut state = self.state.write();
        for device in changes.devices {
            if state.device_by_id(device.id).is_some() {
                self.note_amended(device.id);
            }
            state.set_device(device);
        }
        for datastream in changes.datastreams {
            state.set_datastream(datastream);
        }
        self.version.fetch_add(1, Ordering::Release);
        Ok(outcome)
    }

    fn note_amended(&self, device: DeviceId) {
        let mut amended = self.amended.write();
        amended.total += 1;
        amended.newest.push_back(device);
        if amended.newest.len() > AMENDMENTS_MAX {
            amended.newest.pop_front();
        }
    }
}
