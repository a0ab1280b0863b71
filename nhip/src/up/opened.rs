//! What is on the disk, opened in the order of the readings' way.

use super::{now_us, parts};
use crate::config::Settings;
use anyhow::Context;
use nhip_database::Database;
use nhip_log::SegmentLog;
use nhip_registry::Registry;
use nhip_store::{OpenStore, QuestDbStore, StoreCopy, WatchedStore};
use std::sync::Arc;
use tracing::info;

/// What is on the disk, opened.
pub struct Opened {
    /// The log.
    pub log: Arc<SegmentLog>,
    /// The database that store, registry and broker share.
    pub database: Database,
    /// The store, watched for a copy of it.
    pub store: Arc<WatchedStore>,
    /// The copy of it, if one is begun.
    pub copy: Arc<StoreCopy>,
    /// The store again, if it is in QuestDB.
    pub questdb: Option<Arc<QuestDbStore>>,
    /// The registry.
    pub registry: Arc<Registry>,
}

impl Opened {
    /// Opens the data folder; what it lacks is made.
    pub fn open(settings: &Settings, metrics: &prometheus::Registry) -> anyhow::Result<Self> {
        let log = SegmentLog::open(
            &settings.data.join("log"),
            parts::log(settings),
            nhip_log::Metrics::new(metrics)?,
        )?;
        let path = settings.data.join("db");
        let database = Database::open(&path, &parts::database(settings))
            .with_context(|| format!("opening the database in {}", path.display()))?;
        let (kind, configs) = (settings.store_kind, parts::stores(settings)?);
        if StoreCopy::finish(&database, kind, &configs, now_us())? {
            info!(store = %kind, "the copy is whole: this store has the readings from now on");
        }
        let opened = OpenStore::open(kind, &database, &configs, metrics)?;
        let copy = Arc::new(StoreCopy::open(&database, &opened, configs)?);
        let store = Arc::new(WatchedStore::new(opened.store(), &copy)?);
        let registry = Registry::open(&database, parts::registry(settings))?;
        Ok(Self {
            log: Arc::new(log),
            database,
            store,
            copy,
            questdb: opened.questdb(),
            registry: Arc::new(registry),
        })
    }
}
