//! The `[[mapping]]` tables, compiled.

use super::{ConfigError, Settings, nearest::nearest};
use nhip_ingest::mapping::{self, Mapping, MappingRule, RawField, RawRule};
use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// The keys of a rule, and of each of its fields.
const RULE_KEYS: &[&str] = &[
    "name",
    "filter",
    "device",
    "time",
    "time_format",
    "values",
    "fields",
    "boot",
    "seq",
];
const FIELD_KEYS: &[&str] = &["pointer", "datastream", "unit", "scale"];

/// The rules of the configuration, then the ready-made ones, or everything that is wrong with
/// any of them.
pub fn compile(settings: &Settings) -> Result<Mapping, Vec<ConfigError>> {
    let mut raw = Vec::new();
    let mut errors = Vec::new();
    for (at, table) in settings.mapping.iter().enumerate() {
        let (rule, mut found) = read(&format!("mapping[{at}]"), table);
        for error in MappingRule::compile(&rule).err().into_iter().flatten() {
            let key = format!("mapping[{at}].{}", error.key);
            // What could not be read has been told, and so has what it may have been meant for.
            if !found.iter().any(|told| told.concerns(&key)) {
                let given = format!("{:?}", error.value);
                let expected = error.expected;
                found.push(Wrong::new(key, given, expected));
            }
        }
        errors.extend(found.into_iter().map(|wrong| wrong.error));
        raw.push(rule);
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    if settings.ingest_lorawan {
        raw.extend([mapping::chirpstack_v4(), mapping::the_things_stack_v3()]);
    }
    Mapping::compile(&raw).map_err(|found| {
        let told = found.into_iter().map(|error| ConfigError {
            key: error.key,
            given: format!("{:?}", error.value),
            expected: error.expected,
        });
        told.collect()
    })
}

/// Something that is wrong in a rule, and the key that may have been meant.
struct Wrong {
    error: ConfigError,
    meant: Option<String>,
}

impl Wrong {
    fn new(key: String, given: String, expected: String) -> Self {
        let error = ConfigError {
            key,
            given,
            expected,
        };
        Self { error, meant: None }
    }

    fn concerns(&self, key: &str) -> bool {
        self.error.key == key || self.meant.as_deref() == Some(key)
    }
}

/// Reads a rule key by key, so that one that can't be read hides no other.
fn read(place: &str, table: &Table) -> (RawRule, Vec<Wrong>) {
    let mut wrong = Vec::new();
    let mut table = table.clone();
    let mut fields = Vec::new();
    if let Some(Value::Array(items)) = table.get("fields") {
        for (at, item) in items.iter().enumerate() {
            let place = format!("{place}.fields[{at}]");
            match item {
                Value::Table(field) => {
                    let read = sift::<RawField>(&place, field, FIELD_KEYS, &mut wrong);
                    fields.push(read);
                }
                other => wrong.push(Wrong::new(
                    place,
                    other.to_string(),
                    "a table, as { pointer = \"/level\", datastream = \"water_level\" }".into(),
                )),
            }
        }
        table.remove("fields");
    }
    let rule = sift::<RawRule>(place, &table, RULE_KEYS, &mut wrong);
    (RawRule { fields, ..rule }, wrong)
}

/// What of a table can be read; the rest is told.
fn sift<T: DeserializeOwned + Default>(
    place: &str,
    table: &Table,
    known: &[&str],
    wrong: &mut Vec<Wrong>,
) -> T {
    let mut good = Table::new();
    for (key, value) in table {
        let alone = Table::from_iter([(key.clone(), value.clone())]);
        let at = format!("{place}.{key}");
        if !known.contains(&key.as_str()) {
            let meant = nearest(key, known);
            let expected = match meant {
                Some(near) => format!("one of {}; did you mean {near}?", known.join(", ")),
                None => format!("one of {}", known.join(", ")),
            };
            wrong.push(Wrong {
                meant: meant.map(|near| format!("{place}.{near}")),
                ..Wrong::new(at, "unknown".into(), expected)
            });
        } else if let Err(error) = alone.clone().try_into::<T>() {
            let given = format!("{value} ({})", error.message().trim_end());
            wrong.push(Wrong::new(
                at,
                given,
                "a rule as docs/payloads.md has it".into(),
            ));
        } else {
            good.extend(alone);
        }
    }
    // Each of its keys could be read alone.
    good.try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Layers};

    fn errors(file: &str) -> Vec<String> {
        let mut layers = Layers::default();
        layers.add_file("nhip.toml", file);
        let errors = Config::read(layers).err().unwrap_or_default();
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_key_that_can_not_be_read_hides_no_other_and_shifts_no_number() {
        let file = r#"
            [[mapping]]
            filterr = "a/+"
            device = 5
            time_format = "weeks"
            fields = [{ pointr = "/x", datastream = "X" }, { pointer = "/y", datastream = "y", scale = "ten" }]
            [[mapping]]
            filter = "b/#/c"
            device = "topic:1"
            values = "/v"
        "#;
        let errors = errors(file);
        let keys: Vec<&str> = errors
            .iter()
            .map(|error| error.split(": ").next().unwrap())
            .collect();
        assert_eq!(
            keys,
            [
                "mapping[0].fields[0].pointr",
                "mapping[0].fields[1].scale",
                "mapping[0].device",
                "mapping[0].filterr",
                "mapping[0].time_format",
                "mapping[0].fields[0].datastream",
                "mapping[1].filter",
            ],
            "{errors:#?}"
        );
        assert!(errors[3].ends_with("did you mean filter?"), "{}", errors[3]);
    }
}
