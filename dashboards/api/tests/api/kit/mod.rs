//! A platform whose store and fold are plain memory.

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, Response, StatusCode},
};
use nhip_api::{Asset, Assets, Config, LogFigures, PartState, Parts, Readiness};
use nhip_ingest::{
    Activity, Cursor, DeadLetter, DeadLetterQuery, FeedBatch, FeedError, FeedEvent, FeedReader,
    Lag, Reconciliation, ReplayOutcome, View, ViewError,
};
use nhip_registry::{DeviceId, NewDatastream, Registry, SeriesId};
use nhip_store::{
    Bucket, Observation, Order, RangeQuery, ShardState, Source, StateBatch, Store, StoreError,
    StoreFigures,
};
use nhip_wire::Quality;
use parking_lot::Mutex;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// 2026-11-22T06:00:00Z.
pub(crate) const NOW_US: i64 = 1_795_327_200_000_000;

/// A platform in memory.
pub(crate) struct City {
    pub(crate) registry: Arc<Registry>,
    pub(crate) fold: Arc<Fold>,
    pub(crate) metrics: prometheus::Registry,
    pub(crate) shutdown: CancellationToken,
    pub(crate) config: Config,
    pub(crate) router: Router,
    _folder: tempfile::TempDir,
}

/// A fold and a store in one: what is published is stored and shown.
#[derive(Default)]
pub(crate) struct Fold {
    rows: Mutex<BTreeMap<SeriesId, Vec<Observation>>>,
    latest: Mutex<BTreeMap<SeriesId, Observation>>,
    feed: Arc<Feed>,
    pub(crate) trimmed: Mutex<Cursor>,
    pub(crate) letters: Mutex<Vec<DeadLetter>>,
    pub(crate) figures: Mutex<BTreeMap<String, Reconciliation>>,
    pub(crate) is_ready: AtomicBool,
    /// After how many blocks the store fails; 0 for never.
    pub(crate) blocks_until_failure: AtomicUsize,
}

