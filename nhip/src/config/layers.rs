//! Where settings come from: defaults < file < environment < flags.

use super::nearest::nearest;
use std::collections::BTreeMap;

/// The raw settings of all sources, by key; the strongest source of a key wins.
#[derive(Debug, Default)]
pub struct Layers {
    values: BTreeMap<String, Raw>,
    /// The `[[mapping]]` tables of the file, read by ingest.
    pub mapping: Vec<toml::Table>,
    errors: Vec<ConfigError>,
}

/// A value as it was written, and where.
#[derive(Clone, Debug)]
pub struct Raw {
    /// The text.
    pub text: String,
    /// The source, for an error: `nhip.toml`, `NHIP_MQTT__LISTEN`, `--data`.
    pub source: String,
}

/// One thing that is wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The setting.
    pub key: String,
    /// What was given, and where.
    pub given: String,
    /// What would be right.
    pub expected: String,
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}: {}; expected {}",
            self.key, self.given, self.expected
        )
    }
}

impl Layers {
    /// Adds the text of a configuration file.
    pub fn add_file(&mut self, name: &str, text: &str) {
        match text.parse::<toml::Table>() {
            Ok(table) => self.add_table(name, "", &table),
            Err(error) => self.errors.push(ConfigError {
                key: name.into(),
                given: format!("not TOML: {}", error.to_string().trim_end()),
                expected: "a TOML file".into(),
            }),
        }
    }

    /// Adds environment variables; those that don't begin with `NHIP_` are none of ours.
    pub fn add_environment(&mut self, variables: impl IntoIterator<Item = (String, String)>) {
        for (name, text) in variables {
            if let Some(key) = name.strip_prefix("NHIP_") {
                let key = key.replace("__", ".").to_lowercase();
                self.values.insert(key, Raw { text, source: name });
            }
        }
    }

    /// Adds a flag that was given.
    pub fn add_flag(&mut self, flag: &str, key: &str, text: String) {
        let source = flag.into();
        self.values.insert(key.into(), Raw { text, source });
    }

    /// Takes the raw value of a key out.
    pub fn take(&mut self, key: &str) -> Option<Raw> {
        self.values.remove(key)
    }

    /// Notes an error.
    pub fn refuse(&mut self, error: ConfigError) {
        self.errors.push(error);
    }

    /// Everything that is wrong, the keys that nobody took included. `known` are the keys
    /// there are, for a hint.
    pub fn finish(mut self, known: &[&'static str]) -> Vec<ConfigError> {
        for (key, raw) in std::mem::take(&mut self.values) {
            let expected = match nearest(&key, known) {
                Some(near) => format!("one of the settings there are; did you mean {near}?"),
                None => "one of the settings there are; see docs/configuration.md".into(),
            };
            self.errors.push(ConfigError {
                key,
                given: format!("unknown, in {}", raw.source),
                expected,
            });
        }
        self.errors
    }

    fn add_table(&mut self, source: &str, prefix: &str, table: &toml::Table) {
        for (name, value) in table {
            let key = format!("{prefix}{name}");
            let text = match value {
                toml::Value::Table(inner) => {
                    self.add_table(source, &format!("{key}."), inner);
                    continue;
                }
                toml::Value::Array(items) if key == "mapping" => {
                    self.add_mapping(items);
                    continue;
                }
                toml::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let source = source.into();
            self.values.insert(key, Raw { text, source });
        }
    }

    fn add_mapping(&mut self, items: &[toml::Value]) {
        for item in items {
            match item {
                toml::Value::Table(rule) => self.mapping.push(rule.clone()),
                other => self.errors.push(ConfigError {
                    key: "mapping".into(),
                    given: other.to_string(),
                    expected: "tables: [[mapping]]".into(),
                }),
            }
        }
    }
}
