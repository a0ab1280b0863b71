//! What answers look like, as the OpenAPI document describes it.

mod device;
mod health;
mod letters;
mod object;
mod reading;
mod store_copy;

pub use device::{
    Datastream, DatastreamPut, Device, DevicePut, Limits, Moment, Place, Placing, Point, PointType,
    Range,
};
pub use health::{Counts, Health, Lag, Ready, ReadyPart, Reconciliation, StoreFigures};
pub use letters::{DeadLetter, ReplayOutcome, ReplayRequest};
pub(crate) use object::Object;
pub use reading::{Bucket, Reading, Series};
pub use store_copy::{StoreCheck, StoreCopy, StoreCopyPut};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// The `cursor` of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
