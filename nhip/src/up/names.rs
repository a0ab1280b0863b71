//! The registry's names in QuestDB, so that people and Grafana can ask it with them.

use nhip_registry::{Device, Registry};
use nhip_store::{QuestDbStore, SeriesNames, StoreError};
use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};
use tracing::{debug, warn};

/// Between two looks for changes of the registry.
const PAUSE: Duration = Duration::from_secs(1);
/// Devices that are looked at, and then written, at a time.
const DEVICES_MAX: usize = 1_000;

/// The thread that writes them; it ends when it is told to.
pub struct Names {
    ended: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Names {
    /// Starts it.
    pub fn start(store: Arc<QuestDbStore>, registry: Arc<Registry>) -> io::Result<Self> {
        let ended = Arc::new(AtomicBool::new(false));
        let told = ended.clone();
        let thread = thread::Builder::new()
            .name("nhip-names".into())
            .spawn(move || run(&store, &registry, &told))?;
        Ok(Self { ended, thread })
    }

    /// Ends it and waits for what it is writing.
    pub fn stop(self) {
        self.ended.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        if self.thread.join().is_err() {
            warn!("what keeps the names in QuestDB has panicked");
        }
    }
}

fn run(store: &QuestDbStore, registry: &Registry, ended: &AtomicBool) {
    let mut written = Written::default();
    let mut version = None;
    while !ended.load(Ordering::Relaxed) {
        let now = registry.version();
        if version != Some(now) {
            match written.follow(store, registry, ended) {
                Ok(()) => version = Some(now),
                // That the server is away is told by the store.
                Err(error) => debug!(%error, "names wait for QuestDB"),
            }
        }
        thread::park_timeout(PAUSE);
    }
}

/// What the server has of each series, as a hash.
#[derive(Default)]
struct Written(HashMap<u32, u64>);

impl Written {
    /// Writes what has changed.
    fn follow(
        &mut self,
        store: &QuestDbStore,
        registry: &Registry,
        ended: &AtomicBool,
    ) -> Result<(), StoreError> {
        let mut after: Option<Arc<str>> = None;
        while !ended.load(Ordering::Relaxed) {
            let devices = registry.devices(after.as_deref(), DEVICES_MAX);
            let Some(last) = devices.last() else {
                break;
            };
            after = Some(last.name.clone());
            let mut changed: Vec<(u64, SeriesNames)> = devices
                .iter()
                .flat_map(|device| names(device))
                .map(|names| (hash(&names), names))
                .collect();
            changed.retain(|(hash, names)| self.0.get(&names.series.0) != Some(hash));
            let rows: Vec<SeriesNames> = changed.iter().map(|(_, names)| names.clone()).collect();
            store.write_names(&rows)?;
            let written = changed.iter().map(|(hash, names)| (names.series.0, *hash));
            self.0.extend(written);
        }
        Ok(())
    }
}

fn names(device: &Device) -> impl Iterator<Item = SeriesNames> {
    device.datastreams.iter().map(|datastream| SeriesNames {
        series: datastream.series,
        device: device.name.to_string(),
        title: device.title.as_deref().map(str::to_owned),
        datastream: datastream.name.to_string(),
        property: datastream.property.to_string(),
        unit: datastream.unit.to_string(),
        place: device.place.as_deref().map(str::to_owned),
        position: device
            .position
            .map(|position| (position.longitude, position.latitude)),
        is_retired: device.retired_us.is_some(),
    })
}

fn hash(names: &SeriesNames) -> u64 {
    let mut hasher = DefaultHasher::new();
    let bits = |(east, north): (f64, f64)| (east.to_bits(), north.to_bits());
    let SeriesNames {
        series,
        device,
        title,
        datastream,
        property,
        unit,
        place,
        position,
        is_retired,
    } = names;
    (series.0, device, title, datastream, property).hash(&mut hasher);
    (unit, place, position.map(bits), is_retired).hash(&mut hasher);
    hasher.finish()
}
