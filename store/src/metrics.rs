//! What the store counts.

use prometheus::{Histogram, HistogramOpts, IntCounter, Registry};

/// Durations and amounts of the embedded store.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub(crate) checkpoint_seconds: Histogram,
    pub(crate) checkpoint_observations: IntCounter,
    pub(crate) merge_seconds: Histogram,
    pub(crate) merged_observations: IntCounter,
    pub(crate) dropped_days: IntCounter,
}

impl Metrics {
    /// Makes the metrics and registers them.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            checkpoint_seconds: seconds(
                "nhip_store_checkpoint_seconds",
                "Duration of a checkpoint of one shard, with its sync",
            )?,
            checkpoint_observations: IntCounter::new(
                "nhip_store_checkpoint_observations_total",
                "Observations that checkpoints made durable",
            )?,
            merge_seconds: seconds(
                "nhip_store_merge_seconds",
                "Duration of the merge of one day of one series",
            )?,
            merged_observations: IntCounter::new(
                "nhip_store_merged_observations_total",
                "Observations that merges packed",
            )?,
            dropped_days: IntCounter::new(
                "nhip_store_dropped_values_total",
                "Parts, chunks and rollups that were past their retention",
            )?,
        };
        registry.register(Box::new(metrics.checkpoint_seconds.clone()))?;
        registry.register(Box::new(metrics.checkpoint_observations.clone()))?;
        registry.register(Box::new(metrics.merge_seconds.clone()))?;
        registry.register(Box::new(metrics.merged_observations.clone()))?;
        registry.register(Box::new(metrics.dropped_days.clone()))?;
        Ok(metrics)
    }
}

fn seconds(name: &str, help: &str) -> Result<Histogram, prometheus::Error> {
    let buckets = prometheus::exponential_buckets(0.000_1, 2.5, 12)?;
    Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets))
}
