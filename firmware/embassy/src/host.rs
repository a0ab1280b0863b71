//! Hosts by address, and by name where the board has DNS.

use core::str::FromStr;
use embassy_net::{IpAddress, IpEndpoint, Ipv4Address, Stack};
use heapless::String;

/// Longest name of a host, bytes.
pub const NAME_BYTES_MAX: usize = 63;

/// A host and a port, as `10.0.2.2:1883`, or `nhip.example.org:1883` where the board has DNS.
#[derive(Clone, Debug)]
pub struct Host {
    name: String<NAME_BYTES_MAX>,
    port: u16,
}

/// A text that is no host and port: no colon, no such port, or a name that is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAHost;

impl FromStr for Host {
    type Err = NotAHost;

    fn from_str(text: &str) -> Result<Self, NotAHost> {
        let colon = text
            .bytes()
            .rposition(|byte| byte == b':')
            .ok_or(NotAHost)?;
        let (name, port) = (text.get(..colon), text.get(colon + 1..));
        let name = name.and_then(|name| String::try_from(name).ok());
        Ok(Self {
            name: name.ok_or(NotAHost)?,
            port: port.and_then(number).ok_or(NotAHost)?,
        })
    }
}

/// An address as four numbers.
fn address(text: &str) -> Option<Ipv4Address> {
    let mut octets = [0; 4];
    let mut parts = text.as_bytes().split(|&byte| byte == b'.');
    for octet in &mut octets {
        let part = core::str::from_utf8(parts.next()?).ok()?;
        *octet = u8::try_from(number(part)?).ok()?;
    }
    parts.next().is_none().then(|| Ipv4Address::from(octets))
}

fn number(text: &str) -> Option<u16> {
    let mut number: Option<u16> = None;
    for digit in text.bytes() {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        let more = number.unwrap_or(0).checked_mul(10)?;
        number = Some(more.checked_add(digit.into())?);
    }
    number
}

impl Host {
    /// Its address now; none while it can't be found.
    pub(crate) async fn find(&self, stack: Stack<'_>) -> Option<IpEndpoint> {
        let address = match address(&self.name) {
            Some(address) => IpAddress::Ipv4(address),
            None => by_name(stack, &self.name).await?,
        };
        Some(IpEndpoint::new(address, self.port))
    }
}

#[cfg(feature = "dns")]
async fn by_name(stack: Stack<'_>, name: &str) -> Option<IpAddress> {
    let found = stack.dns_query(name, embassy_net::dns::DnsQueryType::A);
    found.await.ok()?.first().copied()
}

#[cfg(not(feature = "dns"))]
async fn by_name(_stack: Stack<'_>, _name: &str) -> Option<IpAddress> {
    None
}
