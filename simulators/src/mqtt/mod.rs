//! Messages over real MQTT, and which of them were acknowledged.

mod config;
mod courier;
mod errand;
mod link;
mod passage;
mod traffic;

pub use config::Config;
pub use courier::{Courier, CourierError};
pub use errand::{Errand, Message, Next};
pub use link::Protocol;
pub use traffic::Traffic;
