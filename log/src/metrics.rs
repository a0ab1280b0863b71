//! What the log shows of itself.

use prometheus::{Histogram, HistogramOpts, IntCounter, IntGauge, Registry};

/// The log's metrics; clones share their values.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub(crate) commit_seconds: Histogram,
    pub(crate) bytes: IntGauge,
    pub(crate) queued_bytes: IntGauge,
    pub(crate) stalled: IntGauge,
    pub(crate) failed: IntGauge,
    pub(crate) committed_records: IntCounter,
    pub(crate) committed_bytes: IntCounter,
}

impl Metrics {
    /// Makes them and registers them in `registry`; fails if their names are taken.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let commit_seconds = Histogram::with_opts(
            HistogramOpts::new(
                "nhip_log_commit_seconds",
                "Time to write one commit and make it durable",
            )
            .buckets(prometheus::exponential_buckets(0.000_05, 2.0, 16)?),
        )?;
        let metrics = Self {
            commit_seconds,
            bytes: gauge("nhip_log_bytes", "Bytes that the log takes on the disk")?,
            queued_bytes: gauge("nhip_log_queued_bytes", "Bytes queued and not yet durable")?,
            stalled: gauge(
                "nhip_log_stalled",
                "1 while the log waits for disk space or an open file, or is at its bound",
            )?,
            failed: gauge("nhip_log_failed", "1 once the log takes no more records")?,
            committed_records: counter(
                "nhip_log_appended_records_total",
                "Records appended and durable since the start",
            )?,
            committed_bytes: counter(
                "nhip_log_appended_bytes_total",
                "Bytes written and durable since the start",
            )?,
        };
        registry.register(Box::new(metrics.commit_seconds.clone()))?;
        for gauge in [
            &metrics.bytes,
            &metrics.queued_bytes,
            &metrics.stalled,
            &metrics.failed,
        ] {
            registry.register(Box::new(gauge.clone()))?;
        }
        registry.register(Box::new(metrics.committed_records.clone()))?;
        registry.register(Box::new(metrics.committed_bytes.clone()))?;
        Ok(metrics)
    }
}

fn gauge(name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
    IntGauge::new(name, help)
}

fn counter(name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
    IntCounter::new(name, help)
}
