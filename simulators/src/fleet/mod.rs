//! Thousands of devices over real MQTT, at the pace of their own time.

mod args;
mod carrier;
mod device;
mod kind;
mod payload;
mod simulate;

pub use args::SimulateArgs;
pub(crate) use carrier::Pace;
pub use device::{Device, Plan, Reading};
pub use kind::Kind;
pub use payload::{Content, Format, FormatShare};
pub use simulate::{Config, run};
