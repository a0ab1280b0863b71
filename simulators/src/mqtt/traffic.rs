//! What was carried.

use crate::report::Latency;

/// What a courier did.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// Messages written for the first time.
    pub sent: u64,
    /// Messages written again since no acknowledgement had come.
    pub resent: u64,
    /// Messages acknowledged.
    pub acknowledged: u64,
    /// Messages refused with an MQTT 5 reason.
    pub refused: u64,
    /// Times it got in.
    pub connections: u64,
    /// From the first writing of a message to its acknowledgement.
    pub latency: Latency,
}

impl Traffic {
    /// Adds what another courier did.
    pub fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.resent += other.resent;
        self.acknowledged += other.acknowledged;
        self.refused += other.refused;
        self.connections += other.connections;
        self.latency.add(&other.latency);
    }
}
