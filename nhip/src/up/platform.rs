//! The platform: every part, composed, started in order, stopped in order.

use super::{
    copying::Copying, front::Front, listening::refused, live, names::Names, opened::Opened, parts,
    readiness, room::Room, upkeep::Upkeep,
};
use crate::{
    assets::Page,
    config::{Config, Settings},
};
use nhip_api::LogFigures;
use nhip_broker::{Addresses, Broker, Claim, StartError, codec::Reason};
use nhip_ingest::Ingest;
use nhip_log::{Log, SegmentLog};
use nhip_store::WatchedStore;
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::task::JoinHandle;
use tracing::warn;

/// How long clients are given to take their last acknowledgements.
const DRAIN: Duration = Duration::from_secs(3);
/// Between two looks for a part that has failed.
const FAILURE_LOOK: Duration = Duration::from_secs(1);
/// How long live streams and running answers are given to end.
const HTTP_DRAIN: Duration = Duration::from_secs(1);

/// Wall time, µs since 1970 UTC.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// A running platform.
pub struct Platform {
    log: Arc<SegmentLog>,
    ingest: Arc<Ingest>,
    broker: Arc<Broker>,
    upkeep: Upkeep,
    names: Option<Names>,
    copying: Copying,
    store: Arc<WatchedStore>,
    /// The end of the log at the start.
    begun: u64,
    clock: Clock,
    front: Front,
    publishing: JoinHandle<()>,
}

impl Platform {
    /// Opens what is on the disk and serves it. When this returns everything answers.
    pub async fn start(config: &Config) -> anyhow::Result<Self> {
        let settings = &config.settings;
        let clock: Clock = Arc::new(now_us);
        let metrics = prometheus::Registry::new();
        register_build(&metrics)?;
        let front = Front::start(settings).await?;
        let Opened {
            log,
            database,
            store,
            copy,
            questdb,
            registry,
            // A switch of the store waits for its server.
        } = tokio::task::block_in_place(|| Opened::open(settings, &metrics))?;
        let begun = log.state().durable_end.0;
        let ingest = Ingest::start(
            parts::ingest(settings, nhip_ingest::recorded_shards(&*store)),
            nhip_ingest::Parts {
                log: log.clone(),
                store: store.clone(),
                directory: registry.clone(),
                mapping: config.mapping.clone(),
                clock: clock.clone(),
                metrics: nhip_ingest::Metrics::new(&metrics)?,
            },
        )?;
        let ingest = Arc::new(ingest);
        let view = ingest.view();
        let broker = Broker::start(
            parts::broker(settings),
            nhip_broker::Parts {
                log: log.clone(),
                database,
                authenticator: Arc::new(parts::anonymous(settings)),
                access: Arc::new(nhip_broker::OpenAccess),
                pages: Arc::new(pages(settings)),
                claims: Arc::new(claims(ingest.clone())),
                live: Arc::new(live::Again::new(view.clone(), registry.clone())),
                clock: clock.clone(),
                metrics: nhip_broker::Metrics::new(&metrics)?,
            },
        )
        .await
        .map_err(|error| match error {
            StartError::Listen {
                setting,
                address,
                source,
            } => refused(setting, address, &source),
            error => error.into(),
        })?;
        let broker = Arc::new(broker);
        // Every consumer has pinned what it needs by now.
        log.start_trimming();
        let upkeep = Upkeep::start(store.clone(), clock.clone())?;
        let names = questdb.map(|questdb| Names::start(questdb, registry.clone()));
        let names = names.transpose()?;
        let copying = Copying::start(copy.clone(), clock.clone())?;
        let router = nhip_api::router(nhip_api::Parts {
            store: store.clone(),
            copy: Some(copy),
            registry: registry.clone(),
            view: view.clone(),
            log: Arc::new(log_figures(log.clone())),
            readiness: Arc::new(readiness::Parts {
                log: log.clone(),
                ingest: ingest.clone(),
                view: view.clone(),
                broker: broker.clone(),
                store: store.clone(),
                room: Room::new(settings.log_bytes_max, &*log),
            }),
            assets: Arc::new(Page),
            clock: clock.clone(),
            metrics,
            config: parts::api(settings),
            shutdown: front.ending.clone(),
        })?;
        drop(front.router.send_replace(router));
        let publishing = tokio::spawn(live::publish(
            view,
            registry,
            broker.clone(),
            front.ending.clone(),
        ));
        Ok(Self {
            log,
            ingest,
            broker,
            upkeep,
            names,
            copying,
            store,
            begun,
            clock,
            front,
            publishing,
        })
    }

