//! What is built into the image: `NHIP_NODE_…` in the environment of `cargo build`.

use nhip_embassy::Host;

/// Where there is no variable, the image builds all the same and says so by finding nobody.
const DEVICE: &str = or(option_env!("NHIP_NODE_DEVICE"), "stm32f429");
const BROKER: &str = or(option_env!("NHIP_NODE_BROKER"), "nhip.local:1883");
const TIME: &str = or(option_env!("NHIP_NODE_TIME"), "pool.ntp.org:123");

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
