//! Where settings come from: defaults < file < environment < flags.

use super::nearest::nearest;
use std::collections::BTreeMap;

/// The raw settings of all sources, by key; the strongest source of a key wins.
#[derive(Debug, Default)]
pub struct Layers {
    values: BTreeMap<String, Raw>,
    /// The `[[mapping]]` tables of the file, read by ingest.
    pub mapping: Vec<toml::Table>,
    /// The tables of the file by key, each with the file: no setting is one.
    tables: Vec<(String, String)>,
    errors: Vec<ConfigError>,
}

/// A value as it was written, and where.
#[derive(Clone, Debug)]
pub struct Raw {
    /// The text.
    pub text: String,
    /// Whether it was written as a text; in the environment and in flags all is.
    pub is_text: bool,
    /// The source, for an error: `nhip.toml`, `NHIP_MQTT__LISTEN`, `--data`.
    pub source: String,
}

impl Raw {
    fn text(text: String, source: String) -> Self {
        Self {
            text,
            is_text: true,
            source,
        }
    }

    /// As an error shows it.
    pub fn shown(&self) -> String {
        match self.is_text {
            true => format!("{:?} in {}", self.text, self.source),
            false => format!("{} in {}", self.text, self.source),
        }
    }
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
                self.values.insert(key, Raw::text(text, name));
            }
        }
    }

    /// Adds a flag that was given.
    pub fn add_flag(&mut self, flag: &str, key: &str, text: String) {
        self.values.insert(key.into(), Raw::text(text, flag.into()));
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
        for (key, source) in self.tables {
            if known.contains(&key.as_str()) {
                self.errors.push(ConfigError {
                    key,
                    given: format!("a table in {source}"),
                    expected: "a value".into(),
                });
            }
        }
        self.errors
    }

    fn add_table(&mut self, source: &str, prefix: &str, table: &toml::Table) {
        for (name, value) in table {
            let key = format!("{prefix}{name}");
            let (text, is_text) = match value {
                toml::Value::Table(_) if key == "mapping" => {
                    self.errors.push(ConfigError {
                        key,
                        given: format!("a table in {source}"),
                        expected: "tables: [[mapping]]".into(),
                    });
                    continue;
                }
                toml::Value::Table(inner) => {
                    self.add_table(source, &format!("{key}."), inner);
                    self.tables.push((key, source.into()));
                    continue;
                }
                toml::Value::Array(items) if key == "mapping" => {
                    self.add_mapping(items);
                    continue;
                }
                toml::Value::String(text) => (text.clone(), true),
                other => (other.to_string(), false),
            };
            let source = source.into();
            let raw = Raw {
                text,
                is_text,
                source,
            };
            self.values.insert(key, raw);
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
