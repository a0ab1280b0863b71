//! The topics of devices, and those on which normalised readings go out.
//!
//! ```text
//! devices/<device>/readings/<format>                  from a device
//! devices/<device>/status                             from a device, retained, also its will
//! devices/<device>/commands/…                         to a device
//! live/<property>/<place>/<device>/<datastream>       from the platform
//! ```

use crate::{
    format::Format,
    name::{self, NameError},
};
use core::fmt;

/// The place in a live topic of a device that has none.
pub const UNPLACED: &str = "unplaced";

/// What a topic is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic<'a> {
    /// Readings of a device.
    Readings {
        /// The device that measured.
        device: &'a str,
        /// How the payload is written.
        format: Format,
    },
    /// Whether a device is there: `online` or `offline`.
    Status {
        /// The device.
        device: &'a str,
    },
    /// Something that a device shall do.
    Command {
        /// The device.
        device: &'a str,
        /// What follows `commands/`, with its slashes; never empty.
        command: &'a str,
    },
    /// A normalised reading going out.
    Live(Live<'a>),
    /// Neither of the platform's: ordinary MQTT, or a mapping rule's.
    Foreign,
}

/// The levels of a live topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Live<'a> {
    /// The observed property.
    pub property: &'a str,
    /// The place, or [`UNPLACED`].
    pub place: &'a str,
    /// The device.
    pub device: &'a str,
    /// The datastream.
    pub datastream: &'a str,
}

/// Why a topic under `devices/` or `live/` is none of the platform's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicError<'a> {
    /// A level that has to be a name is none.
    Name {
        /// Which level: `device`, `property`, `place` or `datastream`.
        level: &'static str,
        /// What is wrong with it.
        error: NameError,
    },
    /// The last level is not a format.
    Format {
        /// What stands there.
        found: &'a str,
    },
    /// What follows the device's name is none of `readings/<format>`, `status`, `commands/…`.
    Kind {
        /// What stands there.
        found: &'a str,
    },
    /// It has fewer or more levels than `live/<property>/<place>/<device>/<datastream>`.
    Levels,
}

impl fmt::Display for TopicError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { level, error } => write!(f, "bad {level}: {error}"),
            Self::Format { found } => write!(
                f,
                "unknown format {found:?}; there are compact, json, senml-json, senml-cbor"
            ),
            Self::Kind { found } => write!(
                f,
                "{found:?} follows the device; there are readings/<format>, status, commands/…"
            ),
            Self::Levels => {
                f.write_str("a live topic is live/<property>/<place>/<device>/<datastream>")
            }
        }
    }
}

impl core::error::Error for TopicError<'_> {}

/// What a topic name (without wildcards) is for.
pub fn parse(topic: &str) -> Result<Topic<'_>, TopicError<'_>> {
    if let Some(rest) = topic.strip_prefix("devices/") {
        of_device(rest)
    } else if let Some(rest) = topic.strip_prefix("live/") {
        live(rest).map(Topic::Live)
    } else {
        Ok(Topic::Foreign)
    }
}

fn of_device(rest: &str) -> Result<Topic<'_>, TopicError<'_>> {
    let (device, kind) = rest.split_once('/').unwrap_or((rest, ""));
    level("device", device)?;
    if let Some(format) = kind.strip_prefix("readings/") {
        return Format::from_name(format)
            .map(|format| Topic::Readings { device, format })
            .ok_or(TopicError::Format { found: format });
    }
    match kind.strip_prefix("commands/") {
        Some(command) if !command.is_empty() => Ok(Topic::Command { device, command }),
        _ if kind == "status" => Ok(Topic::Status { device }),
        _ => Err(TopicError::Kind { found: kind }),
    }
}

fn live(rest: &str) -> Result<Live<'_>, TopicError<'_>> {
    let mut levels = rest.split('/');
    let mut next = |name| {
        let text = levels.next().ok_or(TopicError::Levels)?;
        level(name, text)
    };
    let live = Live {
        property: next("property")?,
        place: next("place")?,
        device: next("device")?,
        datastream: next("datastream")?,
    };
    match levels.next() {
        None => Ok(live),
        Some(_) => Err(TopicError::Levels),
    }
}

fn level<'a>(level: &'static str, text: &'a str) -> Result<&'a str, TopicError<'a>> {
    match name::check(text) {
        Ok(()) => Ok(text),
        Err(error) => Err(TopicError::Name { level, error }),
    }
}

