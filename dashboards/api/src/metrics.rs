//! What the API counts.

use prometheus::{IntCounter, IntGauge, Registry};

/// Counters of the live streams.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// `nhip_live_subscribers`: live streams that are open.
    pub live_subscribers: IntGauge,
    /// `nhip_live_dropped_total`: subscribers dropped because they read too slowly.
    pub live_dropped: IntCounter,
}

impl Metrics {
    /// Registers them.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let live_subscribers =
            IntGauge::new("nhip_live_subscribers", "Live streams that are open")?;
        let live_dropped = IntCounter::new(
            "nhip_live_dropped_total",
            "Live subscribers dropped because they read too slowly",
        )?;
        registry.register(Box::new(live_subscribers.clone()))?;
        registry.register(Box::new(live_dropped.clone()))?;
        Ok(Self {
            live_subscribers,
            live_dropped,
        })
    }
}
