//! Moving the readings of a data folder from one store to the other while ingestion goes on.
//!
//! `docs/store-copy.md` has its steps, what is durable of it, and what a crash leaves.

mod comparison;
mod digest;
mod end;
mod groups;
mod held;
mod history;
mod marks;
mod open;
mod progress;
mod record;
mod records;
mod rounds;
mod step;
mod store_copy;
mod tally;
mod turn;
mod watched;

pub use comparison::Comparison;
pub(crate) use digest::{Fields, fields};
pub(crate) use end::{End, Group, Remains, SeriesSpan};
pub use open::{OpenStore, StoreConfigs};
pub use progress::{CopyCheck, CopyOrder, CopyProgress};
pub use record::CopyPhase;
pub use store_copy::StoreCopy;
pub use turn::Turn;
pub use watched::WatchedStore;
