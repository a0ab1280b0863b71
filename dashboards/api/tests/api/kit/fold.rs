//! A fold and a store in one, in memory.

use super::feed::Feed;
use nhip_api::{PartState, Readiness};
use nhip_ingest::{Cursor, DeadLetter, FeedEvent, Reconciliation};
use nhip_registry::SeriesId;
use nhip_store::{Observation, Source};
use nhip_wire::Quality;
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

/// A fold and a store in one: what is published is stored and shown.
#[derive(Default)]
pub(crate) struct Fold {
    pub(super) rows: Mutex<BTreeMap<SeriesId, Vec<Observation>>>,
    pub(super) latest: Mutex<BTreeMap<SeriesId, Observation>>,
    pub(super) feed: Arc<Feed>,
    pub(crate) trimmed: Mutex<Cursor>,
    pub(crate) letters: Mutex<Vec<DeadLetter>>,
    pub(crate) figures: Mutex<BTreeMap<String, Reconciliation>>,
    pub(crate) is_ready: AtomicBool,
    /// After how many blocks the store fails; 0 for never.
    pub(crate) blocks_until_failure: AtomicUsize,
}

/// An observation in the series, `at` seconds after 1970.
pub(crate) fn reading(series: SeriesId, at_s: i64, value: f64) -> Observation {
    Observation {
        series,
        boot: 7,
        time_us: at_s * 1_000_000,
        received_us: at_s * 1_000_000 + 250_000,
        value,
        seq: Some(at_s.unsigned_abs()),
        quality: Quality::Good,
        source: Source::Device,
    }
}

impl Fold {
    /// Stores readings and shows them live, as one record each.
    pub(crate) fn publish(&self, readings: &[Observation]) {
        self.store(readings);
        let mut feed = self.feed.events.lock();
        for reading in readings {
            let offset = feed.len() as u64;
            let cursor = Cursor { offset, index: 0 };
            feed.push(FeedEvent {
                cursor,
                observation: *reading,
            });
        }
        drop(feed);
        self.feed.fed.notify_waiters();
    }

    /// Stores readings.
    pub(crate) fn store(&self, readings: &[Observation]) {
        let mut rows = self.rows.lock();
        let mut latest = self.latest.lock();
        for reading in readings {
            rows.entry(reading.series).or_default().push(*reading);
            let newest = latest.entry(reading.series).or_insert(*reading);
            if newest.time_us <= reading.time_us {
                *newest = *reading;
            }
        }
    }
}

impl Readiness for Fold {
    fn parts(&self) -> Vec<PartState> {
        let ready = self.is_ready.load(Ordering::Relaxed);
        let detail = (!ready).then(|| "reading the log again, 40 %".to_owned());
        let log = PartState {
            name: "log",
            ready: true,
            detail: None,
        };
        vec![
            log,
            PartState {
                name: "ingest",
                ready,
                detail,
            },
        ]
    }
}
