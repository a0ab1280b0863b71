//! Where observations live: the `Store` trait, and the embedded store.
//!
//! It knows nothing of MQTT and nothing of the log. Series are integers that the registry
//! gave; names never reach it.
#![forbid(unsafe_code)]

mod observation;
mod traits;

pub use nhip_wire::SeriesId;
pub use observation::{Observation, Source};
pub use traits::{
    Block, Bucket, Order, RangeQuery, ShardState, StateBatch, Store, StoreError, StoreFigures,
};
