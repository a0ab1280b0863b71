//! What the API gives.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A reading with its numbers as the API wrote them.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Reading {
    pub(super) device: String,
    pub(super) datastream: String,
    pub(super) time: String,
    pub(super) received: String,
    pub(super) value: Box<RawValue>,
    pub(super) unit: String,
    pub(super) quality: String,
    pub(super) boot: Option<u32>,
    pub(super) seq: Option<u64>,
    pub(super) time_source: String,
}

/// A page of readings.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    pub(super) items: Vec<Reading>,
    pub(super) next: Option<String>,
}
