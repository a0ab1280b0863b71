//! Both kinds of store, opened as the readings of a data folder or as the target of a copy.

use super::End;
use crate::{
    Config, EmbeddedStore, Metrics, QuestDbConfig, QuestDbMetrics, QuestDbStore, Store, StoreError,
    StoreKind,
};
use nhip_database::Database;
use std::sync::Arc;

/// The bounds of either kind.
#[derive(Clone, Debug, Default)]
pub struct StoreConfigs {
    /// Of the embedded store.
    pub embedded: Config,
    /// Of the one in QuestDB, with its address.
    pub questdb: QuestDbConfig,
}

/// A store that is open, of either kind.
#[derive(Clone)]
pub enum OpenStore {
    /// The platform's own database.
    Embedded(Arc<EmbeddedStore>),
    /// A QuestDB server.
    QuestDb(Arc<QuestDbStore>),
}

impl OpenStore {
    /// Opens the store of this kind; refused if the folder's readings are in the other one.
    /// Its metrics are registered in `metrics`.
    pub fn open(
        kind: StoreKind,
        database: &Database,
        configs: &StoreConfigs,
        metrics: &prometheus::Registry,
    ) -> Result<Self, StoreError> {
        let config = configs.clone();
        Ok(match kind {
            StoreKind::Embedded => {
                let metrics = Metrics::new(metrics).map_err(not_registered)?;
                let store = EmbeddedStore::open(database, config.embedded, metrics)?;
                Self::Embedded(Arc::new(store))
            }
            StoreKind::QuestDb => {
                let metrics = QuestDbMetrics::new(metrics).map_err(not_registered)?;
                let store = QuestDbStore::open(database, config.questdb, metrics)?;
                Self::QuestDb(Arc::new(store))
            }
        })
    }

    /// Which kind it is.
    pub fn kind(&self) -> StoreKind {
        match self {
            Self::Embedded(_) => StoreKind::Embedded,
            Self::QuestDb(_) => StoreKind::QuestDb,
        }
    }

    /// What every store does.
    pub fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Embedded(store) => store.clone(),
            Self::QuestDb(store) => store.clone(),
        }
    }

    /// The store, if it is in QuestDB.
    pub fn questdb(&self) -> Option<Arc<QuestDbStore>> {
        match self {
            Self::Embedded(_) => None,
            Self::QuestDb(store) => Some(store.clone()),
        }
    }

    pub(crate) fn end(&self) -> Arc<dyn End> {
        match self {
            Self::Embedded(store) => store.clone(),
            Self::QuestDb(store) => store.clone(),
        }
    }
}

/// Opens the target of a copy, whose days begin as those of the source.
pub(crate) fn open_target(
    kind: StoreKind,
    database: &Database,
    configs: &StoreConfigs,
    utc_offset_min: i32,
) -> Result<Arc<dyn End>, StoreError> {
    // What a copy does is told by its progress; the platform's metrics are of its store.
    let metrics = prometheus::Registry::new();
    Ok(match kind {
        StoreKind::Embedded => {
            let config = Config {
                utc_offset_min,
                ..configs.embedded.clone()
            };
            let metrics = Metrics::new(&metrics).map_err(not_registered)?;
            Arc::new(EmbeddedStore::open_target(database, config, metrics)?)
        }
        StoreKind::QuestDb => {
            let config = QuestDbConfig {
                utc_offset_min,
                ..configs.questdb.clone()
            };
            let metrics = QuestDbMetrics::new(&metrics).map_err(not_registered)?;
            Arc::new(QuestDbStore::open_target(database, config, metrics)?)
        }
    })
}

fn not_registered(error: prometheus::Error) -> StoreError {
    StoreError::Refused {
        what: "the store's metrics".to_owned(),
        reason: error.to_string(),
    }
}
