//! The codec: what is written is read back, and no bytes harm it (`fuzz/` has any bytes).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that can't go on must panic"
)]

mod compared;
mod judged;
mod other;
mod packets;
mod properties;
mod round_trip;
mod strict;
