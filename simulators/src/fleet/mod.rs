//! Thousands of devices over real MQTT, at the pace of their own time: devices that run the
//! firmware's own code, and foreign ones that speak other formats.

mod args;
mod config;
mod foreign;
mod kind;
mod node;
mod pace;
mod simulate;

pub use args::SimulateArgs;
pub use config::Config;
pub use foreign::{Content, Device, Format, FormatShare, Plan, Reading};
pub use kind::Kind;
pub(crate) use pace::Pace;
pub use simulate::run;
