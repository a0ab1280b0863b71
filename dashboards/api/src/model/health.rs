//! How the platform is, and what became of readings.

use nhip_ingest as ingest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What became of readings: `received = stored + duplicate + rejected + pending`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Reconciliation {
    /// The device; absent in the figures of the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Readings that the fold has read; a message that can't be decoded counts as one.
    pub received: u64,
    /// In the store.
    pub stored: u64,
    /// Known already.
    pub duplicate: u64,
    /// Dead letters.
    pub rejected: u64,
    /// Accepted, not yet in the store.
    pub pending: u64,
    /// Log records that the fold has not reached.
    pub unread: u64,
}

impl Reconciliation {
    /// The figures of a device, or of the platform.
    pub fn new(device: Option<&str>, figures: ingest::Reconciliation) -> Self {
        Self {
            device: device.map(str::to_owned),
            received: figures.received,
            stored: figures.stored,
            duplicate: figures.duplicate,
            rejected: figures.rejected,
            pending: figures.pending,
            unread: figures.unread,
        }
    }
}

/// Whether the platform is ready, part by part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Ready {
    /// Whether every part is.
    pub ready: bool,
    /// The parts.
    pub parts: BTreeMap<String, ReadyPart>,
}

/// Whether one part of the platform is ready.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReadyPart {
    /// Whether it does its work.
    pub ready: bool,
    /// What it is doing, or why it is not ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// How the platform is.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Health {
    /// The time of the platform.
    pub time: String,
    /// Whether every part is ready.
    pub ready: Ready,
    /// How far the fold is behind the log.
    pub lag: Lag,
    /// The log.
    pub log: crate::LogFigures,
    /// The store.
    pub store: StoreFigures,
    /// How many there are of what.
    pub counts: Counts,
    /// What became of readings.
    pub reconciliation: Reconciliation,
}

/// How far the fold is behind the log.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Lag {
    /// Log records not reached.
    pub records: u64,
    /// Age of the oldest of them, seconds.
    pub seconds: f64,
    /// Whether the store holds the fold up.
    pub store_unavailable: bool,
}

/// Sizes of the store.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct StoreFigures {
    /// Bytes on the disk, with the database's journal.
    pub bytes: u64,
    /// Readings that wait in memory for their checkpoint.
    pub open_readings: u64,
    /// Parts that wait to be merged.
    pub parts_due: u64,
}

/// How many there are of what.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Counts {
    /// Devices, retired ones too.
    pub devices: u64,
    /// Datastreams, of retired devices too.
    pub datastreams: u64,
    /// Live streams that are open.
    pub live_subscribers: u64,
}
