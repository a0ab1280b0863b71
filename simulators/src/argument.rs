//! Values on the command line, checked before anything is done with them. An error says what
//! would be right; the command line adds the argument and what was given.

use nhip_wire::name::{GRAMMAR, is_name};
use std::{
    fmt::Display,
    net::{SocketAddr, ToSocketAddrs},
    path::PathBuf,
    str::FromStr,
};

/// The name of a device, datastream, property or place.
pub fn name(text: &str) -> Result<String, String> {
    match is_name(text) {
        true => Ok(text.to_owned()),
        false => Err(format!("names match {GRAMMAR}")),
    }
}

/// An address with a port to connect to; a host's name stands for its first address, rather of
/// IPv4, since that is where listeners are by default.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    let found: Vec<SocketAddr> = match text.parse() {
        Ok(address) => vec![address],
        Err(_) => text.to_socket_addrs().into_iter().flatten().collect(),
    };
    let address = found.iter().find(|address| address.is_ipv4());
    let address = address.or(found.first());
    address
        .copied()
        .filter(|address| address.port() != 0)
        .ok_or_else(|| {
            "an address and a port are needed, as 127.0.0.1:1883 or localhost:1883".to_owned()
        })
}

/// A whole number between two ends, both included.
pub fn whole<T>(min: T, max: T) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync
where
    T: FromStr + PartialOrd + Display + Copy + Send + Sync + 'static,
{
    move |text| {
        let number: Option<T> = text.parse().ok();
        let number = number.filter(|number| (min..=max).contains(number));
        number.ok_or_else(|| format!("a whole number from {min} to {max} is needed"))
    }
}

/// A number between two ends, both included.
pub fn number(min: f64, max: f64) -> impl Fn(&str) -> Result<f64, String> + Clone + Send + Sync {
    move |text| {
        let number: Option<f64> = text.parse().ok();
        let number = number.filter(|number| (min..=max).contains(number));
        number.ok_or_else(|| format!("a number from {min} to {max} is needed"))
    }
}

/// A file that is there.
pub fn file(text: &str) -> Result<PathBuf, String> {
    match std::fs::metadata(text) {
        Ok(found) if found.is_dir() => Err("it is a folder, and a file is needed".into()),
        Ok(_) => Ok(text.into()),
        Err(error) => Err(format!("a file that can be read is needed: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_port_to_connect_to() {
        assert_eq!(address("127.0.0.1:1883"), Ok(([127, 0, 0, 1], 1883).into()));
        assert_eq!(address("localhost:1883"), Ok(([127, 0, 0, 1], 1883).into()));
        assert!(address("[::1]:1883").is_ok_and(|address| address.is_ipv6()));
        for text in ["", "1883", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:x"] {
            assert!(address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_are_within_their_ends() {
        assert_eq!(whole(1, 7_u8)("7"), Ok(7));
        assert_eq!(
            whole(1, 7_u8)("8"),
            Err("a whole number from 1 to 7 is needed".into())
        );
        assert!(whole(1, 7_u8)("x").is_err() && whole(1, 7_u8)("2.5").is_err());
        assert_eq!(number(-1.0, 1.0)("-0.5"), Ok(-0.5));
        assert!(number(-1.0, 1.0)("NaN").is_err() && number(-1.0, 1.0)("1.01").is_err());
    }
}
