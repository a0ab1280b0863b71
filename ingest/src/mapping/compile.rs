//! From a rule as written to one that can be applied, with every error at once.

use super::{RawField, RawRule, filter::Filter, pointer::Pointer};
use nhip_wire::{name, unit};
use thiserror::Error;

/// What is wrong with one key of a rule, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{key} = {value:?}: {expected}")]
pub struct RuleError {
    /// The key, from the rule on: `filter`, `fields[2].unit` …
    pub key: String,
    /// What stands there.
    pub value: String,
    /// What would be right.
    pub expected: String,
}

/// A rule that can be applied.
#[derive(Clone, Debug)]
pub struct MappingRule {
    pub(super) name: String,
    filter: Filter,
    pub(super) device: DeviceFrom,
    pub(super) time: Option<(Pointer, TimeFormat)>,
    pub(super) values: Option<Pointer>,
    pub(super) fields: Vec<Field>,
    pub(super) numbers: Option<(Pointer, Pointer)>,
}

#[derive(Clone, Debug)]
pub(super) enum DeviceFrom {
    Payload(Pointer),
    /// A level of the topic, from 0 on.
    Level(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimeFormat {
    Rfc3339,
    /// Units since 1970 in one second.
    Since1970(i64),
}

#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) pointer: Pointer,
    pub(super) datastream: String,
    pub(super) unit: Option<String>,
    pub(super) scale: f64,
}

struct Errors(Vec<RuleError>);

impl Errors {
    fn add(&mut self, key: &str, value: &str, expected: impl Into<String>) {
        self.0.push(RuleError {
            key: key.to_owned(),
            value: value.to_owned(),
            expected: expected.into(),
        });
    }

    fn pointer(&mut self, key: &str, text: &str) -> Option<Pointer> {
        Pointer::compile(text)
            .map_err(|expected| self.add(key, text, expected))
            .ok()
    }
}

impl MappingRule {
    /// Compiles a rule, or says everything that is wrong with it.
    pub fn compile(raw: &RawRule) -> Result<Self, Vec<RuleError>> {
        let mut errors = Errors(Vec::new());
        let filter = Filter::compile(&raw.filter)
            .map_err(|expected| errors.add("filter", &raw.filter, expected))
            .ok();
        let device = device(&raw.device, &mut errors);
        let format = time_format(raw.time_format.as_deref(), &mut errors);
        let time = raw
            .time
            .as_deref()
            .and_then(|text| Some((errors.pointer("time", text)?, format)));
        let values = raw
            .values
            .as_deref()
            .and_then(|text| errors.pointer("values", text));
        if raw.values.is_none() && raw.fields.is_empty() {
            errors.add("values", "", "a rule has values, fields, or both");
        }
        let fields = raw
            .fields
            .iter()
            .enumerate()
            .filter_map(|(at, raw)| field(at, raw, &mut errors))
            .collect();
        let numbers = numbers(raw, &mut errors);
        match (filter, device) {
            (Some(filter), Some(device)) if errors.0.is_empty() => Ok(Self {
                name: raw.name.clone(),
                filter,
                device,
                time,
                values,
                fields,
                numbers,
            }),
            _ => Err(errors.0),
        }
    }

    /// What it is called in messages to people.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it takes a topic.
    pub fn takes(&self, topic: &str) -> bool {
        self.filter.takes(topic)
    }
}

fn device(text: &str, errors: &mut Errors) -> Option<DeviceFrom> {
    if let Some(level) = text.strip_prefix("topic:") {
        return match level.parse::<usize>() {
            Ok(level @ 1..) => Some(DeviceFrom::Level(level - 1)),
            _ => {
                errors.add(
                    "device",
                    text,
                    "topic:N has a level from 1 on, for example topic:4",
                );
                None
            }
        };
    }
    if text.is_empty() {
        errors.add(
            "device",
            text,
            "a JSON pointer such as /deviceInfo/devEui, or topic:N",
        );
        return None;
    }
    errors.pointer("device", text).map(DeviceFrom::Payload)
}

fn time_format(text: Option<&str>, errors: &mut Errors) -> TimeFormat {
    match text {
        None | Some("rfc3339") => TimeFormat::Rfc3339,
        Some("s") => TimeFormat::Since1970(1),
        Some("ms") => TimeFormat::Since1970(1000),
        Some("us") => TimeFormat::Since1970(1_000_000),
        Some("ns") => TimeFormat::Since1970(1_000_000_000),
        Some(other) => {
            errors.add("time_format", other, "rfc3339, s, ms, us or ns");
            TimeFormat::Rfc3339
        }
    }
}

fn field(at: usize, raw: &RawField, errors: &mut Errors) -> Option<Field> {
    let key = |part: &str| format!("fields[{at}].{part}");
    let pointer = errors.pointer(&key("pointer"), &raw.pointer);
    if !name::is_name(&raw.datastream) {
        let expected = format!("a name: names match {}", name::GRAMMAR);
        errors.add(&key("datastream"), &raw.datastream, expected);
    }
    if let Some(text) = &raw.unit
        && unit::find(text).is_none()
    {
        errors.add(
            &key("unit"),
            text,
            "a UCUM code that is known, for example Cel or ug/m3",
        );
    }
    let scale = raw.scale.unwrap_or(1.0);
    if !scale.is_finite() || scale == 0.0 {
        errors.add(
            &key("scale"),
            &scale.to_string(),
            "a finite number other than 0",
        );
    }
    Some(Field {
        pointer: pointer?,
        datastream: raw.datastream.clone(),
        unit: raw.unit.clone(),
        scale,
    })
}

fn numbers(raw: &RawRule, errors: &mut Errors) -> Option<(Pointer, Pointer)> {
    match (&raw.boot, &raw.seq) {
        (Some(boot), Some(seq)) => {
            let boot = errors.pointer("boot", boot);
            let seq = errors.pointer("seq", seq);
            boot.zip(seq)
        }
        (None, Some(seq)) => {
            errors.add(
                "seq",
                seq,
                "boot as well: a counter that starts again would make new readings duplicates",
            );
            None
        }
        (Some(boot), None) => {
            errors.add(
                "boot",
                boot,
                "seq as well: a boot counter alone says nothing",
            );
            None
        }
        (None, None) => None,
    }
}
