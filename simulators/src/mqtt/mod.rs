//! Messages over real MQTT, and which of them were acknowledged.

mod config;
mod courier;
mod errand;
mod knock;
mod link;
mod passage;
mod traffic;

pub use config::Config;
pub use courier::{Courier, CourierError};
pub use errand::{Errand, Message, Next};
pub(crate) use knock::knock;
pub use link::Protocol;
pub use traffic::Traffic;
