//! A command as it came, and what came of it.

use super::IDENTIFY_MAX_S;
use crate::{json::Json, reading::Channel};

/// What came of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Outcome {
    Done = 0,
    Unknown = 1,
    Malformed = 2,
    Period = 3,
    Channel = 4,
    Threshold = 5,
    Flash = 6,
    Full = 7,
}

impl Outcome {
    pub(super) const ALL: [Self; 8] = [
        Self::Done,
        Self::Unknown,
        Self::Malformed,
        Self::Period,
        Self::Channel,
        Self::Threshold,
        Self::Flash,
        Self::Full,
    ];

    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Done => "",
            Self::Unknown => "there are period, threshold, identify and reboot",
            Self::Malformed => "a flat JSON object of at most 250 bytes with an id of 1 to 32",
            Self::Period => "seconds is a whole number, 1 to 86400 (identify: 0 to 3600)",
            Self::Channel => "the device has no such channel",
            Self::Threshold => "low and high are numbers of the channel's decimals, or null",
            Self::Flash => "the device can't write its settings",
            Self::Full => {
                "the device keeps 8 thresholds and 12 periods: take a threshold away first"
            }
        }
    }
}

/// A command's members.
#[derive(Clone, Copy, Default)]
pub(super) struct Request<'a> {
    pub(super) id: Option<&'a str>,
    pub(super) channel: Option<&'a str>,
    pub(super) seconds: Option<Json<'a>>,
    pub(super) low: Option<Json<'a>>,
    pub(super) high: Option<Json<'a>>,
}

impl<'a> Request<'a> {
    pub(super) fn member(&mut self, name: &str, value: Json<'a>) {
        match name {
            "id" => self.id = value.text(),
            "channel" => self.channel = value.text(),
            "seconds" => self.seconds = Some(value),
            "low" => self.low = Some(value),
            "high" => self.high = Some(value),
            _ => {}
        }
    }

    pub(super) fn seconds(&self) -> Option<u32> {
        self.seconds?.scaled(0)?.try_into().ok()
    }

    pub(super) fn identify_s(&self) -> Option<u32> {
        match self.seconds {
            None => Some(60),
            Some(_) => self.seconds().filter(|seconds| *seconds <= IDENTIFY_MAX_S),
        }
    }

    pub(super) fn channel<'c>(&self, channels: &'c [Channel]) -> Option<&'c Channel> {
        channels
            .iter()
            .find(|channel| Some(channel.name) == self.channel)
    }
}
