//! Live readings: server-sent events and WebSocket.
//!
//! One task a subscriber follows the feed. The feed itself keeps nothing for a slow
//! subscriber: it goes on from the log. So a slow one costs a bounded queue and a place in the
//! log, until it is dropped.

mod carrier;
mod end;
mod filter;
mod follow;
mod queue;
mod sse;
mod subscriber;
mod ws;

pub(crate) use sse::{__path_live, live};
use subscriber::Subscriber;
pub(crate) use ws::{__path_live_ws, live_ws};
