//! SenML (RFC 8428): records that share base fields, in JSON or CBOR.
//!
//! A datastream's name is what follows the last `/` or `:` of the whole name, in lower case.
//! The device is the topic's: SenML's names don't say where a device's name ends.

mod cbor;
mod json;
#[cfg(test)]
mod tests;

pub(super) use cbor::decode as decode_cbor;
pub(super) use json::decode as decode_json;

use super::{DecodeError, Limits, Reading, Readings, Reason, Span, Value, shortened};
use nhip_wire::{name, unit};
use std::borrow::Cow;

/// The version that this decoder knows (RFC 8428 §4.4).
const VERSION_MAX: i128 = 10;
/// Times below this are relative to now (§4.5.3), s.
const RELATIVE_BELOW_S: f64 = 268_435_456.0;
/// What is beyond the year 5138 was not written in seconds.
const SECONDS_END: f64 = 1e11;

/// A number field: absent, a number, or something else, which rejects the reading.
#[derive(Clone, Copy, Default, PartialEq)]
enum Field {
    #[default]
    Absent,
    Number(f64),
    Bad,
}

/// A field of a record, as JSON's or CBOR's label names it.
#[derive(Clone, Copy, PartialEq)]
enum Label {
    BaseName,
    BaseTime,
    BaseUnit,
    BaseValue,
    BaseSum,
    BaseVersion,
    Name,
    Unit,
    Value,
    Text,
    Bool,
    Data,
    Sum,
    Time,
    UpdateTime,
}

/// One record, before base fields are applied.
#[derive(Default)]
struct Record<'a> {
    base_name: Option<Cow<'a, str>>,
    base_unit: Option<Cow<'a, str>>,
    base_time: Field,
    base_value: Field,
    base_sum: Field,
    version: Option<i128>,
    name: Option<Cow<'a, str>>,
    unit: Option<Cow<'a, str>>,
    value: Field,
    time: Field,
    sum: Field,
    /// How many of `v`, `vb`, `vs`, `vd` there are.
    values: u8,
    /// A text or data value.
    not_numeric: bool,
    seen: u16,
}

impl Record<'_> {
    /// Notes a label; false if the record has it already.
    fn first(&mut self, label: Label) -> bool {
        let bit = 1 << label as u16;
        let first = self.seen & bit == 0;
        self.seen |= bit;
        self.values += u8::from(matches!(
            label,
            Label::Value | Label::Text | Label::Bool | Label::Data
        ));
        first
    }

    /// Whether it only sets base fields for those that follow.
    fn is_base_only(&self) -> bool {
        self.seen
            .checked_shr(Label::Name as u32)
            .is_none_or(|own| own == 0)
    }
}

/// The base fields in force.
#[derive(Default)]
struct Base {
    name: String,
    unit: Option<Span>,
    unit_trouble: Option<Value>,
    time: Field,
    value: Field,
    sum: Field,
}

/// Resolves records one after another into readings.
struct Pack<'o> {
    base: Base,
    whole: String,
    received_us: i64,
    limits: &'o Limits,
    out: &'o mut Readings,
}

impl<'o> Pack<'o> {
    fn new(received_us: i64, limits: &'o Limits, out: &'o mut Readings) -> Self {
        Self {
            base: Base {
                time: Field::Number(0.0),
                ..Base::default()
            },
            whole: String::new(),
            received_us,
            limits,
            out,
        }
    }

    fn add(&mut self, record: &Record<'_>, at: usize) -> Result<(), DecodeError> {
        self.rebase(record, at)?;
        if record.is_base_only() {
            return Ok(());
        }
        self.whole.clear();
        self.whole.push_str(&self.base.name);
        self.whole
            .push_str(record.name.as_deref().unwrap_or_default());
        let (unit, mut trouble) = match &record.unit {
            Some(unit) => self.unit(unit),
            None => (self.base.unit, self.base.unit_trouble),
        };
        let time_us = self.time(record).unwrap_or_else(|bad| {
            trouble = Some(bad);
            None
        });
        let reading = |datastream, unit, value| Reading {
            unit,
            time_us,
            value,
            ..Reading::named(datastream)
        };
        if record.values > 0 || record.seen & 1 << Label::Sum as u16 == 0 {
            let (name, bad_name) = self.datastream("");
            let value = self.value(record);
            let value = bad_name.or(trouble).unwrap_or(value);
            self.out.push(reading(name, unit, value), at, self.limits)?;
        }
        if record.sum != Field::Absent {
            let (name, bad_name) = self.datastream(".sum");
            let value = self.added(record.sum, self.base.sum);
            let value = bad_name.or(trouble).unwrap_or(value);
            self.out.push(reading(name, None, value), at, self.limits)?;
        }
        Ok(())
    }

