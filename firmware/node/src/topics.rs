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
    /// None if the name is longer than a name may be.
    pub(crate) fn of(device: &str) -> Option<Self> {
        let mut topics = Self {
            readings: String::new(),
            status: String::new(),
            commands: String::new(),
        };
        topic::write_readings(&mut topics.readings, device, Format::Compact).ok()?;
        topic::write_status(&mut topics.status, device).ok()?;
        // One level: answers are a level deeper and don't come back.
        topic::write_command(&mut topics.commands, device, "+").ok()?;
        Some(topics)
    }
}
