//! Every setting: its key, kind, default and what it is.

use super::kind::{Address, Bytes, Integer, Kind, OptionalAddress, Path, Switch, words};
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

words! {
    /// Who may come in without a credential.
    Anonymous => bool { "loopback" => true, "off" => false }
}

words! {
    /// What happens to devices and datastreams that nobody registered.
    RegistrationMode => nhip_registry::Registration {
        "open" => nhip_registry::Registration::Open,
        "strict" => nhip_registry::Registration::Strict,
    }
}

words! {
    /// How log lines look.
    LogFormat => bool { "text" => false, "json" => true }
}

/// Makes the struct of all settings, the table that describes them, and their reader.
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
            /// Reads every setting from its strongest source, or says everything that is
            /// wrong with any of them.
            pub fn read(mut layers: Layers) -> Result<Self, Vec<ConfigError>> {
                $(let $field = read_one::<$kind>(&mut layers, $key, $default);)+
                let mapping = std::mem::take(&mut layers.mapping);
                let errors = layers.finish(&[$($key),+]);
                match ($($field,)+) {
                    ($(Some($field),)+) if errors.is_empty() => {
                        Ok(Self { $($field,)+ mapping })
                    }
                    _ => Err(errors),
                }
            }
        }
    };
}

settings! {
    /// The folder that everything is kept in.
    data: Path = "./data", "data";

    /// Where MQTT clients connect.
    mqtt_listen: Address = "127.0.0.1:1883", "mqtt.listen";
    /// Where MQTT clients connect over WebSocket, path `/mqtt`.
    mqtt_websocket: OptionalAddress = "127.0.0.1:8083", "mqtt.websocket";

    /// Where the API and the operations page are served.
    http_listen: Address = "127.0.0.1:8080", "http.listen";

    /// Who may connect without a credential: clients on the loopback address, or nobody.
    security_anonymous: Anonymous = "loopback", "security.anonymous";
    /// Allows listeners on other addresses without TLS and credentials: whoever reaches
    /// them can read and write everything.
    security_insecure: Switch = "false", "security.insecure";

    /// What happens to a device or datastream that nobody registered: it is registered on
    /// first sight, or its readings become dead letters.
    registry_registration: RegistrationMode = "open", "registry.registration";

    /// What is logged: a `tracing` filter, as `info` or `nhip_broker=debug,info`.
    logging_filter: Text = "info", "logging.filter";
    /// How log lines look on standard error.
    logging_format: LogFormat = "text", "logging.format";

    /// Devices of the demo city.
    demo_devices: Integer<1, 100_000> = "300", "demo.devices";
    /// How much history the demo city is given at its first start, hours.
    demo_history_h: Integer<0, 720> = "24", "demo.history_h";
    /// The seed of the demo city: the same seed is the same city.
    demo_seed: Integer<0, { u64::MAX }> = "1", "demo.seed";
}

/// A text that is not empty.
pub struct Text;

impl Kind for Text {
    type Value = String;

    fn parse(text: &str) -> Option<String> {
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn expected() -> String {
        "a text".into()
    }
}

fn read_one<K: Kind>(layers: &mut Layers, key: &str, default: &str) -> Option<K::Value> {
    let Some(raw) = layers.take(key) else {
        return K::parse(default);
    };
    let value = K::parse(raw.text.trim());
    if value.is_none() {
        layers.refuse(ConfigError {
            key: key.into(),
            given: format!("{:?} in {}", raw.text, raw.source),
            expected: K::expected(),
        });
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &str, variables: &[(&str, &str)]) -> Result<Settings, Vec<ConfigError>> {
        let mut layers = Layers::default();
        layers.add_file("nhip.toml", file);
        let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        layers.add_environment(variables.iter().map(owned));
        Settings::read(layers)
    }

    #[test]
    fn every_default_is_a_value_of_its_kind() {
        assert!(read("", &[]).is_ok());
    }

    #[test]
    fn the_environment_is_stronger_than_the_file() {
        let settings = read(
            "[mqtt]\nlisten = \"127.0.0.1:1\"\n",
            &[("NHIP_MQTT__LISTEN", "127.0.0.1:2"), ("HOME", "/root")],
        )
        .unwrap();
        assert_eq!(settings.mqtt_listen.port(), 2);
    }

    #[test]
    fn all_errors_are_told_at_once_with_key_value_and_what_would_be_right() {
        let errors = read(
            "[mqtt]\nlisten = \"here\"\nlisen = 1\n[security]\nanonymous = \"all\"\n",
            &[("NHIP_DEMO__DEVICES", "0")],
        )
        .unwrap_err();
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
