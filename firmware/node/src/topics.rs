//! The topics of one device.

use heapless::String;
use nhip_wire::{Format, topic};

/// Room for the longest: `devices/`, a name of 63 bytes, `/readings/compact`.
pub(crate) const TOPIC_BYTES_MAX: usize = 96;

pub(crate) struct Topics {
    pub(crate) readings: String<TOPIC_BYTES_MAX>,
    pub(crate) status: String<TOPIC_BYTES_MAX>,
    /// The filter under which commands come.
    pub(crate) commands: String<TOPIC_BYTES_MAX>,
}

impl Topics {
    pub(crate) const fn new() -> Self {
        Self {
            readings: String::new(),
            status: String::new(),
            commands: String::new(),
        }
    }

    /// None if the name is longer than a name may be.
    pub(crate) fn fill(&mut self, device: &str) -> Option<()> {
        topic::write_readings(&mut self.readings, device, Format::Compact).ok()?;
        topic::write_status(&mut self.status, device).ok()?;
        // One level: answers are a level deeper and don't come back.
        topic::write_command(&mut self.commands, device, "+").ok()
    }
}
