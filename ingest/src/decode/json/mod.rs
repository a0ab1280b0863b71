//! The platform's own JSON: one object, or an array of them.
//!
//! One pass, no tree, no allocation but for names with escapes. Members that are not known are
//! skipped, so that a device may say more than this version understands.

mod reading;
mod scan;
#[cfg(test)]
mod tests;

use super::{DecodeError, Limits, Reading, Readings, Reason, TimeError, Value, shortened, time};
use nhip_wire::Quality;
pub(crate) use scan::Scanner;
use scan::Text;

/// See [`super::decode`].
pub(super) fn decode(
    payload: &[u8],
    limits: &Limits,
    out: &mut Readings,
) -> Result<(), DecodeError> {
    let mut scanner = Scanner::new(payload, limits.depth_max)?;
    match scanner.peek() {
        Some(b'{') => object(&mut scanner, limits, out)?,
        Some(b'[') => scanner.elements(|scanner| match scanner.peek() {
            Some(b'{') => object(scanner, limits, out),
            _ => Err(scanner.error("every element of the array is an object with readings")),
        })?,
        _ => return Err(scanner.error("a message is an object or an array of objects")),
    }
    scanner.end()
}

/// What an object says of all its readings.
#[derive(Default)]
struct Head {
    boot: Option<u32>,
    seq: Option<u64>,
    time_us: Option<i64>,
    trouble: Option<Value>,
    seen: u8,
}

fn object(
    scanner: &mut Scanner<'_>,
    limits: &Limits,
    out: &mut Readings,
) -> Result<(), DecodeError> {
    let from = out.len();
    let start = scanner.place();
    let mut head = Head::default();
    scanner.members(|scanner, key| {
        let bit = match &*key.unescaped() {
            "readings" => 1,
            "time" => 2,
            "seq" => 4,
            "boot" => 8,
            _ => return scanner.skip(),
        };
        if head.seen & bit != 0 {
            return Err(scanner.error(format!(
                "{:?} stands twice in one object: which is meant can't be known",
                key.raw()
            )));
        }
        head.seen |= bit;
        match bit {
            1 => reading::all(scanner, limits, out),
            2 => set_time(scanner, &mut head, out),
            4 => set(scanner, "seq", &mut head.seq, &mut head.trouble, out),
            _ => set(scanner, "boot", &mut head.boot, &mut head.trouble, out),
        }
    })?;
    if head.seen & 1 == 0 {
        return Err(DecodeError::new(
            start,
            "the object has no member \"readings\", for example \"readings\": {\"pm2_5\": 31.2}",
        ));
    }
    for reading in &mut out.items_mut()[from..] {
        reading.boot = head.boot;
        reading.seq = head.seq;
        reading.time_us = reading.time_us.or(head.time_us);
        if let (Value::Number(_), Some(trouble)) = (reading.value, head.trouble) {
            reading.value = trouble;
        }
    }
    Ok(())
}

fn set<T: TryFrom<i128>>(
    scanner: &mut Scanner<'_>,
    name: &str,
    field: &mut Option<T>,
    trouble: &mut Option<Value>,
    out: &mut Readings,
) -> Result<(), DecodeError> {
    match scanner.peek() {
        Some(b'n') => scanner.literal("null"),
        Some(b'-' | b'0'..=b'9') => {
            let number = scanner.number()?;
            *field = number.integer().and_then(|number| T::try_from(number).ok());
            if field.is_none() {
                *trouble = Some(out.invalid(
                    Reason::BadSequence,
                    format_args!(
                        "{name} is an integer from 0 to 2^{} - 1, not {}",
                        8 * size_of::<T>(),
                        shortened(number.text)
                    ),
                ));
            }
            Ok(())
        }
        _ => {
            *trouble = Some(out.invalid(
                Reason::BadSequence,
                format_args!("{name} is not an integer"),
            ));
            scanner.skip()
        }
    }
}

fn set_time(
    scanner: &mut Scanner<'_>,
    head: &mut Head,
    out: &mut Readings,
) -> Result<(), DecodeError> {
    match time_of(scanner, out)? {
        Ok(time_us) => head.time_us = time_us,
        Err(trouble) => head.trouble = Some(trouble),
    }
    Ok(())
}

/// A time, nothing for null, or why it is none.
fn time_of(
    scanner: &mut Scanner<'_>,
    out: &mut Readings,
) -> Result<Result<Option<i64>, Value>, DecodeError> {
    let bad = |out: &mut Readings, text: &str, error: TimeError| {
        out.invalid(
            Reason::BadTime,
            format_args!("time {}: {error}", shortened(text)),
        )
    };
    Ok(match scanner.peek() {
        Some(b'"') => {
            let text = scanner.string()?;
            let text = text.unescaped();
            time::rfc3339(&text)
                .map(Some)
                .map_err(|error| bad(out, &text, error))
        }
        Some(b'-' | b'0'..=b'9') => {
            let number = scanner.number()?;
            match number.integer() {
                Some(ms) => time::integer_ms(ms)
                    .map(Some)
                    .map_err(|error| bad(out, number.text, error)),
                None => Err(bad(out, number.text, TimeError::NotInteger)),
            }
        }
        Some(b'n') => {
            scanner.literal("null")?;
            Ok(None)
        }
        _ => {
            let from = scanner.place();
            scanner.skip()?;
            Err(bad(out, scanner.since(from), TimeError::NotRfc3339))
        }
    })
}
