//! Which listeners may be where.

use super::{ConfigError, Settings};
use std::net::SocketAddr;

/// What is wrong with listeners on addresses that others can reach: this version has neither
/// TLS nor credentials to protect them.
pub fn errors(settings: &Settings) -> Vec<ConfigError> {
    let listeners = [
        ("mqtt.listen", Some(settings.mqtt_listen)),
        ("mqtt.websocket", settings.mqtt_websocket),
        ("http.listen", Some(settings.http_listen)),
    ];
    let exposed = |address: &SocketAddr| !address.ip().to_canonical().is_loopback();
    listeners
        .into_iter()
        .filter(|_| !settings.security_insecure)
        .filter_map(|(key, address)| Some((key, address.filter(exposed)?)))
        .map(|(key, address)| ConfigError {
            key: key.into(),
            given: format!("{address}, which others can reach without TLS and credentials"),
            expected: "an address on the loopback, or security.insecure = true".into(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Layers};

    fn keys(file: &str) -> Vec<String> {
        let mut layers = Layers::default();
        layers.add_file("nhip.toml", file);
        match Config::read(layers) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.into_iter().map(|error| error.key).collect(),
        }
    }

    #[test]
    fn a_listener_that_others_can_reach_is_refused_unless_it_is_said_to_be_insecure() {
        let file = "[mqtt]\nlisten = \"0.0.0.0:1883\"\n[http]\nlisten = \"[::]:8080\"\n";
        assert_eq!(keys(file), ["mqtt.listen", "http.listen"]);
        assert!(keys(&format!("{file}[security]\ninsecure = true\n")).is_empty());
        assert!(keys("[mqtt]\nlisten = \"[::1]:1883\"\n").is_empty());
    }
}
