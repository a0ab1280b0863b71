//! Who and what: devices, datastreams, places, with the dates from which they hold.
//!
//! It knows neither MQTT nor HTTP. Everything is in memory and in the database: a
//! registration is written to the database's journal before anybody can use its number, and
//! since the store's checkpoints sync that same journal, it is durable no later than the
//! first checkpoint of a reading that bears the number. Before that a crash loses both, and
//! the fold registers anew. What an operator changes is synced at once.
#![forbid(unsafe_code)]

mod change;
mod config;
mod error;
mod geometry;
mod model;
mod name;
mod place;
mod property;
mod registry;
mod selection;
mod state;
mod storage;

pub use change::{Applied, DatastreamUpdate, DeviceUpdate, UNIT_BYTES_MAX, is_unit};
pub use config::Config;
pub use error::RegistryError;
pub use model::{
    Datastream, Device, DeviceId, Limits, NewDatastream, Place, Placing, Position, Range,
    Registration,
};
pub use nhip_wire::SeriesId;
pub use registry::{Amended, Registry};
pub use selection::{BoundingBox, Near, Selection};
