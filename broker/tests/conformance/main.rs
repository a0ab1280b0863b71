//! The front door over real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that can't go on must panic"
)]

mod asked;
mod delivery;
mod durable;
mod exactly_once;
mod faults;
mod gate;
mod kit;
mod limits;
mod listed;
mod live;
mod model;
mod packet_size;
mod parted;
mod rates;
mod retained;
mod retained_limits;
mod retained_restarts;
mod router;
mod sessions;
mod shared;
mod slow;
mod statements;
mod takeover;
mod websocket;
