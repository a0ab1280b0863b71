//! The durable log: append with group commit, read from any offset while appending, trim.
//!
//! Its records are opaque bytes. It knows nothing of MQTT, readings or stores. The format on
//! disk is `docs/log-format.md`.
#![forbid(unsafe_code)]

mod batch;
mod record;
mod traits;

pub use batch::Batch;
pub use record::{Offset, Records};
pub use traits::{AppendError, Committed, Figures, Log, Pin, ReadError, Reader, State};
