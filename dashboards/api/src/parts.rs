//! What the API is put together from.

use crate::{Config, Metrics, body, fragment::Fragments, latest::Rendered, selected::Selected};
use nhip_ingest::View;
use nhip_registry::Registry;
use nhip_store::{Store, StoreCopy};
use std::{borrow::Cow, sync::Arc, time::Duration};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Everything that the API shows.
#[derive(Clone)]
pub struct Parts {
    /// Where readings are.
    pub store: Arc<dyn Store>,
    /// The copy of the store into the other kind, where there can be one.
    pub copy: Option<Arc<StoreCopy>>,
    /// Who and what there is.
    pub registry: Arc<Registry>,
    /// What the fold shows.
    pub view: Arc<dyn View>,
    /// Sizes and state of the log.
    pub log: Arc<dyn Fn() -> LogFigures + Send + Sync>,
    /// What is ready.
    pub readiness: Arc<dyn Readiness>,
    /// The operations page.
    pub assets: Arc<dyn Assets>,
    /// The time, µs since 1970 UTC.
    pub clock: Arc<dyn Fn() -> i64 + Send + Sync>,
    /// What `/metrics` shows; the API's own metrics are registered here too.
    pub metrics: prometheus::Registry,
    /// Bounds.
    pub config: Config,
    /// Ends live streams when the platform stops.
    pub shutdown: CancellationToken,
}

/// Sizes and state of the log, for the health page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct LogFigures {
    /// Bytes that it takes on the disk.
    pub bytes: u64,
    /// How many segments hold records.
    pub segments: u64,
    /// Bytes queued and not yet written.
    pub queued_bytes: u64,
    /// The oldest record that can still be read.
    pub start_offset: u64,
    /// One past the newest durable record.
    pub end_offset: u64,
    /// Whether writing is held up (for want of disk space, or at `log.bytes_max`) and will be
    /// tried again; `ready` says why.
    pub stalled: bool,
    /// Whether it has failed for good and only reading is left.
    pub failed: bool,
}

/// Says which parts of the platform are ready.
pub trait Readiness: Send + Sync + 'static {
    /// Every part there is.
    fn parts(&self) -> Vec<PartState>;
}

/// Whether one part of the platform is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartState {
    /// Its name: `log`, `store`, `ingest` …
    pub name: &'static str,
    /// Whether it does its work.
    pub ready: bool,
    /// What it is doing, or why it is not ready.
    pub detail: Option<String>,
}

/// The files of the operations page.
pub trait Assets: Send + Sync + 'static {
    /// The file of this path, without a leading slash: `index.html`, `assets/app-1f2e.js`.
    fn file(&self, path: &str) -> Option<Asset>;
}

/// A file of the operations page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// Its content.
    pub bytes: Cow<'static, [u8]>,
    /// Its media type.
    pub content_type: Cow<'static, str>,
    /// A strong entity tag of the content, with its quotes.
    pub etag: Cow<'static, str>,
}

/// What every handler is given.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) parts: Parts,
    pub(crate) own: Metrics,
    pub(crate) fragments: Fragments,
    pub(crate) selected: Selected,
    pub(crate) rendered: Rendered,
    pub(crate) queries: Arc<Semaphore>,
    /// Places for answers that wait for their client.
    pub(crate) waiting: Semaphore,
    pub(crate) subscribers: Arc<Semaphore>,
}

impl App {
    pub(crate) fn new(parts: Parts) -> Result<Self, prometheus::Error> {
        Ok(Self(Arc::new(Inner {
            own: Metrics::new(&parts.metrics)?,
            fragments: Fragments::default(),
            selected: Selected::default(),
            rendered: Rendered::default(),
            queries: Arc::new(Semaphore::new(parts.config.queries_max)),
            waiting: Semaphore::new(body::WAITING_MAX),
            subscribers: Arc::new(Semaphore::new(parts.config.live_subscribers_max)),
            parts,
        })))
    }

    pub(crate) fn now_us(&self) -> i64 {
        (self.parts.clock)()
    }

    pub(crate) fn query_wait(&self) -> Duration {
        Duration::from_secs(self.parts.config.query_wait_s)
    }
}

impl std::ops::Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}
