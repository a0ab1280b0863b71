//! Stand-ins for the log, the store and the registry that lose what a crash would lose.

mod directory;
mod log;
mod script;
mod store;

pub(crate) use directory::MemoryDirectory;
pub(crate) use log::MemoryLog;
pub(crate) use script::{DAY_US, Script, json, message, publish};
pub(crate) use store::MemoryStore;

use crate::{
    Config, Cursor, FeedEvent, FeedReader, Metrics, Parts, Reconciliation, View,
    decode::Limits,
    ingest::assemble,
    mapping::{Mapping, RawRule, chirpstack_v4},
    shard::{Halt, Shard, Step},
    window::Window,
};
use nhip_registry::Registration;
use std::{sync::Arc, time::Duration};

/// A log, a store and a registry, and shards that are stepped by hand.
pub(crate) struct Bench {
    pub(crate) log: Arc<MemoryLog>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) directory: Arc<MemoryDirectory>,
    pub(crate) config: Config,
    pub(crate) window: Arc<Window>,
    pub(crate) shards: Vec<Shard>,
}

pub(crate) fn config() -> Config {
    Config {
        shards: 2,
        batch_bytes: 600,
        batch_bytes_max: 600,
        retry_ms_max: 1,
        feed_batch_max: 8,
        feed_events_max: 16,
        limits: Limits::default(),
        ..Config::default()
    }
}

impl Bench {
    pub(crate) fn new(config: Config) -> Self {
        Self::with(config, Registration::Open)
    }

    pub(crate) fn with(config: Config, registration: Registration) -> Self {
        let log = Arc::new(MemoryLog::default());
        let store = Arc::new(MemoryStore::default());
        let directory = Arc::new(MemoryDirectory::new(registration));
        Self::over(log, store, directory, config)
    }

    fn over(
        log: Arc<MemoryLog>,
        store: Arc<MemoryStore>,
        directory: Arc<MemoryDirectory>,
        config: Config,
    ) -> Self {
        let (window, _, stop, shards) =
            assemble(config.clone(), parts(&log, &store, &directory)).unwrap();
        // An outage ends a step at its first try: no test waits.
        stop.stop();
        Self {
            log,
            store,
            directory,
            config,
            window,
            shards,
        }
    }

    /// Loses what was not durable and starts again.
    pub(crate) fn crash(self) -> Self {
        let Self {
            log,
            store,
            directory,
            config,
            ..
        } = self;
        store.crash();
        Self::over(log, store, directory, config)
    }

    /// Folds one batch of one shard.
    pub(crate) fn step(&mut self, shard: usize) -> Result<Step, Halt> {
        self.shards[shard].step()
    }

    /// Folds all there is.
    pub(crate) fn fold(&mut self) -> Result<(), Halt> {
        for shard in &mut self.shards {
            while shard.step()? == Step::Folded {}
        }
        Ok(())
    }

    pub(crate) fn checkpoint(&mut self) -> Result<(), Halt> {
        self.shards.iter_mut().try_for_each(Shard::checkpoint)
    }

    pub(crate) fn figures(&self) -> Counts {
        tuple(self.window.reconciliation())
    }

    pub(crate) fn figures_of(&self, device: &str) -> Counts {
        tuple(self.window.reconciliation_of(device).unwrap_or_default())
    }

    /// What the feed gives behind `after` until it has nothing more.
    pub(crate) fn feed(&self, after: Cursor) -> Vec<FeedEvent> {
        let mut reader = self.window.subscribe(Some(after)).unwrap();
        drain(&mut *reader)
    }
}

pub(crate) fn parts(
    log: &Arc<MemoryLog>,
    store: &Arc<MemoryStore>,
    directory: &Arc<MemoryDirectory>,
) -> Parts {
    Parts {
        log: Arc::clone(log) as _,
        store: Arc::clone(store) as _,
        directory: Arc::clone(directory) as _,
        mapping: Mapping::compile(&[chirpstack_v4(), gauges()]).unwrap(),
        clock: Arc::new(|| 0),
        metrics: Metrics::new(&prometheus::Registry::new()).unwrap(),
    }
}

/// A city's own rule, which has the device from the topic.
fn gauges() -> RawRule {
    RawRule {
        filter: "gauges/+/data".to_owned(),
        device: "topic:2".to_owned(),
        values: Some("/values".to_owned()),
        ..RawRule::default()
    }
}

/// What a reader gives until it would wait.
pub(crate) fn drain(reader: &mut dyn FeedReader) -> Vec<FeedEvent> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut events = Vec::new();
        // The clock is paused: it goes on only when there is nothing else to do.
        let patience = Duration::from_secs(3600);
        while let Ok(batch) = tokio::time::timeout(patience, reader.next()).await {
            let batch = batch.unwrap();
            assert!(!batch.events.is_empty());
            events.extend(&batch.events);
        }
        events
    })
}

/// Received, stored, duplicate, rejected, pending.
pub(crate) type Counts = (u64, u64, u64, u64, u64);

/// The figures, which have to add up.
pub(crate) fn tuple(figures: Reconciliation) -> Counts {
    let Reconciliation {
        received,
        stored,
        duplicate,
        rejected,
        pending,
        ..
    } = figures;
    assert_eq!(received, stored + duplicate + rejected + pending);
    (received, stored, duplicate, rejected, pending)
}
