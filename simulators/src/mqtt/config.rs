//! The bounds of one connection.

use super::Protocol;
use std::net::SocketAddr;

/// How to reach the platform, and the bounds of one connection.
#[derive(Clone, Debug)]
pub struct Config {
    /// The platform's MQTT address.
    pub address: SocketAddr,
    /// The version to speak.
    pub protocol: Protocol,
    /// Messages in flight at once. Default 100.
    pub window: u16,
    /// Keep-alive, s. Default 60.
    pub keep_alive_s: u16,
    /// Largest packet, bytes. Default 1 MiB.
    pub packet_bytes_max: usize,
    /// How long to try without one connection or acknowledgement, s. Default 60.
    pub give_up_s_max: u64,
    /// Longest pause between two attempts to connect, ms. Default 3000.
    pub backoff_ms_max: u64,
    /// How long acknowledgements are awaited after a shutdown, s. Default 5.
    pub drain_s_max: u64,
    /// Decides the jitter of reconnections.
    pub seed: u64,
}

impl Config {
    /// The defaults, for a platform at an address.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            protocol: Protocol::default(),
            window: 100,
            keep_alive_s: 60,
            packet_bytes_max: 1 << 20,
            give_up_s_max: 60,
            backoff_ms_max: 3_000,
            drain_s_max: 5,
            seed: 0,
        }
    }
}
