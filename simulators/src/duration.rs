//! Durations as people write them.

use std::time::Duration;

/// Reads `90s`, `10m`, `2h`, `1d`; more than 0, at most 366 days. An error says what is wrong.
pub fn parse(text: &str) -> Result<Duration, String> {
    let unit_s = match text.chars().last() {
        Some('s') => 1.0,
        Some('m') => 60.0,
        Some('h') => 3_600.0,
        Some('d') => 86_400.0,
        _ => return Err("a duration is a number and s, m, h or d, as in 10m".to_owned()),
    };
    let number: f64 = text[..text.len() - 1]
        .parse()
        .map_err(|_| "a duration is a number and s, m, h or d, as in 10m".to_owned())?;
    let seconds = number * unit_s;
    if seconds > 0.0 && seconds <= 366.0 * 86_400.0 {
        return Ok(Duration::from_secs_f64(seconds));
    }
    Err("a duration is longer than 0 and at most 366d".to_owned())
}
