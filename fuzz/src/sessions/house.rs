//! A broker on a log that commits when it is told to.

use super::expected::PACKET_BYTES_MAX;
use super::run::{PATIENCE, Run};
use super::script::Script;
use nhip_broker::{Anonymous, Broker, Claim, Config, Metrics, NoLive, OpenAccess, Parts};
use nhip_database::Database;
use nhip_log::{SteppedLog, Surroundings, disk::SimulatedDisk};
use std::{
    sync::Arc,
    sync::atomic::{AtomicI64, Ordering},
};
use tokio::runtime::Runtime;

/// Steps of one input.
const STEPS_MAX: usize = 150;

pub struct House {
    /// Gone only while it is being closed.
    open: Option<Open>,
}

struct Open {
    runtime: Runtime,
    broker: Broker,
    log: SteppedLog,
    now_us: Arc<AtomicI64>,
    runs: u64,
    _folder: tempfile::TempDir,
}

impl House {
    pub fn open() -> Self {
        Self {
            open: Some(Open::new()),
        }
    }

    /// Plays one input; says whether anybody was connected at its end.
    pub fn play(&mut self, bytes: &[u8]) -> bool {
        let open = self.open.as_mut().expect("it is open");
        open.runs += 1;
        let script = Script::new(bytes, open.runs);
        let mut run = Run::new(&open.broker, &mut open.log, &open.now_us);
        open.runtime.block_on(async {
            for (who, step) in script.take(STEPS_MAX) {
                run.take(who, step).await;
            }
            run.finish(open.runs).await
        })
    }
}

impl Drop for House {
    /// On a thread of its own: this one may be about to end, and its runtime's context gone.
    fn drop(&mut self) {
        let open = self.open.take();
        let close = move || {
            let Some(Open {
                runtime,
                broker,
                mut log,
                ..
            }) = open
            else {
                return;
            };
            let closing = broker.shutdown(PATIENCE);
            runtime.block_on(closing);
            log.commit();
        };
        assert!(std::thread::spawn(close).join().is_ok(), "it did not close");
    }
}

impl Open {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let database = Database::open(folder.path(), &nhip_database::Config::default());
        let database = database.expect("a database");
        let now_us = Arc::new(AtomicI64::new(1_700_000_000_000_000));
        let registry = prometheus::Registry::new();
        let log = open_log(&registry);
        let clock = Arc::clone(&now_us);
        let parts = Parts {
            log: log.shared(),
            database,
            authenticator: Arc::new(Anonymous::Loopback),
            access: Arc::new(OpenAccess),
            pages: Arc::new(|_: &str, _: &str| false),
            claims: Arc::new(|_: &str| Claim::None),
            live: Arc::new(NoLive),
            clock: Arc::new(move || clock.load(Ordering::Relaxed)),
            metrics: Metrics::new(&registry).expect("figures"),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
        let broker = runtime.block_on(Broker::start(bounds(), parts));
        Self {
            broker: broker.expect("a broker"),
            runtime,
            log,
            now_us,
            runs: 0,
            _folder: folder,
        }
    }
}

/// A small log in memory.
fn open_log(registry: &prometheus::Registry) -> SteppedLog {
    let surroundings = Surroundings {
        disk: Arc::new(SimulatedDisk::new(1)),
        clock: Arc::new(|| 0),
        random: Box::new(|| 7),
    };
    let config = nhip_log::Config {
        segment_bytes: 1 << 20,
        retention_bytes: 4 << 20,
        free_bytes_min: 0,
        ..nhip_log::Config::default()
    };
    let metrics = nhip_log::Metrics::new(registry).expect("figures");
    SteppedLog::open(surroundings, config, metrics).expect("a log")
}

/// Bounds that a script can reach.
fn bounds() -> Config {
    Config {
        listen: None,
        websocket: None,
        packet_bytes_max: PACKET_BYTES_MAX,
        topic_levels_max: 4,
        topic_alias_max: 2,
        receive_max: 8,
        receive_bytes_max: 2 << 10,
        sys_interval_s: 0,
        outgoing_bytes_max: 4 << 10,
        inflight_max: 4,
        session_queue_max: 6,
        session_queue_bytes_max: 8 << 10,
        subscriptions_max: 4,
        session_expiry_max_s: 4,
        retained_max: 3,
        retained_checkpoint_s: 1,
        ..Config::default()
    }
}
