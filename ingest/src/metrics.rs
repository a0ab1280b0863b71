//! What ingest counts for Prometheus.

use crate::{state::Totals, view::Lag};
use parking_lot::RwLock;
use prometheus::{
    Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
    core::{Collector, Desc},
    proto::MetricFamily,
};
use std::{collections::HashMap, sync::Arc};

/// The metrics of ingest. The counters begin with what the state says was counted before,
/// and never go down: a dead letter that is replayed counts as received again.
#[derive(Clone)]
pub struct Metrics {
    received: IntCounter,
    stored: IntCounter,
    duplicate: IntCounter,
    rejected: IntCounterVec,
    letters_dropped: IntCounter,
    pub(crate) append_seconds: Histogram,
    present: Present,
}

/// Seconds of an append: 0.1 ms to 100 s.
const APPEND_BUCKETS: [f64; 12] = [
    0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0,
];

impl Metrics {
    /// Registers them.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str| -> Result<IntCounter, prometheus::Error> {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let rejected = IntCounterVec::new(
            Opts::new(
                "nhip_readings_rejected_total",
                "Readings that became dead letters; those that a replay did not mend count again",
            ),
            &["reason"],
        )?;
        registry.register(Box::new(rejected.clone()))?;
        // So that the metric is there before the first rejection.
        rejected.with_label_values(&["undecodable"]);
        let append_seconds = Histogram::with_opts(
            HistogramOpts::new(
                "nhip_store_append_seconds",
                "Time of one append to the store",
            )
            .buckets(APPEND_BUCKETS.to_vec()),
        )?;
        registry.register(Box::new(append_seconds.clone()))?;
        let present = Present::new()?;
        registry.register(Box::new(present.clone()))?;
        Ok(Self {
            received: counter(
                "nhip_readings_received_total",
                "Readings that the fold has read; those of a replayed dead letter count again",
            )?,
            stored: counter(
                "nhip_readings_stored_total",
                "Readings that the store has taken",
            )?,
            duplicate: counter("nhip_readings_duplicate_total", "Readings that were known")?,
            rejected,
            letters_dropped: counter(
                "nhip_dead_letters_dropped_total",
                "Dead letters dropped because there were too many",
            )?,
            append_seconds,
            present,
        })
    }

    /// Where the gauges get their values from.
    pub(crate) fn watch(&self, lag: Arc<dyn Fn() -> (Lag, u64) + Send + Sync>) {
        *self.present.source.write() = Some(lag);
    }
}

/// What one shard has added to the counters.
#[derive(Default)]
pub(crate) struct Meter {
    added: Totals,
    reasons: HashMap<String, IntCounter>,
}

impl Meter {
    /// Brings the counters up to a shard's totals.
    pub(crate) fn show(&mut self, metrics: &Metrics, totals: &Totals) {
        let (ever, added) = (&totals.ever, &mut self.added.ever);
        metrics.received.inc_by(ever.received - added.received);
        metrics.stored.inc_by(ever.stored - added.stored);
        metrics.duplicate.inc_by(ever.duplicate - added.duplicate);
        if ever.rejected != added.rejected {
            for (reason, count) in &totals.reasons {
                let counter = self
                    .reasons
                    .entry(reason.to_string())
                    .or_insert_with(|| metrics.rejected.with_label_values(&[reason.as_ref()]));
                let known = self.added.reasons.entry(reason.clone()).or_default();
                counter.inc_by(count - *known);
                *known = *count;
            }
        }
        self.added.ever = *ever;
        let dropped = totals.letters_dropped - self.added.letters_dropped;
        metrics.letters_dropped.inc_by(dropped);
        self.added.letters_dropped = totals.letters_dropped;
    }
}

type Source = Arc<dyn Fn() -> (Lag, u64) + Send + Sync>;

/// Gauges that are read when somebody asks for them, so that they are true while the fold
/// stands still.
#[derive(Clone)]
struct Present {
    lag_seconds: Gauge,
    pending: IntGauge,
    source: Arc<RwLock<Option<Source>>>,
}

impl Present {
    fn new() -> Result<Self, prometheus::Error> {
        Ok(Self {
            lag_seconds: Gauge::new(
                "nhip_ingest_lag_seconds",
                "Age of the oldest record of the log that the fold has not reached",
            )?,
            pending: IntGauge::new(
                "nhip_readings_pending",
                "Readings accepted that the store has not taken yet",
            )?,
            source: Arc::default(),
        })
    }
}

impl Collector for Present {
    fn desc(&self) -> Vec<&Desc> {
        [self.lag_seconds.desc(), self.pending.desc()].concat()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        if let Some(source) = &*self.source.read() {
            let (lag, pending) = source();
            self.lag_seconds.set(lag.seconds);
            self.pending.set(i64::try_from(pending).unwrap_or(i64::MAX));
        }
        [self.lag_seconds.collect(), self.pending.collect()].concat()
    }
}
