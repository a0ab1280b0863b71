//! Live messages on their way to subscribers, after they are durable.
//!
//! Loss-tolerant by design: what is behind is shed and counted, and nothing here can hold up
//! an acknowledgement.

mod deliver;
mod opening;
mod parcel;
mod pump;
mod router;

pub(crate) use deliver::Deliverer;
pub(crate) use parcel::UNLOGGED;
pub use parcel::{Parcel, Source, messages};
pub use pump::RouterFanout;
pub use router::{Carrier, CarrierError, Engine, RumqttdEngine, carrier, router};

use std::time::Duration;

/// Carries parcels of messages to the subscribers' side, in order.
pub trait Fanout: Send + Sync + 'static {
    /// Takes a parcel, or gives it back when the bound is reached. Never blocks.
    fn submit(&self, parcel: Parcel) -> Result<(), Parcel>;
    /// Blocks until there may be room again or `timeout` is over.
    fn wait_room(&self, timeout: Duration);
    /// Whether it carries nothing any more, though nobody has stopped it.
    fn has_failed(&self) -> bool;
    /// Ends it; what is under way is dropped.
    fn stop(&self);
}

/// The far end of a [`Fanout`].
pub trait Deliver: Send + Sync + 'static {
    /// Hands the messages of a parcel to whoever subscribes to them.
    fn deliver(&self, parcel: &[u8]);
}