impl City {
    pub(crate) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = fjall::Database::builder(folder.path()).open().unwrap();
        let registry = Registry::open(&database, nhip_registry::Config::default()).unwrap();
        let (registry, fold) = (Arc::new(registry), Arc::new(Fold::default()));
        fold.is_ready.store(true, Ordering::Relaxed);
        let (metrics, shutdown) = (prometheus::Registry::new(), CancellationToken::new());
        let parts = Parts {
            store: fold.clone(),
            registry: registry.clone(),
            view: fold.clone(),
            log: Arc::new(LogFigures::default),
            readiness: fold.clone(),
            assets: Arc::new(Files),
            clock: Arc::new(|| NOW_US),
            metrics: metrics.clone(),
            config: config.clone(),
            shutdown: shutdown.clone(),
        };
        let router = nhip_api::router(parts).unwrap();
        Self {
            registry,
            fold,
            metrics,
            shutdown,
            config,
            router,
            _folder: folder,
        }
    }

    /// Registers a datastream with its device.
    pub(crate) fn stream(&self, device: &str, name: &str) -> SeriesId {
        let device = self.registry.register_device(device, 0).unwrap();
        let new = NewDatastream {
            name: name.into(),
            ..NewDatastream::default()
        };
        self.registry
            .register_datastream(device.id, new, 0)
            .unwrap()
            .series
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Response<Body> {
        self.send(Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    /// The JSON of an answer that must be 200.
    pub(crate) async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        let (status, text) = (response.status(), text(response).await);
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// The problem that an address gives.
    pub(crate) async fn problem(&self, path: &str) -> (u16, Value) {
        problem(self.get(path).await).await
    }

    pub(crate) async fn write(&self, method: &str, path: &str, body: &str) -> Response<Body> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json");
        self.send(request.body(body.to_owned().into()).unwrap())
            .await
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.metric("nhip_live_dropped_total")
    }

    pub(crate) fn subscribers(&self) -> u64 {
        self.metric("nhip_live_subscribers")
    }

    fn metric(&self, name: &str) -> u64 {
        let families = self.metrics.gather();
        let family = families
            .iter()
            .find(|family| family.name() == name)
            .unwrap();
        let metric = &family.get_metric()[0];
        (metric.get_counter().get_value() + metric.get_gauge().get_value()) as u64
    }

    /// Serves it on a free port.
    pub(crate) async fn serve(&self) -> std::net::SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (_, router) = tokio::sync::watch::channel(self.router.clone());
        tokio::spawn(nhip_api::serve(
            listener,
            router,
            self.config.clone(),
            self.shutdown.clone(),
        ));
        address
    }
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

pub(crate) async fn text(response: Response<Body>) -> String {
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub(crate) async fn problem(response: Response<Body>) -> (u16, Value) {
    let status = response.status().as_u16();
    let content_type = response.headers().get("content-type").cloned();
    let text = text(response).await;
    assert_eq!(content_type.unwrap(), "application/problem+json", "{text}");
    let problem: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(problem["status"], status);
    (status, problem)
}

/// Waits until `condition` holds, at most half a minute.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..3_000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} did not happen");
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

impl Store for Fold {
    fn append(&self, _: u32, observations: &[Observation]) -> Result<(), StoreError> {
        self.store(observations);
        Ok(())
    }

    fn checkpoint(&self, _: u32, _: StateBatch) -> Result<(), StoreError> {
        Ok(())
    }

    fn load_state(&self, _: u32) -> Result<ShardState<'_>, StoreError> {
        Ok(Box::new(std::iter::empty()))
    }

    fn state(&self, _: u32, _: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(None)
    }

    fn contains(&self, _: SeriesId, _: i64, _: f64) -> Result<bool, StoreError> {
        Ok(false)
    }

    fn range(
        &self,
        query: RangeQuery,
    ) -> Result<
        Box<dyn Iterator<Item = Result<Vec<Observation>, StoreError>> + Send + '_>,
        StoreError,
    > {
        let mut rows = self
            .rows
            .lock()
            .get(&query.series)
            .cloned()
            .unwrap_or_default();
        rows.retain(|row| (query.from_us..query.to_us).contains(&row.time_us));
        rows.sort_by_key(|row| (row.time_us, row.boot, row.seq));
        if query.order == Order::Descending {
            rows.reverse();
        }
        let blocks: Vec<Vec<Observation>> = rows.chunks(3).map(<[Observation]>::to_vec).collect();
        Ok(Box::new(blocks.into_iter().map(|block| {
            match self.blocks_until_failure.load(Ordering::Relaxed) {
                0 => Ok(block),
                1 => Err(StoreError::Unavailable {
                    reason: "the disk is away".into(),
                }),
                left => {
                    self.blocks_until_failure.store(left - 1, Ordering::Relaxed);
                    Ok(block)
                }
            }
        })))
    }

    fn buckets(
        &self,
        _: SeriesId,
        from_us: i64,
        _: i64,
        _: u32,
    ) -> Result<Vec<Bucket>, StoreError> {
        let bucket = Bucket {
            start_us: from_us,
            width_us: 15_000_000,
            count: 2,
            min: 1.0,
            mean: 1.5,
            max: 2.0,
            last: 2.0,
        };
        Ok(vec![bucket])
    }

    fn maintain(&self, _: i64, _: Duration) -> Result<bool, StoreError> {
        Ok(false)
    }

    fn figures(&self) -> StoreFigures {
        StoreFigures {
            bytes: 4_096,
            journal_bytes: 1_000,
            ..StoreFigures::default()
        }
    }
}

impl View for Fold {
    fn latest(&self, series: &[SeriesId], out: &mut Vec<Option<Observation>>) {
        let latest = self.latest.lock();
        out.clear();
        out.extend(series.iter().map(|series| latest.get(series).copied()));
    }

    fn reconciliation(&self) -> Reconciliation {
        Reconciliation {
            received: 10,
            stored: 7,
            duplicate: 2,
            rejected: 1,
            pending: 0,
            unread: 3,
        }
    }

    fn reconciliation_of(&self, device: &str) -> Option<Reconciliation> {
        self.figures.lock().get(device).copied()
    }

    fn reconciliation_by_device(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Vec<(Arc<str>, Reconciliation)> {
        let figures = self.figures.lock();
        let behind = figures
            .iter()
            .filter(|(name, _)| after.is_none_or(|after| name.as_str() > after));
        behind
            .take(limit)
            .map(|(name, of)| (name.as_str().into(), *of))
            .collect()
    }

    fn activity(&self, _: DeviceId) -> Option<Activity> {
        Some(Activity {
            last_seen_us: NOW_US,
            status: Some("online".into()),
        })
    }

    fn lag(&self) -> Lag {
        Lag {
            records: 3,
            seconds: 0.5,
            store_unavailable: false,
        }
    }

    fn dead_letters(&self, query: &DeadLetterQuery) -> Result<Vec<DeadLetter>, ViewError> {
        let mut letters = self.letters.lock().clone();
        if query.newest_first {
            letters.reverse();
        }
        let asked = letters.iter().filter(|letter| {
            query.is_behind(letter.offset)
                && query
                    .reason
                    .as_deref()
                    .is_none_or(|reason| *letter.reason == *reason)
        });
        Ok(asked.take(query.limit).cloned().collect())
    }

    fn replay(&self, query: &DeadLetterQuery) -> Result<ReplayOutcome, ViewError> {
        if query.reason.as_deref() == Some("stalled") {
            return Err(ViewError::LogStalled {
                reason: "no space".into(),
            });
        }
        Ok(ReplayOutcome {
            replayed: query.offsets.len() as u64,
            until_offset: 99,
        })
    }

    fn subscribe(&self, after: Option<Cursor>) -> Result<Box<dyn FeedReader>, FeedError> {
        let end = self.feed.events.lock().len();
        let start = *self.trimmed.lock();
        let at = match after {
            None => end,
            Some(asked) if asked < start => return Err(FeedError::Trimmed { asked, start }),
            Some(asked) if asked.offset >= end as u64 => {
                let end = Cursor {
                    offset: end as u64,
                    index: 0,
                };
                return Err(FeedError::Beyond { asked, end });
            }
            Some(asked) => asked.offset as usize + 1,
        };
        Ok(Box::new(Follow {
            feed: self.feed.clone(),
            at,
        }))
    }
}

/// The feed, shared by the fold and its readers.
#[derive(Default)]
struct Feed {
    events: Mutex<Vec<FeedEvent>>,
    fed: Notify,
}

struct Follow {
    feed: Arc<Feed>,
    at: usize,
}

/// How many events a reader gets at once.
const BATCH: usize = 1_000;

impl FeedReader for Follow {
    fn next(
        &mut self,
    ) -> Pin<Box<dyn Future<Output = Result<Arc<FeedBatch>, FeedError>> + Send + '_>> {
        Box::pin(async move {
            loop {
                let fed = self.feed.fed.notified();
                let events: Vec<FeedEvent> = {
                    let feed = self.feed.events.lock();
                    feed[self.at..].iter().take(BATCH).copied().collect()
                };
                if !events.is_empty() {
                    self.at += events.len();
                    return Ok(Arc::new(FeedBatch { events }));
                }
                fed.await;
            }
        })
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

struct Files;

impl Assets for Files {
    fn file(&self, path: &str) -> Option<Asset> {
        let (bytes, content_type): (&'static [u8], _) = match path {
            "index.html" => (
                b"<!doctype html><title>Nh\xe1\xbb\x8bp</title>",
                "text/html",
            ),
            "assets/app-1f2e.js" => (b"export {}", "text/javascript"),
            _ => return None,
        };
        Some(Asset {
            bytes: bytes.into(),
            content_type: content_type.into(),
            etag: "\"1f2e\"".into(),
        })
    }
}
