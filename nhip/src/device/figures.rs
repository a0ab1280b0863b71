//! What the platform did with a device's readings.

use crate::client::{Client, encode};
use serde::Deserialize;
use std::{
    thread,
    time::{Duration, Instant},
};

/// How long the platform has to take up what came; where others send all the time, something may
/// always be unread.
const SETTLE_MAX: Duration = Duration::from_secs(10);
/// Between two looks at it.
const SETTLE_PAUSE: Duration = Duration::from_millis(200);

/// A device's figures: `received = stored + duplicate + rejected + pending`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Figures {
    /// Readings that were taken up.
    pub received: u64,
    /// Of these, stored.
    pub stored: u64,
    /// Left out since they had been stored before.
    pub duplicate: u64,
    /// Made dead letters of.
    pub rejected: u64,
    /// Not stored yet.
    pub pending: u64,
    /// Messages of whatever device that nobody looked at yet.
    pub unread: u64,
}

impl Figures {
    /// Those of a device at this moment; zeros where the platform has never heard of it.
    pub fn of(client: &Client, name: &str) -> anyhow::Result<Self> {
        let path = format!("/api/v1/reconciliation?device={}", encode(name));
        Ok(client.find(&path)?.unwrap_or_default())
    }

    /// Those of a device before it is watched, as soon as what it sent until now is in them, or
    /// after [`SETTLE_MAX`].
    pub fn before(client: &Client, name: &str) -> anyhow::Result<Self> {
        let until = Instant::now() + SETTLE_MAX;
        loop {
            let now = Self::of(client, name)?;
            if now.unread + now.pending == 0 || Instant::now() >= until {
                return Ok(now);
            }
            thread::sleep(SETTLE_PAUSE);
        }
    }

    /// What was added to `before`, as soon as that are so many readings and none is pending, or
    /// after [`SETTLE_MAX`].
    pub fn since(client: &Client, name: &str, before: Self, readings: u64) -> anyhow::Result<Self> {
        let until = Instant::now() + SETTLE_MAX;
        loop {
            let now = Self::of(client, name)?;
            let added = now.less(before);
            let settled = added.received >= readings && now.pending == 0;
            if settled || Instant::now() >= until {
                return Ok(added);
            }
            thread::sleep(SETTLE_PAUSE);
        }
    }

    // A dead letter that is replayed is taken back from what was received and rejected.
    fn less(self, before: Self) -> Self {
        Self {
            received: self.received.saturating_sub(before.received),
            stored: self.stored.saturating_sub(before.stored),
            duplicate: self.duplicate.saturating_sub(before.duplicate),
            rejected: self.rejected.saturating_sub(before.rejected),
            pending: self.pending,
            unread: self.unread,
        }
    }
}
