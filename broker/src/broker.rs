//! The broker put together, started and stopped.

use crate::catch_up::{self, CatchUp};
use crate::codec::Reason;
use crate::config::Config;
use crate::connection::Unknown;
use crate::core::Core;
use crate::fanout::{Deliverer, Engine, Fanout, RouterFanout, RumqttdEngine};
use crate::follower::{Follower, Progress, reader};
use crate::identity::{Access, Authenticator, Claims, Clock, Pages};
use crate::listen::{self, Door, Transport};
use crate::live::{LiveMessage, LiveSource};
use crate::metrics::Metrics;
use crate::notices::Notices;
use crate::retained::Retained;
use crate::retaining::Retaining;
use crate::session::durable::Kept;
use crate::session::{Pool, Sessions, Subscriptions};
use crate::sweep;
use nhip_log::{Log, ReadError, Reader};
use parking_lot::{Mutex, RwLock};
use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    sync::atomic::{AtomicU32, AtomicU64},
    thread::JoinHandle,
    time::Duration,
};
use thiserror::Error;
use tokio::{sync::Semaphore, time::Instant};

/// How long it waits for room in the fan-out before it looks whether it is to stop.
const ROOM: Duration = Duration::from_millis(100);

/// What the broker is given.
pub struct Parts {
    /// Where publishes become durable.
    pub log: Arc<dyn Log>,
    /// Where retained messages and sessions are kept, in keyspaces `broker.retained` and
    /// `broker.sessions`.
    pub database: nhip_database::Database,
    /// Who is let in.
    pub authenticator: Arc<dyn Authenticator>,
    /// Who may do what.
    pub access: Arc<dyn Access>,
    /// Which web pages may connect.
    pub pages: Arc<dyn Pages>,
    /// Which topics are the platform's.
    pub claims: Arc<dyn Claims>,
    /// Makes messages of the platform again for who had no room for them.
    pub live: Arc<dyn LiveSource>,
    /// Wall time.
    pub clock: Clock,
    /// Where it counts.
    pub metrics: Metrics,
}

/// Where the broker listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// MQTT over TCP.
    pub tcp: Option<SocketAddr>,
    /// MQTT over WebSocket.
    pub websocket: Option<SocketAddr>,
}

