//! Where observations live: the `Store` trait, the embedded store, and the one in QuestDB.
//!
//! It knows nothing of MQTT and nothing of the log. Series are integers that the registry
//! gave; names never reach it.
#![forbid(unsafe_code)]

mod codec;
mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
mod copy;
mod embedded;
mod grid;
mod kind;
mod metrics;
mod observation;
mod period;
mod questdb;
mod traits;

pub use self::questdb::{QuestDbConfig, QuestDbMetrics, QuestDbStore, SeriesNames};
pub use config::Config;
pub use copy::{
    Comparison, CopyCheck, CopyOrder, CopyPhase, CopyProgress, OpenStore, StoreConfigs, StoreCopy,
    Turn, WatchedStore,
};
pub use embedded::EmbeddedStore;
pub use kind::StoreKind;
pub use metrics::Metrics;
pub use nhip_wire::SeriesId;
pub use observation::{Observation, Source};
pub use traits::{
    Block, Bucket, Order, RangeQuery, ShardState, StateBatch, Store, StoreError, StoreFigures,
};
