//! A broker of its own for each test, with a log that the test controls.

mod client;
mod live;
mod log;

pub use client::{Client, PATIENCE, durable, hello, message, qos, retained, will};
pub use live::Live;
pub use log::MemoryLog;

use nhip_broker::codec::Reason;
use nhip_broker::fanout::{Engine, RumqttdEngine};
use nhip_broker::{
    Access, Anonymous, Broker, Claim, Config, Metrics, OpenAccess, Parts, Principal,
};
use nhip_database::Database;
use std::{
    net::SocketAddr,
    path::Path,
    sync::Arc,
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, Instant},
};

/// When each test begins, µs since 1970 UTC.
const NOW_US: i64 = 1_700_000_000_000_000;

pub struct House {
    pub broker: Broker,
    pub log: Arc<MemoryLog>,
    pub metrics: Metrics,
    pub live: Arc<Live>,
    pub now_us: Arc<AtomicI64>,
    folder: Option<tempfile::TempDir>,
    database: Option<Database>,
}

/// Nobody may touch `forbidden/…`.
pub struct Rules;

impl Access for Rules {
    fn may_publish(&self, _: &Principal, topic: &str) -> bool {
        !topic.starts_with("forbidden/")
    }

    fn may_subscribe(&self, _: &Principal, filter: &str) -> bool {
        !filter.starts_with("forbidden/")
    }

    fn may_read(&self, _: &Principal, topic: &str) -> bool {
        !topic.starts_with("forbidden/")
    }
}

pub fn config() -> Config {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    Config {
        listen: Some(any),
        websocket: Some(any),
        ..Config::default()
    }
}

fn claims(topic: &str) -> Claim {
    let Some(rest) = topic.strip_prefix("devices/") else {
        return Claim::None;
    };
    match rest.split_once('/') {
        Some((device, _)) if device.contains(char::is_uppercase) => {
            Claim::Refuse(Reason::TOPIC_NAME_INVALID)
        }
        Some((_, "status")) => Claim::Status,
        _ => Claim::Readings,
    }
}

impl House {
    pub async fn open() -> Self {
        Self::with(config(), Arc::new(OpenAccess)).await
    }

    pub async fn with(config: Config, access: Arc<dyn Access>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path(), &Default::default()).unwrap();
        let mut house = Self::on(config, access, MemoryLog::new(), database, NOW_US).await;
        house.folder = Some(folder);
        house
    }

    /// With routers that `engine` builds.
    pub async fn with_engine(config: Config, engine: impl Engine) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path(), &Default::default()).unwrap();
        let (access, log) = (Arc::new(OpenAccess), MemoryLog::new());
        let mut house = Self::on_engine(config, access, log, database, NOW_US, engine).await;
        house.folder = Some(folder);
        house
    }

    async fn on(
        config: Config,
        access: Arc<dyn Access>,
        log: Arc<MemoryLog>,
        database: Database,
        now_us: i64,
    ) -> Self {
        let engine = RumqttdEngine::default();
        Self::on_engine(config, access, log, database, now_us, engine).await
    }

    async fn on_engine(
        config: Config,
        access: Arc<dyn Access>,
        log: Arc<MemoryLog>,
        database: Database,
        now_us: i64,
        engine: impl Engine,
    ) -> Self {
        let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
        let now_us = Arc::new(AtomicI64::new(now_us));
        let clock = Arc::clone(&now_us);
        let live = Arc::new(Live::default());
        let parts = Parts {
            log: log.clone(),
            database: database.clone(),
            authenticator: Arc::new(Anonymous::Loopback),
            access,
            pages: Arc::new(|origin: &str, host: &str| origin == format!("http://{host}")),
            claims: Arc::new(claims),
            live: live.clone(),
            clock: Arc::new(move || clock.load(Ordering::Relaxed)),
            metrics: metrics.clone(),
        };
        Self {
            broker: Broker::start_with(config, parts, engine).await.unwrap(),
            log,
            metrics,
            live,
            now_us,
            folder: None,
            database: Some(database),
        }
    }

    /// Stops the broker and starts another on the same log and database.
    pub async fn reopen(self, config: Config) -> Self {
        self.reopen_after(config, 0).await
    }

    /// The same, so many seconds later.
    pub async fn reopen_after(mut self, config: Config, seconds: i64) -> Self {
        self.broker.shutdown(Duration::from_secs(5)).await;
        let database = self.database.take().unwrap();
        let now_us = self.now_us.load(Ordering::Relaxed) + seconds * 1_000_000;
        let access = Arc::new(OpenAccess);
        let mut house = Self::on(config, access, self.log, database, now_us).await;
        house.folder = self.folder.take();
        house
    }

    /// Stops the broker and starts another on the same log, with a copy of the database as it
    /// was: what `kill -9` leaves of changes that aren't durable.
    pub async fn reopen_on(self, config: Config, image: &Path) -> Self {
        self.broker.shutdown(Duration::from_secs(5)).await;
        let folder = tempfile::tempdir().unwrap();
        copy(image, folder.path());
        let database = Database::open(folder.path(), &Default::default()).unwrap();
        let now_us = self.now_us.load(Ordering::Relaxed);
        let access = Arc::new(OpenAccess);
        let mut house = Self::on(config, access, self.log, database, now_us).await;
        house.folder = Some(folder);
        house
    }

    /// A copy of the database. Nothing may be writing to it.
    pub fn image(&self) -> tempfile::TempDir {
        let image = tempfile::tempdir().unwrap();
        copy(self.folder.as_ref().unwrap().path(), image.path());
        image
    }

    pub fn tcp(&self) -> SocketAddr {
        self.broker.addresses().tcp.unwrap()
    }

    pub fn websocket(&self) -> SocketAddr {
        self.broker.addresses().websocket.unwrap()
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let copied = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&copied).unwrap();
            copy(&entry.path(), &copied);
        } else {
            std::fs::copy(entry.path(), &copied).unwrap();
        }
    }
}

/// Waits until `done` says so.
pub async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "{what}: not in time");
        tokio::task::yield_now().await;
    }
}
