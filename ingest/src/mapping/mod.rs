//! Foreign JSON: rules that say where in a message the device, the time and the values are.
//!
//! A rule takes the topics of its MQTT filter and reads the payload by JSON pointers (RFC
//! 6901). Ready-made rules: [`ready_made`].

mod apply;
mod compile;
mod filter;
mod pointer;
mod ready_made;
#[cfg(test)]
mod tests;

pub use compile::{MappingRule, RuleError};
pub use ready_made::{chirpstack_v4, ready_made, the_things_stack_v3};

use crate::decode::{DecodeError, Limits, Readings};
use serde::Deserialize;

/// A rule as the configuration writes it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawRule {
    /// What the rule is called in messages to people.
    pub name: String,
    /// The topics it takes: an MQTT filter, `+` and `#` included.
    pub filter: String,
    /// A JSON pointer to the device's name (`/deviceInfo/devEui`), or `topic:N` for the topic's
    /// level number N, from 1 on. Lower-cased; what no name has becomes `-`.
    pub device: String,
    /// A JSON pointer to the time; without one, the time of arrival.
    pub time: Option<String>,
    /// How the time is written: `rfc3339` (the default), `s`, `ms`, `us` or `ns` since 1970.
    pub time_format: Option<String>,
    /// A JSON pointer to an object whose numbers and booleans become datastreams of their
    /// names; objects in it become `outer_inner`. Other members are passed over.
    pub values: Option<String>,
    /// Single values; what is not in a message is passed over.
    pub fields: Vec<RawField>,
    /// A JSON pointer to a boot counter. Only together with `seq`.
    pub boot: Option<String>,
    /// A JSON pointer to a sequence number that never repeats within a boot. Only together
    /// with `boot`: a counter that starts again without saying so would make new readings
    /// look like duplicates.
    pub seq: Option<String>,
}

/// One value of a foreign message.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawField {
    /// A JSON pointer to it.
    pub pointer: String,
    /// The datastream it belongs to.
    pub datastream: String,
    /// Its UCUM unit; the datastream's own if absent.
    pub unit: Option<String>,
    /// What to multiply it by; 1 if absent.
    pub scale: Option<f64>,
}

/// The rules in force, in the order of the configuration: the first whose filter fits counts.
#[derive(Clone, Debug, Default)]
pub struct Mapping {
    rules: Vec<MappingRule>,
}

impl Mapping {
    /// Compiles every rule, or says everything that is wrong with any of them.
    pub fn compile(raw: &[RawRule]) -> Result<Self, Vec<RuleError>> {
        let mut rules = Vec::new();
        let mut errors = Vec::new();
        for (at, raw) in raw.iter().enumerate() {
            match MappingRule::compile(raw) {
                Ok(rule) => rules.push(rule),
                Err(found) => errors.extend(found.into_iter().map(|error| RuleError {
                    key: format!("mapping[{at}].{}", error.key),
                    ..error
                })),
            }
        }
        if errors.is_empty() {
            Ok(Self { rules })
        } else {
            Err(errors)
        }
    }

    /// The rule that takes this topic.
    pub fn rule(&self, topic: &str) -> Option<&MappingRule> {
        self.rules.iter().find(|rule| rule.takes(topic))
    }

    /// Every rule.
    pub fn rules(&self) -> &[MappingRule] {
        &self.rules
    }
}

impl MappingRule {
    /// Takes a message apart, as [`crate::decode::decode`] does; every reading names its
    /// device. `out` is emptied first, and is empty after an error.
    pub fn decode(
        &self,
        topic: &str,
        payload: &[u8],
        limits: &Limits,
        out: &mut Readings,
    ) -> Result<(), DecodeError> {
        out.clear();
        let outcome = apply::apply(self, topic, payload, limits, out);
        if outcome.is_err() {
            out.clear();
        }
        outcome
    }

    /// The device that a message is from, without taking it apart; of a message that is no JSON
    /// only the topic can tell. None if nothing names one.
    pub fn device_of(&self, topic: &str, payload: &[u8], limits: &Limits) -> Option<String> {
        apply::device_of(self, topic, payload, limits)
    }
}
