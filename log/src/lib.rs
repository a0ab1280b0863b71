//! The durable log: append with group commit, read from any offset while appending, trim.
//!
//! Its records are opaque bytes. It knows nothing of MQTT, readings or stores. The format on
//! disk is `docs/log-format.md`.
#![forbid(unsafe_code)]

mod batch;
mod block;
mod committer;
mod config;
pub mod disk;
mod error;
mod index;
mod keeper;
mod metrics;
mod pins;
mod queue;
mod reader;
mod record;
mod recovery;
mod roll;
mod segment;
mod segment_log;
mod shared;
mod stepped;
mod table;
mod traits;
mod trim;
mod window;

pub use batch::Batch;
pub use committer::{Random, Step};
pub use config::Config;
pub use error::OpenError;
pub use metrics::Metrics;
pub use record::{Offset, Records};
pub use segment_log::SegmentLog;
pub use shared::Clock;
pub use stepped::{SteppedLog, Surroundings};
pub use traits::{AppendError, Committed, Figures, Log, Pin, ReadError, Reader, Stall, State};
