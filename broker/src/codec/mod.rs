//! MQTT 3.1.1 and 5 on the wire: bytes in, meaning out, and back.
//!
//! Decoding borrows from the bytes it is given and allocates nothing; what it returns is
//! valid by construction. It knows no sockets, sessions or rights.

mod ack;
mod connect;
mod cursor;
mod error;
mod explained;
mod frame;
mod packet;
mod properties;
mod property;
mod publish;
mod reason;
mod subscribe;
mod topic;

pub use ack::{Ack, Auth, Connack, Disconnect};
pub use connect::{Connect, Will};
pub use error::DecodeError;
pub use explained::Explained;
pub use frame::{Frame, frame, put_varint, varint_bytes};
pub use packet::{Kind, Packet, Version};
pub use properties::{Properties, PropertyList};
pub use property::{Place, Property};
pub use publish::Publish;
pub use reason::Reason;
pub use subscribe::{
    FilterEntries, Filters, RetainHandling, Suback, Subscribe, SubscribeOptions, Unsuback,
    Unsubscribe,
};
pub use topic::{filter_matches, shared_filter, valid_filter, valid_topic};
