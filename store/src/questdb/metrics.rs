//! What the store in QuestDB counts.

use prometheus::{Histogram, HistogramOpts, IntGauge, Registry};

/// Durations and the state of the server.
#[derive(Clone, Debug)]
pub struct QuestDbMetrics {
    pub(crate) checkpoint_seconds: Histogram,
    pub(crate) request_seconds: Histogram,
    pub(crate) reachable: IntGauge,
    pub(crate) suspended: IntGauge,
    pub(crate) checkpoint_held: IntGauge,
    pub(crate) unapplied: IntGauge,
}

impl QuestDbMetrics {
    /// Makes the metrics and registers them.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            checkpoint_seconds: seconds(
                "nhip_store_checkpoint_seconds",
                "Duration of a checkpoint of one shard, with its sync",
            )?,
            request_seconds: seconds(
                "nhip_questdb_request_seconds",
                "Duration of a request that hands readings to QuestDB",
            )?,
            reachable: IntGauge::new(
                "nhip_questdb_reachable",
                "Whether QuestDB answered when it was last asked; 0 is an alarm",
            )?,
            suspended: IntGauge::new(
                "nhip_questdb_suspended",
                "Whether QuestDB has suspended one of the platform's tables; 1 is an alarm",
            )?,
            checkpoint_held: IntGauge::new(
                "nhip_questdb_checkpoint_held",
                "Whether somebody's CHECKPOINT on QuestDB keeps readings from being made durable; \
                 1 is an alarm",
            )?,
            unapplied: IntGauge::new(
                "nhip_questdb_unapplied_transactions",
                "Transactions that QuestDB has taken and does not show yet",
            )?,
        };
        registry.register(Box::new(metrics.checkpoint_seconds.clone()))?;
        registry.register(Box::new(metrics.request_seconds.clone()))?;
        registry.register(Box::new(metrics.reachable.clone()))?;
        registry.register(Box::new(metrics.suspended.clone()))?;
        registry.register(Box::new(metrics.checkpoint_held.clone()))?;
        registry.register(Box::new(metrics.unapplied.clone()))?;
        Ok(metrics)
    }
}

fn seconds(name: &str, help: &str) -> Result<Histogram, prometheus::Error> {
    let buckets = prometheus::exponential_buckets(0.001, 2.5, 12)?;
    Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets))
}
