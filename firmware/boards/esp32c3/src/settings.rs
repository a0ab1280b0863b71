//! What is built into the image: `NHIP_NODE_…` in the environment of `cargo build`.

use nhip_embassy::Host;

/// Where there is no variable, the image builds all the same and says so by finding nobody.
const DEVICE: &str = or(option_env!("NHIP_NODE_DEVICE"), "esp32c3");
const BROKER: &str = or(option_env!("NHIP_NODE_BROKER"), "nhip.local:1883");
const TIME: &str = or(option_env!("NHIP_NODE_TIME"), "pool.ntp.org:123");
const NETWORK: &str = or(option_env!("NHIP_NODE_WIFI"), "nhip");

const PASSWORD: Option<&str> = option_env!("NHIP_NODE_WIFI_PASSWORD");

/// Bytes of a network's name at most (IEEE 802.11).
const NETWORK_BYTES_MAX: usize = 32;
/// Bytes of a WPA2 password: 8 to 63 letters, or a key of 64 hexadecimal digits.
const PASSWORD_BYTES: core::ops::RangeInclusive<usize> = 8..=64;

// The device must not join an open network of that name for want of a password that fits.
const _: () = assert!(
    !NETWORK.is_empty() && NETWORK.len() <= NETWORK_BYTES_MAX,
    "NHIP_NODE_WIFI has to have 1 to 32 bytes"
);
const _: () = assert!(
    match PASSWORD {
        Some(password) => {
            *PASSWORD_BYTES.start() <= password.len() && password.len() <= *PASSWORD_BYTES.end()
        }
        None => true,
    },
    "NHIP_NODE_WIFI_PASSWORD has to have 8 to 64 bytes; leave it out for an open network"
);

const fn or(found: Option<&'static str>, otherwise: &'static str) -> &'static str {
    match found {
        Some(found) => found,
        None => otherwise,
    }
}

/// The settings of this image.
pub struct Settings {
    /// `NHIP_NODE_DEVICE`: the device's name.
    pub device: &'static str,
    /// `NHIP_NODE_BROKER`: host and port of the platform's MQTT listener.
    pub broker: Host,
    /// `NHIP_NODE_TIME`: host and port of an SNTP server.
    pub time: Host,
    /// `NHIP_NODE_WIFI`: the network's name.
    pub network: &'static str,
    /// `NHIP_NODE_WIFI_PASSWORD`: its password; without one, and only then, it is an open network.
    pub password: Option<&'static str>,
    /// `NHIP_NODE_USER` and `NHIP_NODE_PASSWORD`, where the platform asks for them.
    pub credentials: Option<(&'static str, &'static [u8])>,
}

impl Settings {
    /// What `cargo build` was told.
    pub fn built_in() -> Self {
        let user = option_env!("NHIP_NODE_USER");
        let password = option_env!("NHIP_NODE_PASSWORD").map(str::as_bytes);
        Self {
            device: DEVICE,
            broker: host(BROKER),
            time: host(TIME),
            network: NETWORK,
            password: PASSWORD,
            credentials: user.zip(password),
        }
    }
}

fn host(text: &str) -> Host {
    match text.parse() {
        Ok(host) => host,
        Err(_) => panic!("host:port is wanted"),
    }
}
