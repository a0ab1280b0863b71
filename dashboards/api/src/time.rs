//! Times as users meet them: RFC 3339 UTC with microseconds, or milliseconds in queries.

use jiff::Timestamp;

/// 0000-01-01 and the first moment after 9999-12-31, µs since 1970: RFC 3339 has four digits
/// for the year.
const RFC3339_US: std::ops::Range<i64> = -62_167_219_200_000_000..253_402_300_800_000_000;

/// Appends `2026-11-22T06:00:00.000000Z`. A time out of the reach of RFC 3339 is brought to
/// its end.
pub(crate) fn write(out: &mut Vec<u8>, time_us: i64) {
    let time_us = time_us.clamp(RFC3339_US.start, RFC3339_US.end - 1);
    let days = time_us.div_euclid(86_400_000_000);
    let us = time_us.rem_euclid(86_400_000_000);
    let (year, month, day) = civil(days);
    let seconds = us / 1_000_000;
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    digits(&mut text[0..4], year);
    digits(&mut text[5..7], month);
    digits(&mut text[8..10], day);
    digits(&mut text[11..13], seconds / 3_600);
    digits(&mut text[14..16], seconds / 60 % 60);
    digits(&mut text[17..19], seconds % 60);
    digits(&mut text[20..26], us % 1_000_000);
    out.extend_from_slice(&text);
}

/// The time as text.
pub(crate) fn text(time_us: i64) -> String {
    let mut out = Vec::with_capacity(27);
    write(&mut out, time_us);
    String::from_utf8_lossy(&out).into_owned()
}

/// Reads RFC 3339 or integer milliseconds since 1970; the moment in µs.
pub(crate) fn read(text: &str) -> Option<i64> {
    if let Ok(ms) = text.parse::<i64>() {
        return ms.checked_mul(1_000);
    }
    // In a query, a `+` that nobody escaped arrives as a space.
    let text = text.replace(' ', "+");
    text.parse::<Timestamp>()
        .ok()
        .map(Timestamp::as_microsecond)
}

fn digits(at: &mut [u8], mut number: i64) {
    for digit in at.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
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
