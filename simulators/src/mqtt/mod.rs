//! Messages over real MQTT, and which of them were acknowledged.

mod courier;
mod link;

pub use courier::{Config, Courier, CourierError, Errand, Message, Next, Traffic};
pub use link::Protocol;
