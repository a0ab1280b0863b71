//! Kinds of value that name a server, and what it asks for.

use super::kind::Kind;
use std::path::PathBuf;

/// The address of a server that speaks HTTP.
pub struct HttpServer;

impl Kind for HttpServer {
    type Value = String;
    const IS_TEXT: bool = true;

    fn parse(text: &str) -> Option<String> {
        let address = text
            .strip_prefix("http://")
            .or_else(|| text.strip_prefix("https://"))?
            .trim_end_matches('/');
        HostPort::parse(address).map(|_| text.trim_end_matches('/').to_owned())
    }

    fn expected() -> String {
        "http:// or https://, a host and a port, as http://127.0.0.1:9000".into()
    }
}

/// A host with a port.
pub struct HostPort;

impl Kind for HostPort {
    type Value = String;
    const IS_TEXT: bool = true;

    fn parse(text: &str) -> Option<String> {
        let (host, port) = text.rsplit_once(':')?;
        let good = !host.is_empty() && !host.contains('/') && port.parse::<u16>().is_ok();
        good.then(|| text.to_owned())
    }

    fn expected() -> String {
        "a host and a port, as 127.0.0.1:8812".into()
    }
}

/// The name of a user.
pub struct UserName;

impl Kind for UserName {
    type Value = String;
    const IS_TEXT: bool = true;

    fn parse(text: &str) -> Option<String> {
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn expected() -> String {
        "a name".into()
    }
}

/// A file, or nothing.
pub struct OptionalPath;

impl Kind for OptionalPath {
    type Value = Option<PathBuf>;
    const IS_TEXT: bool = true;

    fn parse(text: &str) -> Option<Option<PathBuf>> {
        Some((!text.is_empty()).then(|| text.into()))
    }

    fn expected() -> String {
        "a path, or nothing".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_a_scheme_a_host_and_a_port() {
        let good = HttpServer::parse("https://db.example:9000/");
        assert_eq!(good.as_deref(), Some("https://db.example:9000"));
        for text in [
            "127.0.0.1:9000",
            "http://127.0.0.1",
            "http://:1",
            "http://a/b:1",
        ] {
            assert_eq!(HttpServer::parse(text), None, "{text}");
        }
        assert_eq!(HostPort::parse("[::1]:8812").as_deref(), Some("[::1]:8812"));
        assert_eq!(HostPort::parse("localhost:pg"), None);
    }
}
