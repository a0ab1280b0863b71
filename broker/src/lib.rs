//! The MQTT front door: sessions, ack gate, retained messages, fan-out.
//!
//! A publish is acknowledged when the log has it on the disk, and only then. Subscribers are
//! fed behind that, by a follower of the log through an embedded rumqttd router. The design
//! is `docs/broker.md`.
#![forbid(unsafe_code)]

mod broker;
mod catch_up;
pub mod codec;
mod config;
mod connection;
mod core;
pub mod fanout;
mod follower;
mod identity;
mod keyspaces;
mod link;
mod listen;
mod live;
mod metrics;
mod notices;
mod retained;
mod retaining;
mod session;
mod sweep;
mod sys;
mod trie;

pub use broker::{Addresses, Broker, Parts, StartError};
pub use config::Config;
pub use identity::{
    Access, Anonymous, Answer, Authenticator, Claim, Claims, Clock, Login, OpenAccess, Pages,
    Principal,
};
pub use live::{LiveError, LiveMessage, LiveSource, NoLive};
pub use metrics::Metrics;
