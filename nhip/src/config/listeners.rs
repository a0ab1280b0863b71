//! Which listeners stand in each other's way.

use super::{ConfigError, Settings};
use std::net::{IpAddr, SocketAddr};

/// What is wrong with listeners that would be on one address and port.
pub fn errors(settings: &Settings) -> Vec<ConfigError> {
    let listeners = [
        ("mqtt.listen", Some(settings.mqtt_listen)),
        ("mqtt.websocket", settings.mqtt_websocket),
        ("http.listen", Some(settings.http_listen)),
    ];
    let mut taken: Vec<(&str, SocketAddr)> = Vec::new();
    let mut errors = Vec::new();
    for (key, address) in listeners {
        let Some(address) = address else { continue };
        if let Some((other, there)) = taken.iter().find(|(_, there)| collide(*there, address)) {
            errors.push(ConfigError {
                key: key.into(),
                given: format!("{address}, where {other} ({there}) is as well"),
                expected: "another port; 0 takes any that is free".into(),
            });
        }
        taken.push((key, address));
    }
    errors
}

/// Whether two addresses can't be listened on at one time. The system chooses port 0 anew each
/// time; an unspecified address is all of its family, and that of IPv6 is all of IPv4 too.
fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let covers = |wide: IpAddr, narrow: IpAddr| match wide {
        IpAddr::V4(wide) => wide.is_unspecified() && narrow.is_ipv4(),
        IpAddr::V6(wide) => wide.is_unspecified(),
    };
    let (a, b) = (one.ip().to_canonical(), other.ip().to_canonical());
    one.port() != 0 && one.port() == other.port() && (a == b || covers(a, b) || covers(b, a))
}

#[cfg(test)]
mod tests {
    use super::collide;
    use crate::config::{Config, Layers};

    #[test]
    fn two_listeners_are_not_on_one_address_and_port() {
        let mut layers = Layers::default();
        let file = "[mqtt]\nlisten = \"127.0.0.1:8080\"\nwebsocket = \"127.0.0.1:8080\"\n";
        layers.add_file("nhip.toml", file);
        let errors = Config::read(layers).unwrap_err();
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let rest = "where mqtt.listen (127.0.0.1:8080) is as well; expected another port; 0 takes \
                    any that is free";
        assert_eq!(
            lines,
            [
                format!("mqtt.websocket: 127.0.0.1:8080, {rest}"),
                format!("http.listen: 127.0.0.1:8080, {rest}"),
            ]
        );
    }

    #[test]
    fn wildcards_collide_with_what_they_cover() {
        for (one, other, expected) in [
            ("127.0.0.1:0", "127.0.0.1:0", false),
            ("127.0.0.1:1", "127.0.0.1:2", false),
            ("127.0.0.1:1", "127.0.0.2:1", false),
            ("0.0.0.0:1", "127.0.0.1:1", true),
            ("0.0.0.0:1", "[::1]:1", false),
            ("[::]:1", "127.0.0.1:1", true),
            ("[::]:1", "[::1]:1", true),
            ("[::ffff:127.0.0.1]:1", "127.0.0.1:1", true),
        ] {
            let pair = (one.parse().unwrap(), other.parse().unwrap());
            assert_eq!(collide(pair.0, pair.1), expected, "{one} {other}");
            assert_eq!(collide(pair.1, pair.0), expected, "{one} {other}");
        }
    }
}
