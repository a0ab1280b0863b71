//! The platform that is asked.

use super::{answer, files::Files, fold::Fold};
use axum::{
    Router,
    body::Body,
    http::{Request, Response, StatusCode},
};
use nhip_api::{Config, LogFigures, Parts};
use nhip_registry::{NewDatastream, Registry, SeriesId};
use nhip_store::{OpenStore, StoreConfigs, StoreCopy, StoreKind};
use serde_json::Value;
use std::sync::{Arc, atomic::Ordering};
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

impl City {
    pub(crate) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database =
            nhip_database::Database::open(folder.path(), &nhip_database::Config::default())
                .unwrap();
        let registry = Registry::open(&database, nhip_registry::Config::default()).unwrap();
        let (registry, fold) = (Arc::new(registry), Arc::new(Fold::default()));
        fold.is_ready.store(true, Ordering::Relaxed);
        let (metrics, shutdown) = (prometheus::Registry::new(), CancellationToken::new());
        let parts = Parts {
            store: fold.clone(),
            copy: Some(Arc::new(copy(&database))),
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
        let (status, text) = (response.status(), answer::text(response).await);
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// The problem that an address gives.
    pub(crate) async fn problem(&self, path: &str) -> (u16, Value) {
        answer::problem(self.get(path).await).await
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

/// The copy of an embedded store, which no thread carries on.
fn copy(database: &nhip_database::Database) -> StoreCopy {
    let configs = StoreConfigs::default();
    let metrics = prometheus::Registry::new();
    let store = OpenStore::open(StoreKind::Embedded, database, &configs, &metrics).unwrap();
    StoreCopy::open(database, &store, configs).unwrap()
}
