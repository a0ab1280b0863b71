//! A setting: how it is described, and how it is read from what there is.

use super::kind::Kind;
use super::layers::{ConfigError, Layers};

/// A setting as the reference describes it.
pub struct Described {
    /// Its key in the file.
    pub key: &'static str,
    /// Its default, as one would write it.
    pub default: &'static str,
    /// What it is.
    pub doc: &'static [&'static str],
    /// What values there are.
    pub expected: fn() -> String,
}

/// Makes the struct of all settings, the table that describes them, and their reader. Whoever
/// uses it imports what it names.
macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $field:ident: $kind:ty = $default:literal, $key:literal;)+) => {
        /// The configuration, whole and valid.
        #[derive(Clone, Debug)]
        pub struct Settings {
            $($(#[doc = $doc])+ pub $field: <$kind as Kind>::Value,)+
            /// The `[[mapping]]` tables, as they were written.
            pub mapping: Vec<toml::Table>,
        }

        /// What there is to set, in the order of the reference.
        pub const TABLE: &[Described] = &[$(Described {
            key: $key,
            default: $default,
            doc: &[$($doc),+],
            expected: <$kind as Kind>::expected,
        },)+];

        impl Settings {
            /// Reads every setting from its strongest source, and says everything that is
            /// wrong with any of them. What is wrong has its default, so that what depends on
            /// several settings can be judged in the same go.
            pub fn read(mut layers: Layers) -> (Self, Vec<ConfigError>) {
                $(let $field = read_setting::<$kind>(&mut layers, $key, $default);)+
                let mapping = std::mem::take(&mut layers.mapping);
                let errors = layers.finish(&[$($key),+]);
                (Self { $($field,)+ mapping }, errors)
            }
        }
    };
}

pub(super) use settings;

/// Reads a setting from its strongest source; what can't be read has its default.
#[expect(
    clippy::expect_used,
    reason = "the defaults are ours; a test reads every one of them"
)]
pub fn read_setting<K: Kind>(layers: &mut Layers, key: &str, default: &str) -> K::Value {
    if let Some(raw) = layers.take(key) {
        let readable = !K::IS_TEXT || raw.is_text;
        match readable.then(|| K::parse(raw.text.trim())).flatten() {
            Some(value) => return value,
            None => layers.refuse(ConfigError {
                key: key.into(),
                given: raw.shown(),
                expected: match readable {
                    true => K::expected(),
                    false => format!("{}, in quotes", K::expected()),
                },
            }),
        }
    }
    K::parse(default).expect("a default of its kind")
}

#[cfg(test)]
mod tests {
    use crate::config::{Layers, Settings, layers::ConfigError};

    fn settings(file: &str, variables: &[(&str, &str)]) -> (Settings, Vec<ConfigError>) {
        let mut layers = Layers::default();
        layers.add_file("nhip.toml", file);
        let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        layers.add_environment(variables.iter().map(owned));
        Settings::read(layers)
    }

    #[test]
    fn every_default_is_a_value_of_its_kind() {
        assert!(settings("", &[]).1.is_empty());
    }

    #[test]
    fn what_is_no_text_is_none_where_one_is_needed() {
        let (_, errors) = settings(
            "data = 5\n[http]\nhosts = [\"a\"]\n[logging]\nfilter = true\n[demo]\ndevices = \"7\"\n\
             [mqtt.listen]\n[mapping]\n",
            &[],
        );
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "mapping: a table in nhip.toml; expected tables: [[mapping]]",
                "data: 5 in nhip.toml; expected a path, in quotes",
                "http.hosts: [\"a\"] in nhip.toml; expected host names without ports, with commas \
                 between them, as localhost,nhip.example, or *, in quotes",
                "logging.filter: true in nhip.toml; expected a level, or targets with their levels, \
                 as info or nhip_broker=debug,info, in quotes",
                "mqtt.listen: a table in nhip.toml; expected a value",
            ]
        );
        assert_eq!(
            settings("", &[("NHIP_DATA", "5")]).0.data.to_str(),
            Some("5")
        );
    }

    #[test]
    fn the_environment_is_stronger_than_the_file() {
        let (settings, errors) = settings(
            "[mqtt]\nlisten = \"127.0.0.1:1\"\n",
            &[("NHIP_MQTT__LISTEN", "127.0.0.1:2"), ("HOME", "/root")],
        );
        assert!(errors.is_empty());
        assert_eq!(settings.mqtt_listen.port(), 2);
    }

    #[test]
    fn all_errors_are_told_at_once_with_key_value_and_what_would_be_right() {
        let (_, errors) = settings(
            "[mqtt]\nlisten = \"here\"\nlisen = 1\n[security]\nanonymous = \"all\"\n",
            &[("NHIP_DEMO__DEVICES", "0")],
        );
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "mqtt.listen: \"here\" in nhip.toml; expected an address and a port, as \
                 127.0.0.1:1883 or [::1]:1883",
                "security.anonymous: \"all\" in nhip.toml; expected loopback or off",
                "demo.devices: \"0\" in NHIP_DEMO__DEVICES; expected a whole number from 1 to \
                 100000",
                "mqtt.lisen: unknown, in nhip.toml; expected one of the settings there are; did \
                 you mean mqtt.listen?",
            ]
        );
    }
}