/// Writes `devices/<device>/readings/<format>`.
pub fn write_readings(out: &mut impl fmt::Write, device: &str, format: Format) -> fmt::Result {
    out.write_str("devices/")?;
    out.write_str(device)?;
    out.write_str("/readings/")?;
    out.write_str(format.name())
}

/// Writes `devices/<device>/status`.
pub fn write_status(out: &mut impl fmt::Write, device: &str) -> fmt::Result {
    out.write_str("devices/")?;
    out.write_str(device)?;
    out.write_str("/status")
}

/// Writes `devices/<device>/commands/<command>`; with `#` it is the filter to subscribe to.
pub fn write_command(out: &mut impl fmt::Write, device: &str, command: &str) -> fmt::Result {
    out.write_str("devices/")?;
    out.write_str(device)?;
    out.write_str("/commands/")?;
    out.write_str(command)
}

/// Writes `live/<property>/<place>/<device>/<datastream>`.
pub fn write_live(out: &mut impl fmt::Write, live: &Live<'_>) -> fmt::Result {
    for (slash, text) in [
        ("live/", live.property),
        ("/", live.place),
        ("/", live.device),
        ("/", live.datastream),
    ] {
        out.write_str(slash)?;
        out.write_str(text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    extern crate std;
    use std::{format, string::String};

    #[test]
    fn reads_the_topics_of_the_contract() {
        let device = "q1-air-01";
        assert_eq!(
            parse("devices/q1-air-01/readings/senml-cbor"),
            Ok(Topic::Readings {
                device,
                format: Format::SenmlCbor
            })
        );
        assert_eq!(
            parse("devices/q1-air-01/status"),
            Ok(Topic::Status { device })
        );
        assert_eq!(
            parse("devices/q1-air-01/commands/lamp/on"),
            Ok(Topic::Command {
                device,
                command: "lamp/on"
            })
        );
        for foreign in [
            "a/b",
            "device/x/status",
            "devices",
            "",
            "application/1/device/2/event/up",
            "/devices/a/status",
        ] {
            assert_eq!(parse(foreign), Ok(Topic::Foreign), "{foreign}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(
            parse("devices/a/readings/xml"),
            Err(TopicError::Format { found: "xml" })
        );
        assert_eq!(
            parse("devices/a/readings/json/"),
            Err(TopicError::Format { found: "json/" })
        );
        assert_eq!(
            parse("devices/a/reading/json"),
            Err(TopicError::Kind {
                found: "reading/json"
            })
        );
        assert_eq!(parse("devices/a"), Err(TopicError::Kind { found: "" }));
        assert_eq!(
            parse("devices/a/commands/"),
            Err(TopicError::Kind { found: "commands/" })
        );
        for topic in [
            "devices//status",
            "devices/Đ/status",
            "devices/A/status",
            "devices/../status",
        ] {
            assert!(
                matches!(
                    parse(topic),
                    Err(TopicError::Name {
                        level: "device",
                        ..
                    })
                ),
                "{topic}"
            );
        }
        assert_eq!(parse("live/a/b/c"), Err(TopicError::Levels));
        assert_eq!(parse("live/a/b/c/d/e"), Err(TopicError::Levels));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            device in "[a-z0-9][a-z0-9_.-]{0,62}",
            other in "[a-z0-9][a-z0-9_.-]{0,62}",
            format in 0_usize..4,
        ) {
            let format = Format::ALL[format];
            let mut topic = String::new();
            write_readings(&mut topic, &device, format).unwrap();
            prop_assert_eq!(parse(&topic), Ok(Topic::Readings { device: &device, format }));
            let live = Live { property: &other, place: UNPLACED, device: &device, datastream: &other };
            let mut topic = String::new();
            write_live(&mut topic, &live).unwrap();
            prop_assert_eq!(parse(&topic), Ok(Topic::Live(live)));
            let mut topic = String::new();
            write_status(&mut topic, &device).unwrap();
            prop_assert_eq!(parse(&topic), Ok(Topic::Status { device: &device }));
            let topic = { let mut t = String::new(); write_command(&mut t, &device, "x/y").unwrap(); t };
            prop_assert_eq!(parse(&topic), Ok(Topic::Command { device: &device, command: "x/y" }));
        }

        #[test]
        fn no_text_panics(topic in "\\PC*", rest in "\\PC*") {
            let _ = parse(&topic);
            let _ = parse(&format!("devices/{rest}"));
            let _ = parse(&format!("live/{rest}"));
        }
    }
}
