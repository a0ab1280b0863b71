//! Applying a rule to a message.

use super::{
    MappingRule,
    compile::{DeviceFrom, Field, TimeFormat},
    pointer::Pointer,
};
use crate::decode::{
    DecodeError, Limits, Reading, Readings, Reason, Span, TimeError, Value, json::Scanner,
    readings::duplicates, shortened, time,
};
use nhip_wire::name::NAME_BYTES_MAX;

/// What all readings of a message share.
#[derive(Clone, Copy)]
struct Shared {
    device: Span,
    time_us: Option<i64>,
    boot: Option<u32>,
    seq: Option<u64>,
    trouble: Option<Value>,
}

/// See [`MappingRule::decode`].
pub(super) fn apply(
    rule: &MappingRule,
    topic: &str,
    payload: &[u8],
    limits: &Limits,
    out: &mut Readings,
) -> Result<(), DecodeError> {
    check_json(payload, limits)?;
    let device = device(rule, topic, payload, limits)?;
    let mut shared = Shared {
        device: out.keep(&device),
        time_us: None,
        boot: None,
        seq: None,
        trouble: None,
    };
    if let Some((pointer, format)) = &rule.time {
        match measured(pointer, *format, payload, limits)? {
            Ok(time_us) => shared.time_us = time_us,
            Err(problem) => {
                shared.trouble = Some(out.invalid(Reason::BadTime, format_args!("{problem}")));
            }
        }
    }
    if let Some((boot, seq)) = &rule.numbers {
        let boot = integer(boot, payload, limits)?.and_then(|boot| u32::try_from(boot).ok());
        let seq = integer(seq, payload, limits)?.and_then(|seq| u64::try_from(seq).ok());
        // One without the other would make new readings look like duplicates.
        (shared.boot, shared.seq) = boot.zip(seq).unzip();
    }
    if let Some(values) = &rule.values
        && let Some(mut scanner) = values.follow(payload, limits)?
        && scanner.peek() == Some(b'{')
    {
        members(&mut scanner, "", &shared, limits, out)?;
    }
    for field in &rule.fields {
        single(field, payload, &shared, limits, out)?;
    }
    if out.items().is_empty() {
        // A rule that looks in the wrong place must not lose what it takes.
        let detail = "the message has no number where the rule looks for one";
        return Err(DecodeError::new(0, detail));
    }
    duplicates(out, 0);
    Ok(())
}

/// See [`MappingRule::device_of`].
pub(super) fn device_of(
    rule: &MappingRule,
    topic: &str,
    payload: &[u8],
    limits: &Limits,
) -> Option<String> {
    if matches!(rule.device, DeviceFrom::Payload(_)) {
        check_json(payload, limits).ok()?;
    }
    device(rule, topic, payload, limits).ok()
}

/// Nothing is believed of a payload that is broken further on.
fn check_json(payload: &[u8], limits: &Limits) -> Result<(), DecodeError> {
    let mut whole = Scanner::new(payload, limits.depth_max)?;
    whole.skip()?;
    whole.end()
}

/// The device's name: lower case, what no name has replaced by `-`.
fn device(
    rule: &MappingRule,
    topic: &str,
    payload: &[u8],
    limits: &Limits,
) -> Result<String, DecodeError> {
    let missing = || DecodeError::new(0, "the message names no device where the rule looks for it");
    let name = match &rule.device {
        DeviceFrom::Level(level) => normalised(topic.split('/').nth(*level).ok_or_else(missing)?),
        DeviceFrom::Payload(pointer) => {
            let mut scanner = pointer.follow(payload, limits)?.ok_or_else(missing)?;
            match scanner.peek() {
                Some(b'"') => normalised(&scanner.string()?.unescaped()),
                Some(b'0'..=b'9') => normalised(scanner.number()?.text),
                _ => return Err(missing()),
            }
        }
    };
    name.ok_or_else(missing)
}

/// A text as a name of ours; none if nothing of it is left.
fn normalised(text: &str) -> Option<String> {
    let mut name: String = text
        .chars()
        .filter_map(plain)
        .skip_while(|c| matches!(c, '_' | '.' | '-'))
        .take(NAME_BYTES_MAX)
        .collect();
    name.truncate(name.trim_end_matches('-').len());
    (!name.is_empty()).then_some(name)
}

const MARKED: [(char, &str); 7] = [
    ('a', "àáảãạăằắẳẵặâầấẩẫậ"),
    ('d', "đ"),
    ('e', "èéẻẽẹêềếểễệ"),
    ('i', "ìíỉĩị"),
    ('o', "òóỏõọôồốổỗộơờớởỡợ"),
    ('u', "ùúủũụưừứửữự"),
    ('y', "ỳýỷỹỵ"),
];

/// A character as a name has it: lower case, Vietnamese letters without their marks, which may
/// also stand behind them as characters of their own; `-` for any other.
fn plain(c: char) -> Option<char> {
    let c = c.to_lowercase().next().unwrap_or(c);
    match c {
        'a'..='z' | '0'..='9' | '_' | '.' | '-' => Some(c),
        '\u{300}'..='\u{36f}' => None,
        _ => {
            let letter = MARKED.iter().find(|(_, marked)| marked.contains(c));
            Some(letter.map_or('-', |(plain, _)| *plain))
        }
    }
}

type Measured = Result<Option<i64>, String>;