    /// The line that says where it serves.
    pub fn ready_line(&self) -> String {
        let shown = |address: Option<SocketAddr>| {
            address.map_or_else(|| "off".to_owned(), |address| address.to_string())
        };
        let Addresses { tcp, websocket } = self.broker.addresses();
        format!(
            "ready mqtt={} websocket={} http={http} page=http://{http}/",
            shown(tcp),
            shown(websocket),
            http = self.front.address
        )
    }

    /// Where MQTT and HTTP are served, for those that run beside it.
    pub fn addresses(&self) -> (Option<SocketAddr>, SocketAddr) {
        (self.broker.addresses().tcp, self.front.address)
    }

    /// Resolves when a part has failed in a way that only a person can mend, with the reason.
    /// What can't be folded must not be acknowledged any longer.
    pub async fn failed(&self) -> String {
        let mut look = tokio::time::interval(FAILURE_LOOK);
        loop {
            look.tick().await;
            if let Some(reason) = self.ingest.failure() {
                return reason;
            }
        }
    }

    /// The wall clock that its parts go by.
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// Stops in the order of the readings' way: the door, the log's queue, the fold with its
    /// last checkpoint.
    pub async fn stop(self) {
        let told = self.broker.shutdown(DRAIN).await;
        if !told {
            warn!("not every client took its last acknowledgements in time");
        }
        self.front.ending.cancel();
        if tokio::time::timeout(HTTP_DRAIN, self.front.serving)
            .await
            .is_err()
        {
            warn!("answers were still running when the API ended");
        }
        self.publishing.abort();
        let ended = tokio::task::spawn_blocking(move || {
            self.copying.stop();
            self.log.close();
            self.ingest.shutdown();
            let unread = self.ingest.view().lag().records;
            let folded = self.log.state().durable_end.0.saturating_sub(unread);
            if let Err(error) = self.store.settle(folded >= self.begun) {
                warn!(%error, "that the store was left in order could not be written down");
            }
            self.upkeep.stop();
            if let Some(names) = self.names {
                names.stop();
            }
        });
        if ended.await.is_err() {
            warn!("a part has panicked while it stopped");
        }
    }
}

/// The API's own rule, for MQTT over WebSocket.
fn pages(settings: &Settings) -> impl Fn(&str, &str) -> bool + use<> {
    let hosts = settings.http_hosts.clone();
    move |origin: &str, host: &str| hosts.take_page(origin, host)
}

/// What ingest says of a topic, in the words of the front door.
fn claims(ingest: Arc<Ingest>) -> impl Fn(&str) -> Claim {
    move |topic| match ingest.claims(topic) {
        nhip_ingest::Claim::Taken => Claim::Readings,
        nhip_ingest::Claim::Ordinary => Claim::None,
        nhip_ingest::Claim::Refused(_) => Claim::Refuse(Reason::TOPIC_NAME_INVALID),
    }
}

fn log_figures(log: Arc<SegmentLog>) -> impl Fn() -> LogFigures {
    move || {
        let (state, figures) = (log.state(), log.figures());
        LogFigures {
            bytes: figures.bytes,
            segments: figures.segments,
            queued_bytes: figures.queued_bytes,
            start_offset: state.start.0,
            end_offset: state.durable_end.0,
            stalled: state.stalled.is_some(),
            failed: state.failed,
        }
    }
}

/// `build_info`: a constant 1 whose labels say what runs.
fn register_build(metrics: &prometheus::Registry) -> Result<(), prometheus::Error> {
    let options = prometheus::Opts::new("build_info", "What was built; always 1")
        .const_label("name", env!("CARGO_PKG_NAME"))
        .const_label("version", env!("CARGO_PKG_VERSION"));
    let build = prometheus::IntGauge::with_opts(options)?;
    build.set(1);
    metrics.register(Box::new(build))
}

/// The wall clock, µs since 1970 UTC.
pub fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_micros()).unwrap_or(i64::MAX)
}
