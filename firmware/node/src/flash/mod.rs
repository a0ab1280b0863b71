//! What the device keeps when the power goes: docs/device-flash.md says it byte by byte.

mod boots;
mod compose;
#[cfg(test)]
mod damage;
mod dating;
mod loss;
mod page;
mod pages;
mod queue;
mod ram;
mod record;
mod room;
mod settings;
mod stock;
mod store;
#[cfg(test)]
mod tests;

pub use compose::{Context, MESSAGE_READINGS_MAX, Message};
pub use ram::{RamFlash, RamFlashError};
pub use store::{IN_FLIGHT_MAX, Layout, MountError, Store, StoreError};

pub(crate) use settings::Key;
#[cfg(test)]
pub(crate) use settings::VALUE_BYTES_MAX;
pub(crate) use store::Places;