fn measured(
    pointer: &Pointer,
    format: TimeFormat,
    payload: &[u8],
    limits: &Limits,
) -> Result<Measured, DecodeError> {
    let Some(mut scanner) = pointer.follow(payload, limits)? else {
        return Ok(Ok(None));
    };
    let text = match scanner.peek() {
        Some(b'n') => return Ok(Ok(None)),
        Some(b'"') => scanner.string()?.unescaped(),
        Some(b'-' | b'0'..=b'9') => scanner.number()?.text.into(),
        _ => return Ok(Err(TimeError::NotRfc3339.to_string())),
    };
    let outcome = match format {
        TimeFormat::Rfc3339 => time::rfc3339(&text),
        TimeFormat::Since1970(a_second) => since_1970(&text, a_second),
    };
    Ok(outcome
        .map(Some)
        .map_err(|error| format!("time {}: {error}", shortened(&text))))
}

fn since_1970(text: &str, a_second: i64) -> Result<i64, TimeError> {
    if a_second == 1
        && let Some((seconds, decimals)) = text.split_once('.')
    {
        // Seconds with decimals, as some servers write them: exact to the microsecond.
        let seconds: i128 = seconds.parse().map_err(|_| TimeError::NotInteger)?;
        let digits: String = decimals.chars().chain("000000".chars()).take(6).collect();
        let us: i64 = digits.parse().map_err(|_| TimeError::NotInteger)?;
        return Ok(time::integer_ms(seconds.saturating_mul(1000))? + us);
    }
    let number: i128 = text.parse().map_err(|_| TimeError::NotInteger)?;
    let us = match 1_000_000 / a_second {
        0 => number.div_euclid(i128::from(a_second / 1_000_000)),
        a_unit => number.saturating_mul(i128::from(a_unit)),
    };
    time::integer_ms(us.div_euclid(1000))?;
    i64::try_from(us).map_err(|_| TimeError::Nanoseconds)
}

fn integer(
    pointer: &Pointer,
    payload: &[u8],
    limits: &Limits,
) -> Result<Option<i128>, DecodeError> {
    let Some(mut scanner) = pointer.follow(payload, limits)? else {
        return Ok(None);
    };
    match scanner.peek() {
        Some(b'-' | b'0'..=b'9') => Ok(scanner.number()?.integer()),
        _ => Ok(None),
    }
}

fn members(
    scanner: &mut Scanner<'_>,
    outer: &str,
    shared: &Shared,
    limits: &Limits,
    out: &mut Readings,
) -> Result<(), DecodeError> {
    scanner.members(|scanner, key| {
        let key = key.unescaped();
        let name = if outer.is_empty() {
            key.into_owned()
        } else {
            format!("{outer}_{key}")
        };
        if scanner.peek() == Some(b'{') {
            return members(scanner, &name, shared, limits, out);
        }
        let at = scanner.place();
        let Some(value) = value(scanner, 1.0, out)? else {
            return Ok(());
        };
        let reading = match normalised(&name) {
            Some(name) => reading(out.keep(&name), value, shared),
            None => {
                let bad = out.invalid(
                    Reason::BadName,
                    format_args!("{:?} gives no name for a datastream", shortened(&name)),
                );
                reading(out.keep(shortened(&name)), bad, shared)
            }
        };
        out.push(reading, at, limits)
    })
}

fn single(
    field: &Field,
    payload: &[u8],
    shared: &Shared,
    limits: &Limits,
    out: &mut Readings,
) -> Result<(), DecodeError> {
    let Some(mut scanner) = field.pointer.follow(payload, limits)? else {
        return Ok(());
    };
    let at = scanner.place();
    let value = match value(&mut scanner, field.scale, out)? {
        Some(value) => value,
        None if scanner.place() > at && payload.get(at) == Some(&b'n') => return Ok(()),
        None => out.invalid(
            Reason::BadValue,
            format_args!(
                "what the rule takes for {} is not a number",
                field.datastream
            ),
        ),
    };
    let mut reading = reading(out.keep(&field.datastream), value, shared);
    reading.unit = field.unit.as_deref().map(|unit| out.keep(unit));
    out.push(reading, at, limits)
}

fn reading(datastream: Span, value: Value, shared: &Shared) -> Reading {
    Reading {
        value: match (value, shared.trouble) {
            (Value::Number(_), Some(trouble)) => trouble,
            (value, _) => value,
        },
        time_us: shared.time_us,
        boot: shared.boot,
        seq: shared.seq,
        device: Some(shared.device),
        ..Reading::named(datastream)
    }
}

/// A number or boolean; none for texts, null and arrays, which are passed over.
fn value(
    scanner: &mut Scanner<'_>,
    scale: f64,
    out: &mut Readings,
) -> Result<Option<Value>, DecodeError> {
    let number = match scanner.peek() {
        Some(b'-' | b'0'..=b'9') => scanner.number()?.value(),
        Some(b't') => scanner.literal("true").map(|()| Some(1.0))?,
        Some(b'f') => scanner.literal("false").map(|()| Some(0.0))?,
        _ => return scanner.skip().map(|()| None),
    };
    let scaled = number.map(|number| number * scale + 0.0);
    Ok(Some(match scaled.filter(|scaled| scaled.is_finite()) {
        Some(scaled) => Value::Number(scaled),
        None => out.invalid(
            Reason::BadValue,
            format_args!("the number is beyond a 64-bit float"),
        ),
    }))
}
