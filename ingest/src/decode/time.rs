//! Times as devices write them, to microseconds since 1970 UTC.

use thiserror::Error;

/// Why something is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TimeError {
    /// A negative number.
    #[error("a time in milliseconds since 1970 is not negative")]
    Negative,
    /// As milliseconds it would be before 3 March 1973.
    #[error("as milliseconds since 1970 this is before 1973; are these seconds?")]
    Seconds,
    /// As milliseconds it would be after the year 5138.
    #[error("as milliseconds since 1970 this is after the year 5138; are these microseconds?")]
    Microseconds,
    /// As milliseconds it would be after the year 5138, by far.
    #[error("as milliseconds since 1970 this is after the year 5138; are these nanoseconds?")]
    Nanoseconds,
    /// A number with a point or an exponent.
    #[error("a time in milliseconds since 1970 is written as an integer")]
    NotInteger,
    /// No offset from UTC.
    #[error("the time has no offset from UTC: add Z or, for example, +07:00")]
    NoOffset,
    /// Not RFC 3339.
    #[error("a time is written as RFC 3339, for example 2026-11-22T06:00:00.000Z")]
    NotRfc3339,
    /// No such day, hour, minute or second.
    #[error("there is no such date or time of day")]
    NoSuchDate,
}

const MS_MIN: i128 = 100_000_000_000;
const MS_END: i128 = MS_MIN * 1000;

/// An integer time in milliseconds since 1970 UTC as µs.
///
/// Taken from 10^11 (1973) to below 10^14 (the year 5138): what is less is seconds and what is
/// more is µs or ns, for every date that a device can mean.
pub fn integer_ms(ms: i128) -> Result<i64, TimeError> {
    match ms {
        ..0 => Err(TimeError::Negative),
        0..MS_MIN => Err(TimeError::Seconds),
        MS_MIN..MS_END => i64::try_from(ms * 1000).map_err(|_| TimeError::Nanoseconds),
        _ if ms < MS_END * 1000 => Err(TimeError::Microseconds),
        _ => Err(TimeError::Nanoseconds),
    }
}

/// A time as RFC 3339 writes it, as µs since 1970 UTC.
///
/// A blank may stand for the `T`; digits behind the microsecond are cut off; a leap second is
/// taken, as POSIX has it, for the first second of the next day.
pub fn rfc3339(text: &str) -> Result<i64, TimeError> {
    let bytes = text.as_bytes();
    let (date, rest) = bytes
        .split_first_chunk::<19>()
        .ok_or(TimeError::NotRfc3339)?;
    let shape = date[4] == b'-'
        && date[7] == b'-'
        && matches!(date[10], b'T' | b't' | b' ')
        && date[13] == b':'
        && date[16] == b':';
    if !shape {
        return Err(TimeError::NotRfc3339);
    }
    let pair = |at: usize| two(date[at], date[at + 1]);
    let year = pair(0)? * 100 + pair(2)?;
    let (month, day) = (pair(5)?, pair(8)?);
    let (hour, minute, second) = (pair(11)?, pair(14)?, pair(17)?);
    let (fraction_us, rest) = fraction(rest)?;
    let offset_s = offset(rest)?;
    let valid = (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 61;
    if !valid {
        return Err(TimeError::NoSuchDate);
    }
    let days = days_since_1970(year, month, day);
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset_s;
    if second == 60 && seconds.rem_euclid(86_400) != 0 {
        return Err(TimeError::NoSuchDate);
    }
    Ok(seconds * 1_000_000 + fraction_us)
}

fn fraction(rest: &[u8]) -> Result<(i64, &[u8]), TimeError> {
    let Some((b'.', digits)) = rest.split_first() else {
        return Ok((0, rest));
    };
    let count = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if count == 0 {
        return Err(TimeError::NotRfc3339);
    }
    let places = [100_000, 10_000, 1000, 100, 10, 1];
    let us = places
        .iter()
        .zip(&digits[..count])
        .map(|(place, digit)| place * i64::from(digit - b'0'))
        .sum();
    Ok((us, &digits[count..]))
}

fn offset(rest: &[u8]) -> Result<i64, TimeError> {
    match *rest {
        [b'Z' | b'z'] => Ok(0),
        [] => Err(TimeError::NoOffset),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (two(h1, h2)?, two(m1, m2)?);
            if hours > 23 || minutes > 59 {
                return Err(TimeError::NoSuchDate);
            }
            let seconds = hours * 3600 + minutes * 60;
            Ok(if sign == b'-' { -seconds } else { seconds })
        }
        _ => Err(TimeError::NotRfc3339),
    }
}

