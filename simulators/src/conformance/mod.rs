//! Watches a device over MQTT and says what it does wrong.

mod clock;
mod findings;
mod judge;
mod payload;
mod repeats;
mod senml;
mod status;
mod watch;

pub use findings::Finding;
pub use judge::{Judge, Seen};
pub use watch::{WatchError, watch};
