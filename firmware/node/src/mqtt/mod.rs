//! MQTT 5 as a device needs it, over any stream: CONNECT with a will, PUBLISH at QoS 0 and 1,
//! one subscription, pings. (Section numbers are those of the OASIS standard of 2019.)
//!
//! What is to be sent is put into the [`Session`] at once; one future writes it, another reads.
//! What waits for a PUBACK is kept as it was written and repeated on the next connection, as
//! section 4.4 wants it, unless the broker has forgotten the session.

mod frame;
mod inbound;
mod outbox;
mod packet;
mod session;
#[cfg(test)]
mod tests;

pub use inbound::Message;
pub use outbox::Unsent;
pub use packet::Hello;
pub use session::{Event, Fault, How, RECEIVE_MAX, Session};
