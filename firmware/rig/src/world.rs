//! One device with its network and its broker, and what can be seen of them.

use crate::{
    device::{Device, Simulated},
    flash::Chip,
    network::Network,
    platform::Store,
    random::Random,
    time,
};
use embassy_futures::select::{Either, select};
use nhip_node::{Config, LinkEvent, Node, Sensors, Stop};

/// The device's name.
pub const NAME: &str = "gauge-1";

/// A device that says nothing of its health and sends what is due without delay.
pub fn config() -> Config<'static> {
    Config {
        health_period_s: 0,
        send_jitter_ms: 0,
        ..Config::new(NAME)
    }
}

/// See the module.
pub struct World {
    /// The network, with its broker.
    pub network: Network,
    /// The device.
    pub device: Device,
    /// What the chances of a boot begin with.
    seed: fn() -> u64,
}

impl World {
    /// The broker is next door, and every boot has the same chances.
    pub fn near() -> Self {
        Self {
            network: Network::fair(),
            device: Device::default(),
            seed: || 1,
        }
    }

    /// The way to the broker takes 40 ms, and every boot has chances of its own.
    pub fn far() -> Self {
        let network = Network::fair();
        network.0.borrow_mut().latency_us = 40_000;
        Self {
            network,
            device: Device::default(),
            seed: time::now_us,
        }
    }

    /// The node of a boot.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub async fn start<S: Sensors>(
        &self,
        config: Config<'static>,
        sensors: S,
    ) -> Node<'static, Simulated<S>> {
        let entropy = Random::new((self.seed)());
        let parts = self
            .device
            .parts(&self.network, Chip::layout(), sensors, entropy, 0);
        Node::start(config, parts).unwrap_or_else(|error| panic!("{error:?}"))
    }

    /// Runs a boot for a while; what the node returned, if it did.
    pub fn boot<S: Sensors>(&self, config: Config<'static>, sensors: S, us: u64) -> Option<Stop> {
        self.boot_with(config, sensors, async { time::sleep(us).await })
    }

    /// Runs a boot while something else happens.
    pub fn boot_with<S: Sensors>(
        &self,
        config: Config<'static>,
        sensors: S,
        happens: impl Future<Output = ()>,
    ) -> Option<Stop> {
        time::run(async {
            let mut node = self.start(config, sensors).await;
            match select(node.run(), happens).await {
                Either::First(stop) => Some(stop),
                Either::Second(()) => None,
            }
        })
    }

    /// What a platform stores of what was published.
    pub fn stored(&self) -> Store {
        Store::of(NAME, &self.network.0.borrow().broker.published)
    }

    /// Payloads under the topics that end so.
    ///
    /// # Panics
    ///
    /// When one is no text.
    pub fn published(&self, end: &str) -> Vec<String> {
        let state = self.network.0.borrow();
        let published = state.broker.published.iter();
        published
            .filter(|message| message.topic.ends_with(end))
            .map(|message| {
                let text = String::from_utf8(message.payload.clone());
                text.unwrap_or_else(|error| panic!("{error}"))
            })
            .collect()
    }

    /// How many readings the device queued.
    pub fn queued(&self) -> usize {
        self.device.ledger.0.borrow().queued.len()
    }

    /// How often this happened to its link.
    pub fn happened(&self, event: LinkEvent) -> usize {
        let entries = self.device.ledger.0.borrow();
        entries.link.iter().filter(|known| **known == event).count()
    }
}