    fn rebase(&mut self, record: &Record<'_>, at: usize) -> Result<(), DecodeError> {
        if let Some(version) = record.version
            && !(1..=VERSION_MAX).contains(&version)
        {
            return Err(DecodeError::new(
                at,
                format!("SenML version {version} is not known; 10 and less are"),
            ));
        }
        if let Some(name) = &record.base_name {
            self.base.name.clear();
            self.base.name.push_str(name);
        }
        if let Some(unit) = &record.base_unit {
            (self.base.unit, self.base.unit_trouble) = self.unit(unit);
        }
        for (base, new) in [
            (&mut self.base.time, record.base_time),
            (&mut self.base.value, record.base_value),
            (&mut self.base.sum, record.base_sum),
        ] {
            if new != Field::Absent {
                *base = new;
            }
        }
        Ok(())
    }

    fn unit(&mut self, text: &str) -> (Option<Span>, Option<Value>) {
        if text.len() > self.limits.unit_bytes_max as usize {
            let bad = self.out.invalid(
                Reason::BadUnit,
                format_args!("a unit has at most {} bytes", self.limits.unit_bytes_max),
            );
            return (None, Some(bad));
        }
        // What neither registry has stays as it is: the fold says so if it can't convert it.
        let code = unit::from_senml(text).unwrap_or(text);
        (Some(self.out.keep(code)), None)
    }

    fn datastream(&mut self, suffix: &str) -> (Span, Option<Value>) {
        let from = self.whole.rfind(['/', ':']).map_or(0, |at| at + 1);
        let mut last = self.whole[from..].to_ascii_lowercase();
        last.push_str(suffix);
        let bad = name::check(&last).err().map(|error| {
            self.out.invalid(
                Reason::BadName,
                format_args!(
                    "{:?} gives no name for a datastream: {error}",
                    shortened(&self.whole)
                ),
            )
        });
        (self.out.keep(shortened(&last)), bad)
    }

    fn value(&mut self, record: &Record<'_>) -> Value {
        if record.values > 1 {
            return self.out.invalid(
                Reason::Ambiguous,
                format_args!("a record has one of v, vb, vs, vd"),
            );
        }
        if record.not_numeric {
            return self.out.invalid(
                Reason::BadValue,
                format_args!("a text (vs) or data (vd) is not a number"),
            );
        }
        let base = if record.seen & 1 << Label::Bool as u16 == 0 {
            self.base.value
        } else {
            Field::Absent
        };
        self.added(record.value, base)
    }

    fn added(&mut self, own: Field, base: Field) -> Value {
        let sum = match (own, base) {
            (Field::Bad, _) | (_, Field::Bad) => None,
            (Field::Absent, Field::Absent) => {
                return self
                    .out
                    .invalid(Reason::BadValue, format_args!("the record has no value"));
            }
            (Field::Number(own), Field::Number(base)) => Some(own + base),
            (Field::Number(one), Field::Absent) | (Field::Absent, Field::Number(one)) => Some(one),
        };
        match sum.filter(|sum| sum.is_finite()) {
            Some(sum) => Value::Number(sum + 0.0),
            None => self.out.invalid(
                Reason::BadValue,
                format_args!("the value is not a finite number"),
            ),
        }
    }

    fn time(&mut self, record: &Record<'_>) -> Result<Option<i64>, Value> {
        let number = |field| match field {
            Field::Absent => Some(0.0),
            Field::Number(seconds) => Some(seconds),
            Field::Bad => None,
        };
        let seconds = number(self.base.time)
            .zip(number(record.time))
            .map(|(base, own)| base + own);
        let problem = match seconds {
            Some(0.0) => return Ok(None),
            Some(s) if s.abs() < RELATIVE_BELOW_S => {
                return Ok(Some(self.received_us.saturating_add(micros(s))));
            }
            Some(s) if s > 0.0 && s < SECONDS_END => return Ok(Some(micros(s))),
            Some(s) if s >= SECONDS_END => {
                "as seconds since 1970 the time is after the year 5138; are these milliseconds?"
            }
            Some(_) => "the time is more than 2^28 s in the past: it can't be relative",
            None => "a time is a number of seconds",
        };
        Err(self.out.invalid(Reason::BadTime, format_args!("{problem}")))
    }
}

/// Seconds below 1e11 as µs.
fn micros(seconds: f64) -> i64 {
    (seconds * 1e6).round() as i64
}
