//! Times as users meet them: RFC 3339 UTC with microseconds, or milliseconds in queries.

use crate::model::Moment;
use jiff::{Timestamp, civil::DateTime, fmt::temporal::Pieces};
use std::cell::Cell;

/// 0000-01-01 and the first moment after 9999-12-31, µs since 1970: RFC 3339 has four digits
/// for the year.
const RFC3339_US: std::ops::Range<i64> = -62_167_219_200_000_000..253_402_300_800_000_000;

const MINUTE_US: i64 = 60_000_000;

const DAY_MINUTES: i64 = 1_440;

/// Appends `2026-11-22T06:00:00.000000Z`. A time out of the reach of RFC 3339 is brought to
/// its end.
pub(crate) fn write(out: &mut Vec<u8>, time_us: i64) {
    let time_us = time_us.clamp(RFC3339_US.start, RFC3339_US.end - 1);
    let mut text = minute(time_us.div_euclid(MINUTE_US));
    let us = time_us.rem_euclid(MINUTE_US) as u32;
    let (seconds, us) = (us / 1_000_000, us % 1_000_000);
    pair(&mut text, 17, seconds);
    pair(&mut text, 20, us / 10_000);
    pair(&mut text, 22, us / 100 % 100);
    pair(&mut text, 24, us % 100);
    out.extend_from_slice(&text);
}

/// The time as text.
pub(crate) fn text(time_us: i64) -> String {
    let mut out = Vec::with_capacity(27);
    write(&mut out, time_us);
    String::from_utf8_lossy(&out).into_owned()
}

/// Reads RFC 3339 or integer milliseconds since 1970; the moment in µs. A time out of the reach
/// of RFC 3339 is brought to its end: it is before or after everything that is stored.
pub(crate) fn read(text: &str) -> Option<i64> {
    let time_us = match text.parse::<i64>() {
        Ok(ms) => ms.saturating_mul(1_000),
        // In a query, a `+` that nobody escaped arrives as a space.
        Err(_) => read_rfc3339(&text.replace(' ', "+"))?,
    };
    Some(time_us.clamp(RFC3339_US.start, RFC3339_US.end))
}

/// What is needed where [`read`] and [`of`] find no time.
pub(crate) const NEEDED: &str = "RFC 3339 or integer milliseconds since 1970 is needed";

/// Whether queries take this text as a time.
pub fn is_time(text: &str) -> bool {
    read(text).is_some()
}

/// Whether the first of two texts is an earlier time than the second.
pub fn is_before(one: &str, other: &str) -> bool {
    matches!((read(one), read(other)), (Some(one), Some(other)) if one < other)
}

/// The moment that somebody gave in a body, in µs; as [`read`] has it.
pub(crate) fn of(moment: &Moment) -> Option<i64> {
    match moment {
        Moment::Milliseconds(ms) => read(&ms.to_string()),
        Moment::Text(text) => read(text),
    }
}

fn read_rfc3339(text: &str) -> Option<i64> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.as_microsecond());
    }
    // The first and the last days of the calendar are in no `Timestamp`.
    let pieces = Pieces::parse(text).ok()?;
    let offset = pieces.to_numeric_offset()?;
    let local = DateTime::from_parts(pieces.date(), pieces.time()?);
    let since_1970 = local.duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0));
    let us = since_1970.as_micros() - i128::from(offset.seconds()) * 1_000_000;
    i64::try_from(us).ok()
}

/// The text of the beginning of a minute. Most times that are written are of few minutes.
fn minute(number: i64) -> [u8; 27] {
    thread_local! {
        static LAST: Cell<(i64, [u8; 27])> =
            const { Cell::new((0, *b"1970-01-01T00:00:00.000000Z")) };
    }
    let (known, text) = LAST.get();
    if known == number {
        return text;
    }
    let (year, month, day) = civil(number.div_euclid(DAY_MINUTES));
    let of_day = number.rem_euclid(DAY_MINUTES) as u32;
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    pair(&mut text, 0, year as u32 / 100);
    pair(&mut text, 2, year as u32 % 100);
    pair(&mut text, 5, month as u32);
    pair(&mut text, 8, day as u32);
    pair(&mut text, 11, of_day / 60);
    pair(&mut text, 14, of_day % 60);
    LAST.set((number, text));
    text
}

/// Writes a number below 100.
#[inline]
fn pair(text: &mut [u8; 27], at: usize, number: u32) {
    text[at] = b'0' + (number / 10) as u8;
    text[at + 1] = b'0' + (number % 10) as u8;
}

/// Year, month and day of the day number since 1970-01-01 in the proleptic Gregorian
/// calendar, counted in eras of 400 years that begin in March, so that the leap day is last.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_back(time_us in RFC3339_US.start..RFC3339_US.end) {
            let text = text(time_us);
            prop_assert_eq!(text.len(), 27);
            prop_assert_eq!(read(&text), Some(time_us));
        }
    }

    #[test]
    fn the_ends_of_the_calendar_are_read() {
        let end = RFC3339_US.end;
        for (text, time_us) in [
            ("9999-12-31T23:59:59Z", end - 1_000_000),
            ("9999-12-31T23:59:59.999999Z", end - 1),
            ("9999-12-31T23:59:59-01:00", end),
            ("0000-01-01T00:00:00Z", RFC3339_US.start),
            ("0000-01-01T00:00:00+07:00", RFC3339_US.start),
            ("9223372036854775807", end),
            ("-9223372036854775808", RFC3339_US.start),
        ] {
            assert_eq!(read(text), Some(time_us), "{text}");
        }
        for text in ["9999-12-31", "9999-12-31T23:59:59", "9999-12-32T00:00:00Z"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn reads_both_forms_and_nothing_else() {
        assert_eq!(text(1_795_327_200_000_000), "2026-11-22T06:00:00.000000Z");
        assert_eq!(read("1795327200000"), Some(1_795_327_200_000_000));
        assert_eq!(
            read("2026-11-22T13:00:00+07:00"),
            Some(1_795_327_200_000_000)
        );
        assert_eq!(
            read("2026-11-22T13:00:00 07:00"),
            Some(1_795_327_200_000_000)
        );
        for text in ["", "now", "2026-11-22", "12.5", "99999999999999999999"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