/// Why the broker could not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// An address can't be listened on: choose another, or end who has it.
    #[error("{setting}: listening on {address}: {source}")]
    Listen {
        /// The setting with the address.
        setting: &'static str,
        /// The address of the configuration.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A thread could not be started.
    #[error("starting a thread: {0}")]
    Thread(io::Error),
    /// The retained messages or the sessions can't be opened.
    #[error("opening retained messages and sessions: {0}")]
    Retained(#[from] nhip_database::Error),
    /// The log can't be read from where they stand.
    #[error("reading the log for retained messages and sessions: {0}")]
    Log(#[from] ReadError),
}

/// A running front door. It serves until [`Broker::shutdown`].
pub struct Broker {
    pub(crate) core: Arc<Core>,
    pub(crate) room: Arc<Semaphore>,
    pub(crate) by_address: Arc<listen::Addresses>,
    addresses: Addresses,
    follower: Mutex<Option<JoinHandle<()>>>,
    catch_up: Mutex<Vec<JoinHandle<()>>>,
}

impl Broker {
    /// Binds the addresses of `config` and serves them on the current Tokio runtime.
    pub async fn start(config: Config, parts: Parts) -> Result<Self, StartError> {
        Self::start_with(config, parts, RumqttdEngine::default()).await
    }

    /// The same with routers that `engine` builds.
    pub async fn start_with(
        config: Config,
        parts: Parts,
        engine: impl Engine,
    ) -> Result<Self, StartError> {
        let tcp = bind(config.listen, Transport::Tcp)?;
        let websocket = bind(config.websocket, Transport::WebSocket)?;
        let address = |door: &Option<Door>| {
            let door = door.as_ref()?;
            door.listener.local_addr().ok()
        };
        let addresses = Addresses {
            tcp: address(&tcp),
            websocket: address(&websocket),
        };
        let (retained, cursor) = Retained::open(&parts.database, &config, &parts.metrics)?;
        let durable_end = parts.log.state().durable_end.0;
        let kept = Arc::new(Kept::open(&parts.database, durable_end)?);
        let reader = reader(&*parts.log, cursor.min(kept.folded_end()))?;
        let progress = Arc::new(Progress::new(reader.position().0));
        let notices = Arc::new(Notices::default());
        let subscriptions = Arc::new(RwLock::new(Subscriptions::default()));
        let deliverer = Deliverer {
            subscriptions: Arc::clone(&subscriptions),
            access: Arc::clone(&parts.access),
            clock: Arc::clone(&parts.clock),
            metrics: parts.metrics.clone(),
            notices: Arc::clone(&notices),
            progress: Arc::clone(&progress),
        };
        let fanout = RouterFanout::start(
            engine,
            Arc::new(deliverer),
            parts.metrics.clone(),
            config.fanout_bytes_max,
            Duration::from_millis(config.router_stall_ms),
        );
        let fanout: Arc<dyn Fanout> = Arc::new(fanout.map_err(StartError::Thread)?);
        let catch_up = Arc::new(CatchUp::default());
        let bytes = parts.metrics.outgoing_bytes.clone();
        let outgoing = Arc::new(Pool::new(bytes, config.outgoing_total_bytes_max));
        let sessions = Sessions::new(
            Arc::clone(&subscriptions),
            Arc::clone(&kept),
            Arc::clone(&catch_up),
            Arc::clone(&outgoing),
            config.sessions_max,
        );
        let core = Arc::new(Core {
            authenticator: parts.authenticator,
            access: parts.access,
            pages: parts.pages,
            claims: parts.claims,
            live: parts.live,
            started_us: u64::try_from((parts.clock)()).unwrap_or(0),
            clock: parts.clock,
            metrics: parts.metrics,
            notices,
            sessions: Arc::new(sessions),
            kept,
            catch_up,
            settled: tokio::sync::watch::Sender::new(false),
            subscriptions,
            retained: Arc::new(retained),
            retaining: Arc::new(Retaining::new(durable_end)),
            progress,
            log: parts.log,
            fanout,
            // What is durable already is folded before the first subscription is answered.
            appended_end: AtomicU64::new(durable_end),
            tick: AtomicU32::new(0),
            unknown: Unknown::default(),
            outgoing,
            throttled: Mutex::default(),
            stopping: tokio::sync::watch::Sender::new(false),
            config,
        });
        let workers = core.config.catch_up_workers;
        let catch_up = catch_up::start(&core, workers).map_err(StartError::Thread)?;
        let follower = follow(&core, reader).map_err(StartError::Thread)?;
        let room = Arc::new(Semaphore::new(core.config.connections_max));
        let by_address = Arc::default();
        for door in [tcp, websocket].into_iter().flatten() {
            let (room, by_address) = (Arc::clone(&room), Arc::clone(&by_address));
            tokio::spawn(door.serve(Arc::clone(&core), room, by_address));
        }
        tokio::spawn(sweep::settle(Arc::clone(&core), durable_end));
        tokio::spawn(sweep::run(Arc::clone(&core)));
        Ok(Self {
            core,
            room,
            by_address,
            addresses,
            follower: Mutex::new(Some(follower)),
            catch_up: Mutex::new(catch_up),
        })
    }

    /// Where it listens, with the ports that the system chose.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// What keeps it from its work, if anything does.
    pub fn problem(&self) -> Option<&'static str> {
        if *self.core.stopping.borrow() {
            return Some("it is stopping");
        }
        let follower = self.follower.lock();
        let has_ended = follower.as_ref().is_none_or(JoinHandle::is_finished);
        (has_ended || self.core.fanout.has_failed())
            .then_some("it passes no messages on any more: see the log lines, then restart")
    }

    /// Clients connected now, those in their handshake too.
    pub fn connections(&self) -> usize {
        self.core.config.connections_max - self.room.available_permits()
    }

    /// Sends messages of the platform itself to those who subscribe to their topics. They
    /// aren't logged: whoever has no room for one with QoS 1 or 2 gets it from
    /// [`Parts::live`] later. Waits while the fan-out has no room. Costs nothing while nobody
    /// subscribes.
    pub async fn publish_live<'m>(&self, messages: impl IntoIterator<Item = LiveMessage<'m>>) {
        let mut parcel = self.core.live_parcel(messages);
        while !parcel.is_empty()
            && let Err(back) = self.core.fanout.submit(parcel)
        {
            parcel = back;
            let fanout = Arc::clone(&self.core.fanout);
            let waited = tokio::task::spawn_blocking(move || fanout.wait_room(ROOM)).await;
            if waited.is_err() || *self.core.stopping.borrow() {
                return;
            }
        }
    }

    /// Sends one message of the platform itself through the log, and keeps it.
    pub async fn publish_retained(&self, topic: &str, payload: &[u8]) {
        self.core.publish_retained(topic, payload).await;
    }

    /// Whether anybody subscribes to a filter that takes `topic`.
    pub fn has_subscriber(&self, topic: &str) -> bool {
        self.core.subscriptions.read().any(topic)
    }

    /// Whether anybody subscribes to a filter that may take topics under the level `first`:
    /// cheap, so that nothing is rendered for nobody.
    pub fn may_reach(&self, first: &str) -> bool {
        self.core.subscriptions.read().reaches(first)
    }

    /// Accepts nobody any more, sends the acknowledgements that become due, tells MQTT 5
    /// clients that it shuts down (0x8B), and ends at `deadline` at the latest. Says whether
    /// every client was told in time.
    pub async fn shutdown(&self, deadline: Duration) -> bool {
        let until = Instant::now() + deadline;
        self.core.stopping.send_replace(true);
        let all = u32::try_from(self.core.config.connections_max).unwrap_or(u32::MAX);
        let told = async {
            loop {
                // A client that was in its handshake may come to its session only now.
                for link in self.core.sessions.links() {
                    link.close(Reason::SERVER_SHUTTING_DOWN);
                }
                let gone = self.room.acquire_many(all);
                if tokio::time::timeout(Duration::from_millis(100), gone)
                    .await
                    .is_ok()
                {
                    return;
                }
            }
        };
        let told = tokio::time::timeout_at(until, told).await.is_ok();
        self.core.progress.stop();
        self.core.catch_up.stop();
        let (core, follower) = (Arc::clone(&self.core), self.follower.lock().take());
        let catch_up = std::mem::take(&mut *self.catch_up.lock());
        let ended = tokio::task::spawn_blocking(move || {
            core.fanout.stop();
            let threads = catch_up.into_iter().chain(follower);
            threads.map(JoinHandle::join).all(|ended| ended.is_ok())
        });
        match tokio::time::timeout_at(until, ended).await {
            Ok(Ok(true)) => {}
            _ => tracing::error!("the broker's threads did not end well in time"),
        }
        told
    }
}

