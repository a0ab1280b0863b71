//! Messages of foreign topics, and the rules that map them.

use crate::payloads::check;
use nhip_ingest::{
    decode::Limits,
    mapping::{MappingRule, RawField, RawRule, chirpstack_v4, the_things_stack_v3},
};

/// A message by itself goes through the ready-made rules. Behind `rule` in a line of its own
/// come six lines of a rule (filter, device, time, values, pointer, boot and seq), a topic, and
/// the message.
pub fn withstand(bytes: &[u8]) -> bool {
    if let Some(rest) = bytes.strip_prefix(b"rule\n") {
        return by_its_own_rule(rest);
    }
    [chirpstack_v4(), the_things_stack_v3()]
        .iter()
        .flat_map(MappingRule::compile)
        .map(|rule| apply(&rule, "a/b", bytes))
        .fold(false, |any, taken| any | taken)
}

fn by_its_own_rule(bytes: &[u8]) -> bool {
    let mut lines = bytes.splitn(8, |byte| *byte == b'\n');
    let mut line = || String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let optional = |text: String| (!text.is_empty()).then_some(text);
    let raw = RawRule {
        name: "rule".into(),
        filter: line(),
        device: line(),
        time: optional(line()),
        values: optional(line()),
        fields: vec![RawField {
            pointer: line(),
            datastream: "value".into(),
            ..RawField::default()
        }],
        ..RawRule::default()
    };
    let numbers = line();
    let (boot, seq) = numbers.split_once(' ').unzip();
    let raw = RawRule {
        boot: boot.map(str::to_owned),
        seq: seq.map(str::to_owned),
        ..raw
    };
    let topic = line();
    match MappingRule::compile(&raw) {
        Ok(rule) => {
            rule.takes(&topic);
            apply(&rule, &topic, lines.next().unwrap_or_default())
        }
        Err(errors) => {
            assert!(!errors.is_empty());
            false
        }
    }
}

fn apply(rule: &MappingRule, topic: &str, message: &[u8]) -> bool {
    rule.device_of(topic, message, &Limits::default());
    check(|out| rule.decode(topic, message, &Limits::default(), out))
}
