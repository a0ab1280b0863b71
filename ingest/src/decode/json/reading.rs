//! The members of `readings`: a name, and a number or an object with value, unit, quality.

use super::{DecodeError, Limits, Quality, Reading, Readings, Reason, Scanner, Text, Value};
use super::{shortened, time_of};
use crate::decode::{Span, readings::duplicates};
use nhip_wire::name;

pub(super) fn all(
    scanner: &mut Scanner<'_>,
    limits: &Limits,
    out: &mut Readings,
) -> Result<(), DecodeError> {
    if scanner.peek() != Some(b'{') {
        return Err(scanner.error("readings is an object of names and values"));
    }
    let from = out.len();
    scanner.members(|scanner, key| {
        let at = scanner.place();
        let reading = one(scanner, key, limits, out)?;
        out.push(reading, at, limits)
    })?;
    duplicates(out, from);
    Ok(())
}

fn one(
    scanner: &mut Scanner<'_>,
    key: Text<'_>,
    limits: &Limits,
    out: &mut Readings,
) -> Result<Reading, DecodeError> {
    let name = key.unescaped();
    let mut reading = Reading::named(out.keep(shortened(&name)));
    if scanner.peek() == Some(b'{') {
        details(scanner, &mut reading, limits, out)?;
    } else {
        let (value, missing) = value(scanner, out)?;
        reading.value = value;
        if missing {
            reading.quality = Quality::Missing;
        }
    }
    if let Err(error) = name::check(&name) {
        reading.value = out.invalid(
            Reason::BadName,
            format_args!(
                "datastream {:?}: names match {}; {error}",
                shortened(&name),
                name::GRAMMAR
            ),
        );
    }
    Ok(reading)
}

fn details(
    scanner: &mut Scanner<'_>,
    reading: &mut Reading,
    limits: &Limits,
    out: &mut Readings,
) -> Result<(), DecodeError> {
    let mut found: Option<(Value, bool)> = None;
    let mut trouble: Option<Value> = None;
    let mut seen = 0_u8;
    scanner.members(|scanner, key| {
        let bit = match &*key.unescaped() {
            "value" => 1,
            "unit" => 2,
            "quality" => 4,
            "time" => 8,
            _ => return scanner.skip(),
        };
        if seen & bit != 0 {
            trouble = Some(out.invalid(
                Reason::Ambiguous,
                format_args!("{:?} stands twice in one reading", key.raw()),
            ));
            return scanner.skip();
        }
        seen |= bit;
        match bit {
            1 => found = Some(value(scanner, out)?),
            2 => match unit(scanner, limits, out)? {
                Ok(unit) => reading.unit = unit,
                Err(bad) => trouble = Some(bad),
            },
            4 => match quality(scanner, out)? {
                Ok(quality) => reading.quality = quality,
                Err(bad) => trouble = Some(bad),
            },
            _ => match time_of(scanner, out)? {
                Ok(time_us) => reading.time_us = time_us,
                Err(bad) => trouble = Some(bad),
            },
        }
        Ok(())
    })?;
    reading.value = match (found, reading.quality) {
        (Some((Value::Invalid(bad), _)), _) => Value::Invalid(bad),
        (_, Quality::Missing) => Value::Number(0.0),
        (Some((value, missing)), _) => {
            if missing {
                reading.quality = Quality::Missing;
            }
            value
        }
        (None, _) => out.invalid(Reason::BadValue, format_args!("the reading has no value")),
    };
    if let Some(trouble) = trouble {
        reading.value = trouble;
    }
    Ok(())
}

/// A value, and whether it is null: missing.
fn value(scanner: &mut Scanner<'_>, out: &mut Readings) -> Result<(Value, bool), DecodeError> {
    let value = match scanner.peek() {
        Some(b'-' | b'0'..=b'9') if !scanner.looking_at("-Infinity") => {
            let number = scanner.number()?;
            match number.value() {
                Some(value) => Value::Number(value),
                None => out.invalid(
                    Reason::BadValue,
                    format_args!("{} is beyond a 64-bit float", shortened(number.text)),
                ),
            }
        }
        Some(b't') => {
            scanner.literal("true")?;
            Value::Number(1.0)
        }
        Some(b'f') => {
            scanner.literal("false")?;
            Value::Number(0.0)
        }
        Some(b'n') if scanner.looking_at("null") => {
            scanner.literal("null")?;
            return Ok((Value::Number(0.0), true));
        }
        Some(b'"') => {
            let text = scanner.string()?;
            let hint = if text.raw().contains(',') {
                "; a decimal point is a point"
            } else {
                ""
            };
            out.invalid(
                Reason::BadValue,
                format_args!("the text {:?} is not a number{hint}", shortened(text.raw())),
            )
        }
        Some(b'[' | b'{') => {
            scanner.skip()?;
            out.invalid(Reason::BadValue, format_args!("a value is a single number"))
        }
        _ => {
            let word = scanner.not_finite()?;
            out.invalid(
                Reason::BadValue,
                format_args!("{word} is not a finite number"),
            )
        }
    };
    Ok((value, false))
}

fn unit(
    scanner: &mut Scanner<'_>,
    limits: &Limits,
    out: &mut Readings,
) -> Result<Result<Option<Span>, Value>, DecodeError> {
    match scanner.peek() {
        Some(b'"') => {
            let text = scanner.string()?;
            let text = text.unescaped();
            if text.len() > limits.unit_bytes_max as usize {
                return Ok(Err(out.invalid(
                    Reason::BadUnit,
                    format_args!("a unit has at most {} bytes", limits.unit_bytes_max),
                )));
            }
            Ok(Ok(Some(out.keep(&text))))
        }
        Some(b'n') => scanner.literal("null").map(|()| Ok(None)),
        _ => {
            scanner.skip()?;
            Ok(Err(out.invalid(
                Reason::BadUnit,
                format_args!("a unit is a text"),
            )))
        }
    }
}

fn quality(
    scanner: &mut Scanner<'_>,
    out: &mut Readings,
) -> Result<Result<Quality, Value>, DecodeError> {
    if scanner.peek() == Some(b'"') {
        let text = scanner.string()?;
        let text = text.unescaped();
        return Ok(Quality::from_name(&text).ok_or_else(|| {
            out.invalid(
                Reason::BadQuality,
                format_args!(
                    "quality {:?}; there are good, suspect, calibrating, maintenance, fault, missing",
                    shortened(&text)
                ),
            )
        }));
    }
    scanner.skip()?;
    Ok(Err(out.invalid(
        Reason::BadQuality,
        format_args!("a quality is a text"),
    )))
}