fn bind(address: Option<SocketAddr>, transport: Transport) -> Result<Option<Door>, StartError> {
    let Some(address) = address else {
        return Ok(None);
    };
    match Door::bind(address, transport) {
        Ok(door) => Ok(Some(door)),
        Err(source) => Err(StartError::Listen {
            setting: match transport {
                Transport::Tcp => "mqtt.listen",
                Transport::WebSocket => "mqtt.websocket",
            },
            address,
            source,
        }),
    }
}

fn follow(core: &Arc<Core>, reader: Box<dyn Reader>) -> io::Result<JoinHandle<()>> {
    let follower = Follower {
        log: Arc::clone(&core.log),
        progress: Arc::clone(&core.progress),
        retaining: Arc::clone(&core.retaining),
        retained: Arc::clone(&core.retained),
        kept: Arc::clone(&core.kept),
        sessions: Arc::clone(&core.sessions),
        catch_up: Arc::clone(&core.catch_up),
        subscriptions: Arc::clone(&core.subscriptions),
        fanout: Arc::clone(&core.fanout),
        metrics: core.metrics.clone(),
        clock: Arc::clone(&core.clock),
        lag_records_max: core.config.fanout_lag_records_max,
        checkpoint_every: Duration::from_secs(core.config.retained_checkpoint_s),
        pin: core.log.pin("broker", reader.position()),
    };
    std::thread::Builder::new()
        .name("nhip-follower".into())
        .spawn(move || follower.run(reader))
}
