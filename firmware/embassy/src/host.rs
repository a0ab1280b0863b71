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
        let (name, port) = text.rsplit_once(':').ok_or(NotAHost)?;
        Ok(Self {
            name: String::try_from(name).map_err(|_| NotAHost)?,
            port: port.parse().map_err(|_| NotAHost)?,
        })
    }
}

impl Host {
    /// Its address now; none while it can't be found.
    pub(crate) async fn find(&self, stack: Stack<'_>) -> Option<IpEndpoint> {
        let address = match Ipv4Address::from_str(&self.name) {
            Ok(address) => IpAddress::Ipv4(address),
            Err(_) => by_name(stack, &self.name).await?,
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
