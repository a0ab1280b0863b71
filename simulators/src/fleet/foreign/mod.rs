//! Foreign devices: other people's firmware, as much of it as a platform notices. They speak
//! JSON and SenML over MQTT 3.1.1 or 5, share connections as gateways do, and some send a message
//! again that was acknowledged, or one that is no reading at all.

mod carrier;
mod device;
mod fleet;
mod payload;

pub use device::{Device, Plan, Reading};
pub(super) use fleet::travel;
pub use payload::{Content, Format, FormatShare};
