//! Shared subscriptions: clients that take turns with the messages of one filter
//! (`docs/sessions.md`, "Shared subscriptions").

mod group;
mod groups;
mod offering;

pub(crate) use group::{Due, Group, Member};
pub(crate) use groups::{Groups, Reservation};
pub(crate) use offering::Given;

/// The most that a shared subscription is granted: what one member has with QoS 2 could not go
/// to another.
pub(crate) const QOS_MAX: u8 = 1;
