//! Why a message or a reading could not be taken.

use std::borrow::Cow;
use thiserror::Error;

/// The short name of a problem: the label of the metric, the filter of dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The payload is not what its format says.
    Undecodable,
    /// More readings than [`super::Limits::readings_max`].
    TooManyReadings,
    /// No finite number.
    BadValue,
    /// No time, or one that is not plausibly in the unit it should be in.
    BadTime,
    /// No quality that is known.
    BadQuality,
    /// A datastream or device whose name is none.
    BadName,
    /// A unit that is no text or too long.
    BadUnit,
    /// A boot or sequence number that is none.
    BadSequence,
    /// The same datastream twice in one object: which is meant can't be known.
    Ambiguous,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 9] = [
        Self::Undecodable,
        Self::TooManyReadings,
        Self::BadValue,
        Self::BadTime,
        Self::BadQuality,
        Self::BadName,
        Self::BadUnit,
        Self::BadSequence,
        Self::Ambiguous,
    ];

    /// Its name in metrics and dead letters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Undecodable => "undecodable",
            Self::TooManyReadings => "too_many_readings",
            Self::BadValue => "bad_value",
            Self::BadTime => "bad_time",
            Self::BadQuality => "bad_quality",
            Self::BadName => "bad_name",
            Self::BadUnit => "bad_unit",
            Self::BadSequence => "bad_sequence",
            Self::Ambiguous => "ambiguous",
        }
    }
}

/// A message that can't be taken apart: reject it, trying again won't help.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{detail} (byte {at})")]
pub struct DecodeError {
    /// The short name.
    pub reason: Reason,
    /// The byte of the payload at which it shows, from 0 on.
    pub at: usize,
    /// What is wrong, for a person.
    pub detail: Cow<'static, str>,
}

impl DecodeError {
    pub(crate) fn new(at: usize, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            reason: Reason::Undecodable,
            at,
            detail: detail.into(),
        }
    }

    pub(crate) fn too_many(at: usize, readings_max: u32) -> Self {
        Self {
            reason: Reason::TooManyReadings,
            at,
            detail: format!("more than {readings_max} readings in one message").into(),
        }
    }
}
