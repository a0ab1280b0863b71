//! The kinds of value that a setting can have, each with its text form.

use std::{net::SocketAddr, path::PathBuf};
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

/// How a setting is written, read and described.
pub trait Kind {
    /// What it is in the program.
    type Value;
    /// Whether it is a text, which the file has in quotes: a bare number is none.
    const IS_TEXT: bool = false;
    /// The value of this text; none if the text is not one.
    fn parse(text: &str) -> Option<Self::Value>;
    /// What would be right, for an error and for the reference.
    fn expected() -> String;
}

/// An address with a port.
pub struct Address;

impl Kind for Address {
    type Value = SocketAddr;

    fn parse(text: &str) -> Option<SocketAddr> {
        text.parse().ok()
    }

    fn expected() -> String {
        "an address and a port, as 127.0.0.1:1883 or [::1]:1883".into()
    }
}

/// An address with a port, or nothing.
pub struct OptionalAddress;

impl Kind for OptionalAddress {
    type Value = Option<SocketAddr>;

    fn parse(text: &str) -> Option<Option<SocketAddr>> {
        match text {
            "" | "off" => Some(None),
            address => address.parse().ok().map(Some),
        }
    }

    fn expected() -> String {
        "an address and a port, as 127.0.0.1:8083, or off".into()
    }
}

/// A folder or file.
pub struct Path;

impl Kind for Path {
    type Value = PathBuf;
    const IS_TEXT: bool = true;

    fn parse(text: &str) -> Option<PathBuf> {
        (!text.is_empty()).then(|| text.into())
    }

    fn expected() -> String {
        "a path".into()
    }
}

/// A whole number between two ends, both included.
pub struct Integer<const MIN: u64, const MAX: u64>;

impl<const MIN: u64, const MAX: u64> Kind for Integer<MIN, MAX> {
    type Value = u64;

    fn parse(text: &str) -> Option<u64> {
        let number = text.replace('_', "").parse().ok()?;
        (MIN..=MAX).contains(&number).then_some(number)
    }

    fn expected() -> String {
        if MAX == u64::MAX {
            format!("a whole number from {MIN} on")
        } else {
            format!("a whole number from {MIN} to {MAX}")
        }
    }
}

/// A number of bytes between two ends, both included: `64 MiB`, `8GiB` or `67108864`.
pub struct Bytes<const MIN: u64, const MAX: u64>;

impl<const MIN: u64, const MAX: u64> Kind for Bytes<MIN, MAX> {
    type Value = u64;

    fn parse(text: &str) -> Option<u64> {
        let text = text.trim();
        let digits = text
            .find(|letter: char| !letter.is_ascii_digit() && letter != '_')
            .unwrap_or(text.len());
        let number: u64 = text[..digits].replace('_', "").parse().ok()?;
        let unit: u64 = match text[digits..].trim() {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "TiB" => 1 << 40,
            _ => return None,
        };
        let bytes = number.checked_mul(unit)?;
        (MIN..=MAX).contains(&bytes).then_some(bytes)
    }

    fn expected() -> String {
        if MAX == u64::MAX {
            format!("a size from {} on, as 64 MiB", size(MIN))
        } else {
            format!("a size from {} to {}, as 64 MiB", size(MIN), size(MAX))
        }
    }
}

/// `yes` or `no`.
pub struct Switch;

impl Kind for Switch {
    type Value = bool;

