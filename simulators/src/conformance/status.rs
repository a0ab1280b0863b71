//! What a device says of its connection.

use super::{Finding, judge::Seen};

/// Lost connections that are nothing to speak of: a restart.
const LOST_MAX: u64 = 1;

/// Its status, and what came with it.
#[derive(Debug, Default)]
pub(super) struct Status {
    newest: Option<String>,
    retained: bool,
    /// How often it went from online to offline.
    lost: u64,
    /// Messages of readings since it is offline.
    sent_offline: u64,
}

impl Status {
    /// Takes a status.
    pub(super) fn see(&mut self, seen: &Seen) {
        let text = String::from_utf8_lossy(&seen.payload).into_owned();
        self.lost += u64::from(text == "offline" && self.newest.as_deref() == Some("online"));
        self.newest = Some(text);
        self.retained |= seen.retain;
        self.sent_offline = 0;
    }

    /// Takes note of a message of readings.
    pub(super) fn sent(&mut self) {
        self.sent_offline += u64::from(self.newest.as_deref() == Some("offline"));
    }

    /// What is wrong with it.
    pub(super) fn finding(&self) -> Option<Finding> {
        match self.newest.as_deref() {
            Some(_) if self.retained && self.lost > LOST_MAX => Some(Finding::Unsteady(self.lost)),
            Some("online") if self.retained => None,
            Some("offline") if self.retained => {
                (self.sent_offline > 0).then_some(Finding::OfflineAndSends)
            }
            Some(text) if self.retained => Some(Finding::StrangeStatus(text.to_owned())),
            _ => Some(Finding::NoStatus),
        }
    }
}
