//! Who and what: devices, datastreams, places, with the dates from which they hold.
//!
//! It knows neither MQTT nor HTTP.
#![forbid(unsafe_code)]

mod model;

pub use model::{
    Datastream, Device, DeviceId, NewDatastream, Place, Position, Range, Registration,
};
pub use nhip_wire::SeriesId;
