//! Recorded data over real MQTT: CSV or NDJSON, at its own pace, faster, or at once.

mod args;
mod errand;
mod mapping;
mod recording;
mod run;
mod table;
mod time;

pub use args::{Pace, Preset, ReplayArgs};
pub use mapping::{Column, Mapping, MappingError};
pub use recording::{Recording, RecordingError};
pub use run::{Config, ReplayError, register, run};
