//! The times that recorded data is written with.

use jiff::{Timestamp, civil::DateTime, tz::Offset};

/// Why a time can't be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is no time")]
pub struct TimeError(pub String);

/// Whole numbers from here on are ms since 1970, below they are s: the year 5138 against 1973.
const SECONDS_MAX: i64 = 100_000_000_000;

/// Reads RFC 3339, `2013-01-01 06:00[:00]`, or seconds or ms since 1970; ms since 1970 UTC.
pub(super) fn parse(text: &str, utc_offset_s: i32) -> Result<i64, TimeError> {
    let error = || TimeError(text.to_owned());
    if let Ok(number) = text.parse::<i64>() {
        let small = number.abs() < SECONDS_MAX;
        return Ok(if small { number * 1_000 } else { number });
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time.as_millisecond());
    }
    let civil: DateTime = text.parse().map_err(|_| error())?;
    civil_ms(civil, utc_offset_s).ok_or_else(error)
}

/// Reads year, month, day, hour, minute, second, each in a text of its own.
pub(super) fn parse_parts(parts: &[&str], utc_offset_s: i32) -> Result<i64, TimeError> {
    let error = || TimeError(parts.join(" "));
    let mut numbers = [1970_i16, 1, 1, 0, 0, 0];
    for (number, text) in numbers.iter_mut().zip(parts) {
        *number = text.parse().map_err(|_| error())?;
    }
    let small = |at: usize| i8::try_from(numbers[at]).map_err(|_| error());
    let civil = DateTime::new(
        numbers[0],
        small(1)?,
        small(2)?,
        small(3)?,
        small(4)?,
        small(5)?,
        0,
    )
    .map_err(|_| error())?;
    civil_ms(civil, utc_offset_s).ok_or_else(error)
}

fn civil_ms(civil: DateTime, utc_offset_s: i32) -> Option<i64> {
    let offset = Offset::from_seconds(utc_offset_s).ok()?;
    offset
        .to_timestamp(civil)
        .ok()
        .map(|time| time.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_usual_ways_to_write_a_time() {
        let ms = 1_357_020_000_000;
        for text in [
            "2013-01-01T06:00:00Z",
            "2013-01-01T13:00:00+07:00",
            "2013-01-01 06:00",
            "2013-01-01T06:00:00",
            "1357020000",
            "1357020000000",
        ] {
            assert_eq!(parse(text, 0), Ok(ms), "{text}");
        }
        assert_eq!(parse("2013-01-01 13:00", 7 * 3_600), Ok(ms));
        assert_eq!(parse_parts(&["2013", "1", "1", "6"], 0), Ok(ms));
        assert_eq!(parse_parts(&["2013", "1", "1", "13"], 7 * 3_600), Ok(ms));
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in ["", "NA", "2013-13-01", "yesterday"] {
            assert_eq!(parse(text, 0), Err(TimeError(text.to_owned())));
        }
        assert!(parse_parts(&["2013", "2", "30"], 0).is_err());
        assert!(parse_parts(&["2013", "300", "1"], 0).is_err());
    }
}
