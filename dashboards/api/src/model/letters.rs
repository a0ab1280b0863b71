//! Dead letters.

use super::Moment;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A message, or some readings of it, that could not be taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeadLetter {
    /// Its number.
    pub id: u64,
    /// When the platform received it.
    pub received: String,
    /// The device, as far as it is known.
    pub device: Option<String>,
    /// The topic as published.
    pub topic: String,
    /// The short name of the first reading's reason, as in the metric's label.
    pub reason: String,
    /// The reasons of all its readings, each once.
    pub reasons: Vec<String>,
    /// What exactly is wrong.
    pub detail: String,
    /// How many readings of the message were rejected.
    pub readings: u32,
    /// The payload as it came, where it is UTF-8; else null.
    pub payload: Option<String>,
    /// The payload as it came, in base64.
    pub payload_base64: String,
    /// When it was replayed, if it was.
    pub replayed: Option<String>,
}

/// Which dead letters to replay: by number, or all that the other members name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayRequest {
    /// These numbers.
    #[serde(default)]
    pub ids: Vec<u64>,
    /// Of this reason.
    #[serde(default)]
    pub reason: Option<String>,
    /// Of this device.
    #[serde(default)]
    pub device: Option<String>,
    /// Received at this instant or later.
    #[serde(default)]
    pub from: Option<Moment>,
    /// Received before this instant.
    #[serde(default)]
    pub to: Option<Moment>,
    /// At most so many (default 1,000, at most 100,000).
    #[serde(default)]
    #[schema(minimum = 1, maximum = 100_000)]
    pub limit: Option<u32>,
}

/// What a replay did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReplayOutcome {
    /// How many dead letters were sent again.
    pub replayed: u64,
    /// One past the log offset of the last of them: when the fold is there, the figures show
    /// what became of them.
    pub until_offset: u64,
}
