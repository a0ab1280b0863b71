//! Under which names the platform is asked, and whose pages may do what only its own may.
//!
//! The one rule for the API, its live streams and MQTT over WebSocket.

use axum::http::uri::Authority;
use std::net::IpAddr;

/// The host names of the platform, beside its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts(Option<Vec<String>>);

impl Hosts {
    /// Any name is ours: a page may what its own host lets it, whatever the host is called.
    pub fn any() -> Self {
        Self(None)
    }

    /// These names are ours; a name may end with the point of the root.
    pub fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self(Some(names.into_iter().map(plain).collect()))
    }

    /// Whether a Host header (RFC 9110, section 7.2: a name and a port) has an address or one
    /// of our names. A page elsewhere can let a name of its own point here and then read as if
    /// it were ours (DNS rebinding); it can't do so with an address.
    pub fn knows(&self, host: &str) -> bool {
        self.0.is_none()
            || name_of(host)
                .is_some_and(|name| name.parse::<IpAddr>().is_ok() || self.is_listed(&name))
    }

    /// Whether the page that an Origin header names may write and open WebSockets at this
    /// Host: its host is the one that it asks, or one of our names. Their ports may differ,
    /// since the page and MQTT have different ones.
    pub fn take_page(&self, origin: &str, host: &str) -> bool {
        let page = origin
            .split_once("://")
            .and_then(|(_, authority)| name_of(authority));
        page.is_some_and(|page| {
            self.knows(host) && (name_of(host).as_ref() == Some(&page) || self.is_listed(&page))
        })
    }

    fn is_listed(&self, name: &str) -> bool {
        let listed = self.0.as_deref().unwrap_or_default();
        listed.iter().any(|own| own == name)
    }
}

impl Default for Hosts {
    /// `localhost`.
    fn default() -> Self {
        Self::named(["localhost"])
    }
}

/// The name or address of a host with or without a port. An authority may name a user as well,
/// a host may not.
fn name_of(host: &str) -> Option<String> {
    let authority: Authority = host.parse().ok().filter(|_| !host.contains('@'))?;
    Some(plain(authority.host().trim_matches(['[', ']'])))
}

fn plain(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::Hosts;

    #[test]
    fn a_page_is_ours_by_the_host_it_asks_or_by_a_name_of_ours() {
        let hosts = Hosts::named(["localhost", "Nhip.Example."]);
        for (origin, host, expected) in [
            ("http://127.0.0.1:8080", "127.0.0.1:8083", true),
            ("http://[::1]:8080", "[::1]:8083", true),
            ("http://localhost:8080", "LOCALHOST.:8083", true),
            ("https://nhip.example", "nhip.example:8083", true),
            ("https://NHIP.example", "127.0.0.1:8083", true),
            ("http://localhost:8080", "nhip.example", true),
            ("http://192.0.2.1", "127.0.0.1:8083", false),
            ("http://evil.example", "127.0.0.1:8083", false),
            // Its name was pointed here.
            ("http://evil.example", "evil.example:8083", false),
            ("https://nhip.example", "evil.example", false),
            ("http://nhip.example@evil.example", "127.0.0.1:8083", false),
            ("http://nhip.example.evil.example", "127.0.0.1:8083", false),
            ("null", "127.0.0.1:8083", false),
            ("", "127.0.0.1:8083", false),
            ("http://localhost", "", false),
        ] {
            assert_eq!(hosts.take_page(origin, host), expected, "{origin} {host}");
        }
    }

    #[test]
    fn any_name_is_ours_and_its_pages_are_those_of_that_name() {
        let any = Hosts::any();
        assert!(any.knows("nhip.example"));
        assert!(any.take_page("https://nhip.example", "nhip.example:8083"));
        for origin in ["https://evil.example", "http://192.0.2.1", "null"] {
            assert!(!any.take_page(origin, "nhip.example:8083"), "{origin}");
        }
    }
}
