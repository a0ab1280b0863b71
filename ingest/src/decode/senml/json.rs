//! SenML in JSON.

use super::{DecodeError, Field, Label, Limits, Pack, Readings, Record};
use crate::decode::json::Scanner;
use std::borrow::Cow;

/// See [`crate::decode::decode`].
pub(in crate::decode) fn decode(
    payload: &[u8],
    received_us: i64,
    limits: &Limits,
    out: &mut Readings,
) -> Result<(), DecodeError> {
    let mut scanner = Scanner::new(payload, limits.depth_max)?;
    let mut pack = Pack::new(received_us, limits, out);
    scanner.elements(|scanner| {
        let at = scanner.place();
        let mut record = Record::default();
        scanner.members(|scanner, key| member(scanner, &key.unescaped(), &mut record))?;
        pack.add(&record, at)
    })?;
    scanner.end()
}

fn label(key: &str) -> Option<Label> {
    Some(match key {
        "bn" => Label::BaseName,
        "bt" => Label::BaseTime,
        "bu" => Label::BaseUnit,
        "bv" => Label::BaseValue,
        "bs" => Label::BaseSum,
        "bver" => Label::BaseVersion,
        "n" => Label::Name,
        "u" => Label::Unit,
        "v" => Label::Value,
        "vs" => Label::Text,
        "vb" => Label::Bool,
        "vd" => Label::Data,
        "s" => Label::Sum,
        "t" => Label::Time,
        "ut" => Label::UpdateTime,
        _ => return None,
    })
}

fn member<'a>(
    scanner: &mut Scanner<'a>,
    key: &str,
    record: &mut Record<'a>,
) -> Result<(), DecodeError> {
    let Some(label) = label(key) else {
        if key.ends_with('_') {
            return Err(scanner
                .error("a field whose name ends with _ must be understood, and this one is not"));
        }
        return scanner.skip();
    };
    if !record.first(label) {
        return Err(scanner.error("a field stands twice in one record"));
    }
    match label {
        Label::BaseName => record.base_name = Some(text(scanner)?),
        Label::BaseUnit => record.base_unit = Some(text(scanner)?),
        Label::Name => record.name = Some(text(scanner)?),
        Label::Unit => record.unit = Some(text(scanner)?),
        Label::BaseTime => record.base_time = number(scanner)?,
        Label::BaseValue => record.base_value = number(scanner)?,
        Label::BaseSum => record.base_sum = number(scanner)?,
        Label::Value => record.value = number(scanner)?,
        Label::Sum => record.sum = number(scanner)?,
        Label::Time => record.time = number(scanner)?,
        Label::BaseVersion => record.version = Some(version(scanner)?),
        Label::Bool => record.value = boolean(scanner)?,
        Label::Text | Label::Data => {
            record.not_numeric = true;
            return scanner.skip();
        }
        Label::UpdateTime => return scanner.skip(),
    }
    Ok(())
}

fn text<'a>(scanner: &mut Scanner<'a>) -> Result<Cow<'a, str>, DecodeError> {
    Ok(scanner.string()?.unescaped())
}

fn version(scanner: &mut Scanner<'_>) -> Result<i128, DecodeError> {
    match scanner.peek() {
        Some(b'0'..=b'9') => Ok(scanner.number()?.integer().unwrap_or(i128::MAX)),
        _ => Err(scanner.error("bver is an integer")),
    }
}

fn number(scanner: &mut Scanner<'_>) -> Result<Field, DecodeError> {
    match scanner.peek() {
        Some(b'-' | b'0'..=b'9') if !scanner.looking_at("-Infinity") => {
            Ok(scanner.number()?.value().map_or(Field::Bad, Field::Number))
        }
        Some(b'N' | b'I' | b'-') => scanner.not_finite().map(|_| Field::Bad),
        _ => scanner.skip().map(|()| Field::Bad),
    }
}

fn boolean(scanner: &mut Scanner<'_>) -> Result<Field, DecodeError> {
    match scanner.peek() {
        Some(b't') => scanner.literal("true").map(|()| Field::Number(1.0)),
        Some(b'f') => scanner.literal("false").map(|()| Field::Number(0.0)),
        _ => scanner.skip().map(|()| Field::Bad),
    }
}