fn two(tens: u8, ones: u8) -> Result<i64, TimeError> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    if tens > 9 || ones > 9 {
        return Err(TimeError::NotRfc3339);
    }
    Ok(i64::from(tens * 10 + ones))
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar; the year begins in March here, so
/// that the leap day is its last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_rfc_3339_with_any_offset_and_fraction() {
        let expected = 1_795_327_200_000_000;
        for text in [
            "2026-11-22T06:00:00Z",
            "2026-11-22t06:00:00.000z",
            "2026-11-22 13:00:00.0000009+07:00",
            "2026-11-21T23:30:00-06:30",
        ] {
            assert_eq!(rfc3339(text), Ok(expected), "{text}");
        }
        assert_eq!(rfc3339("1970-01-01T00:00:00.123456789Z"), Ok(123_456));
        assert_eq!(rfc3339("1969-12-31T23:59:59.5Z"), Ok(-500_000));
        assert_eq!(rfc3339("9999-12-31T23:59:59Z"), Ok(253_402_300_799_000_000));
        assert_eq!(rfc3339("2000-02-29T00:00:00Z"), Ok(951_782_400_000_000));
    }

    #[test]
    fn a_leap_second_is_the_first_second_of_the_next_day() {
        assert_eq!(
            rfc3339("2016-12-31T23:59:60Z"),
            rfc3339("2017-01-01T00:00:00Z")
        );
        assert_eq!(
            rfc3339("2017-01-01T06:59:60+07:00"),
            rfc3339("2017-01-01T00:00:00Z")
        );
        assert_eq!(rfc3339("2016-12-31T22:59:60Z"), Err(TimeError::NoSuchDate));
    }

    #[test]
    fn says_what_is_wrong_with_a_text() {
        assert_eq!(rfc3339("2026-11-22T06:00:00"), Err(TimeError::NoOffset));
        assert_eq!(rfc3339("2026-02-29T06:00:00Z"), Err(TimeError::NoSuchDate));
        assert_eq!(rfc3339("1900-02-29T06:00:00Z"), Err(TimeError::NoSuchDate));
        assert_eq!(rfc3339("2026-11-22T24:00:00Z"), Err(TimeError::NoSuchDate));
        for text in [
            "",
            "yesterday",
            "22/11/2026 06:00:00",
            "2026-11-22T06:00:00.Z",
            "2026-11-22T06:00:00+0700",
            "２026-11-22T06:00:00Z",
        ] {
            assert_eq!(rfc3339(text), Err(TimeError::NotRfc3339), "{text}");
        }
    }

    #[test]
    fn tells_seconds_and_nanoseconds_from_milliseconds() {
        assert_eq!(integer_ms(1_795_327_200_000), Ok(1_795_327_200_000_000));
        assert_eq!(integer_ms(-1), Err(TimeError::Negative));
        assert_eq!(integer_ms(1_795_327_200), Err(TimeError::Seconds));
        assert_eq!(
            integer_ms(1_795_327_200_000_000),
            Err(TimeError::Microseconds)
        );
        assert_eq!(
            integer_ms(1_795_327_200_000_000_000),
            Err(TimeError::Nanoseconds)
        );
        assert_eq!(integer_ms(i128::MAX), Err(TimeError::Nanoseconds));
    }
}
