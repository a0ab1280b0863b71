//! What is on the disk, opened in the order of the readings' way.

use super::parts;
use crate::config::{Settings, StoreKind};
use anyhow::Context;
use nhip_database::Database;
use nhip_log::SegmentLog;
use nhip_registry::Registry;
use nhip_store::{EmbeddedStore, QuestDbStore, Store};
use std::sync::Arc;

/// What is on the disk, opened.
pub struct Opened {
    /// The log.
    pub log: Arc<SegmentLog>,
    /// The database that store, registry and broker share.
    pub database: Database,
    /// The store.
    pub store: Arc<dyn Store>,
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
        let (store, questdb): (Arc<dyn Store>, _) = match settings.store_kind {
            StoreKind::Embedded => {
                let config = parts::store(settings);
                let counted = nhip_store::Metrics::new(metrics)?;
                (
                    Arc::new(EmbeddedStore::open(&database, config, counted)?),
                    None,
                )
            }
            StoreKind::QuestDb => {
                let counted = nhip_store::QuestDbMetrics::new(metrics)?;
                let config = parts::questdb(settings)?;
                let store = Arc::new(QuestDbStore::open(&database, config, counted)?);
                (store.clone(), Some(store))
            }
        };
        let registry = Registry::open(&database, parts::registry(settings))?;
        Ok(Self {
            log: Arc::new(log),
            database,
            store,
            questdb,
            registry: Arc::new(registry),
        })
    }
}
