//! The demo city: a few hundred stations in the true wards, with a day of history, alive.
//!
//! All stations share one MQTT connection, since they share one process; they have no status
//! topics and no wills of their own. Their boot counter is the second in which the demo
//! started, or the one behind the last if that is larger, so that a restart is a boot.

mod errand;
mod run;
mod stations;
mod wards;

use run::Newest;
pub use run::{DemoConfig, DemoError, run};
pub use stations::{Station, stations};
pub use wards::{Ward, wards};