    fn parse(text: &str) -> Option<bool> {
        match text {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    fn expected() -> String {
        "true or false".into()
    }
}

/// Host names with commas between them, or `*`.
pub struct HostNames;

impl Kind for HostNames {
    type Value = nhip_api::Hosts;
    const IS_TEXT: bool = true;

    fn parse(text: &str) -> Option<nhip_api::Hosts> {
        if text == "*" {
            return Some(nhip_api::Hosts::any());
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let is_name = |name: &str| !name.is_empty() && name.bytes().all(plain);
        let names: Vec<&str> = text.split(',').map(str::trim).collect();
        let whole = names.iter().all(|name| is_name(name));
        whole.then(|| nhip_api::Hosts::named(names))
    }

    fn expected() -> String {
        "host names without ports, with commas between them, as localhost,nhip.example, or *".into()
    }
}

/// A filter of log lines, as `tracing` has it; a target has its level, since a level that is
/// written wrongly would be taken for a target, and nothing else would be logged.
pub struct LogFilter;

impl Kind for LogFilter {
    type Value = String;
    const IS_TEXT: bool = true;

    fn parse(text: &str) -> Option<String> {
        // Nothing is a level to `tracing`: off.
        let is_level = |word: &str| !word.is_empty() && word.parse::<LevelFilter>().is_ok();
        let whole = |directive: &str| directive.contains('=') || is_level(directive);
        let good = text.split(',').map(str::trim).all(whole) && EnvFilter::try_new(text).is_ok();
        good.then(|| text.to_owned())
    }

    fn expected() -> String {
        "a level, or targets with their levels, as info or nhip_broker=debug,info".into()
    }
}

/// A size in the largest unit that divides it.
pub fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 4] = [
        (1 << 40, "TiB"),
        (1 << 30, "GiB"),
        (1 << 20, "MiB"),
        (1 << 10, "KiB"),
    ];
    for (unit, name) in UNITS {
        if bytes >= unit && bytes.is_multiple_of(unit) {
            return format!("{} {name}", bytes / unit);
        }
    }
    format!("{bytes} B")
}

/// Makes a kind that is one of some words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident => $value:ty { $($word:literal => $variant:expr),+ $(,)? }) => {
        $(#[$doc])*
        pub struct $name;

        impl $crate::config::kind::Kind for $name {
            type Value = $value;

            fn parse(text: &str) -> Option<$value> {
                match text {
                    $($word => Some($variant),)+
                    _ => None,
                }
            }

            fn expected() -> String {
                [$($word),+].join(" or ")
            }
        }
    };
}
pub(crate) use words;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_and_without_units() {
        type Size = Bytes<1, { u64::MAX }>;
        assert_eq!(Size::parse("64 MiB"), Some(64 << 20));
        assert_eq!(Size::parse("8GiB"), Some(8 << 30));
        assert_eq!(Size::parse("4_096"), Some(4096));
        assert_eq!(Size::parse("0"), None);
        assert_eq!(Size::parse("64 MB"), None);
        assert_eq!(Size::parse("99999999 TiB"), None);
    }

    #[test]
    fn a_number_outside_its_ends_is_refused_and_the_ends_are_named() {
        assert_eq!(Integer::<1, 64>::parse("65"), None);
        assert_eq!(Integer::<1, 64>::expected(), "a whole number from 1 to 64");
    }

    #[test]
    fn a_log_filter_has_levels_that_there_are() {
        for text in [
            "info",
            "WARN",
            "off",
            "nhip_broker=debug,info",
            "a::b=trace, info",
        ] {
            assert_eq!(LogFilter::parse(text).as_deref(), Some(text));
        }
        for text in [
            "",
            "inof",
            "verbose",
            "nhip=loud",
            "info,,",
            "a[",
            "info;warn",
        ] {
            assert_eq!(LogFilter::parse(text), None, "{text}");
        }
    }

    #[test]
    fn host_names_are_names_and_nothing_else() {
        for text in ["localhost", "nhip.example, Localhost", "*"] {
            assert!(HostNames::parse(text).is_some(), "{text}");
        }
        for text in [
            "",
            ",",
            "a,",
            "localhost:8080",
            "http://a",
            "a b",
            "*,a",
            "[\"a\"]",
        ] {
            assert!(HostNames::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn sizes_are_written_in_the_largest_exact_unit() {
        assert_eq!(size(64 << 20), "64 MiB");
        assert_eq!(size(1500), "1500 B");
    }
}
