//! What all connections of one broker share.

use crate::catch_up::CatchUp;
use crate::codec::Reason;
use crate::config::Config;
use crate::connection::Unknown;
use crate::fanout::{Fanout, Parcel, UNLOGGED};
use crate::follower::Progress;
use crate::identity::{Access, Authenticator, Claim, Claims, Clock, Pages, Principal};
use crate::link::Link;
use crate::live::{LiveMessage, LiveSource};
use crate::metrics::{Drop, Metrics};
use crate::notices::Notices;
use crate::retained::{Promises, Retained};
use crate::retaining::Retaining;
use crate::session::durable::Kept;
use crate::session::{Pool, Sessions, StoredWill, Subscriptions, whole_ms};
use nhip_log::{AppendError, Batch, Committed, Log, Offset};
use nhip_wire::envelope::{Envelope, Kind};
use parking_lot::{Mutex, RwLock};
use std::{
    sync::Arc,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
};

pub(crate) struct Core {
    pub(crate) config: Config,
    pub(crate) log: Arc<dyn Log>,
    pub(crate) authenticator: Arc<dyn Authenticator>,
    pub(crate) access: Arc<dyn Access>,
    pub(crate) pages: Arc<dyn Pages>,
    pub(crate) claims: Arc<dyn Claims>,
    pub(crate) live: Arc<dyn LiveSource>,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
    pub(crate) notices: Arc<Notices>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) kept: Arc<Kept>,
    pub(crate) catch_up: Arc<CatchUp>,
    pub(crate) subscriptions: Arc<RwLock<Subscriptions>>,
    pub(crate) retained: Arc<Retained>,
    pub(crate) retaining: Arc<Retaining>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) fanout: Arc<dyn Fanout>,
    /// One past the newest record that any connection has queued.
    pub(crate) appended_end: AtomicU64,
    /// Whole seconds since the start, counted by the sweeper.
    pub(crate) tick: AtomicU32,
    pub(crate) unknown: Unknown,
    /// What is on its way to all clients.
    pub(crate) outgoing: Arc<Pool>,
    /// Connections that aren't read before the next second.
    pub(crate) throttled: Mutex<Vec<Arc<Link>>>,
    /// Wall time at the start, µs.
    pub(crate) started_us: u64,
    /// Whether the sessions that were connected when the last process ended are away.
    pub(crate) settled: tokio::sync::watch::Sender<bool>,
    pub(crate) stopping: tokio::sync::watch::Sender<bool>,
}

impl Core {
    pub(crate) fn tick(&self) -> u32 {
        self.tick.load(Ordering::Relaxed)
    }

    pub(crate) fn now_us(&self) -> u64 {
        u64::try_from((self.clock)()).unwrap_or(0)
    }

    /// The time that sessions end by, µs: a clock that is set doesn't change it.
    pub(crate) fn session_us(&self) -> u64 {
        self.started_us + u64::from(self.tick()) * 1_000_000
    }

    /// When a client that leaves now has left, µs: part of the running second is over already,
    /// so what is counted from the end of it comes late rather than early.
    pub(crate) fn left_us(&self) -> u64 {
        self.session_us() + 1_000_000
    }

    pub(crate) fn note_appended(&self, last: Offset) {
        self.appended_end.fetch_max(last.next().0, Ordering::AcqRel);
    }

    /// Whether `topic` may be published to at all, and what the platform makes of it.
    pub(crate) fn judge(&self, principal: &Principal, topic: &str) -> Result<Claim, Reason> {
        let levels = 1 + topic.bytes().filter(|byte| *byte == b'/').count();
        if topic.len() > self.config.topic_bytes_max
            || levels > self.config.topic_levels_max
            || topic.starts_with('$')
        {
            return Err(Reason::TOPIC_NAME_INVALID);
        }
        let claim = self.claims.claim(topic);
        match claim {
            Claim::Refuse(reason) => Err(reason),
            _ if !self.access.may_publish(principal, topic) => Err(Reason::NOT_AUTHORIZED),
            claim => Ok(claim),
        }
    }

    /// Logs a will, waiting for room as long as it takes.
    pub(crate) async fn publish_will(&self, will: &StoredWill) {
        let mut batch = Batch::default();
        will.push(&mut batch, (self.clock)());
        self.append(&mut batch, "a will").await;
    }

    /// Logs a retained message of the platform itself.
    pub(crate) async fn publish_retained(&self, topic: &str, payload: &[u8]) {
        let mut batch = Batch::default();
        let message = LiveMessage {
            place: 0,
            topic,
            payload,
        };
        let envelope = own(message, true, (self.clock)());
        let header = envelope.header();
        batch.push(&[&header, topic.as_bytes(), payload]);
        self.append(&mut batch, "a retained message").await;
    }

    /// Queues `batch`, waiting for room as long as it takes; gives back the offset behind it.
    pub(crate) async fn append(&self, batch: &mut Batch, what: &str) -> Option<u64> {
        loop {
            match self.append_now(batch) {
                Ok(end) => return Some(end),
                Err(AppendError::Full { .. }) => self.log.room().await,
                Err(error) => {
                    tracing::error!(%error, "{what} could not be logged");
                    return None;
                }
            }
        }
    }

    /// Queues `batch`, which the fold is to see; gives back the offset behind it.
    pub(crate) fn append_now(&self, batch: &mut Batch) -> Result<u64, AppendError> {
        let _room = Promises::for_batch(&self.retained, batch);
        let last = self.append_seen(batch, None)?;
        self.note_appended(last);
        Ok(last.next().0)
    }

    /// Queues `batch`, which the fold is to see. There is room for what is retained in it.
    pub(crate) fn append_seen(
        &self,
        batch: &mut Batch,
        listener: Option<&Arc<dyn Committed>>,
    ) -> Result<Offset, AppendError> {
        let append = |batch: &mut Batch| self.log.append(batch, listener);
        self.retaining.append(|| self.retained.log(batch, append))
    }

    /// The messages of the platform itself that somebody subscribes to. They aren't logged.
    pub(crate) fn live_parcel<'m>(
        &self,
        messages: impl IntoIterator<Item = LiveMessage<'m>>,
    ) -> Parcel {
        let mut parcel = Parcel::default();
        let subscriptions = self.subscriptions.read();
        if subscriptions.is_empty() {
            return parcel;
        }
        let now_us = (self.clock)();
        for message in messages {
            if subscriptions.any(message.topic) {
                let header = own(message, false, now_us).header();
                let topic = message.topic.as_bytes();
                parcel.push(UNLOGGED, &[&header, topic, message.payload]);
            }
        }
        parcel
    }

    pub(crate) fn submit(&self, parcel: Parcel) {
        if !parcel.is_empty()
            && let Err(parcel) = self.fanout.submit(parcel)
        {
            self.metrics.drop(Drop::FanoutBehind, parcel.messages());
        }
    }
}

/// A message of the platform itself, which stands in `origin`.
pub(crate) fn own(message: LiveMessage<'_>, retain: bool, now_us: i64) -> Envelope<'_> {
    let LiveMessage {
        place,
        topic,
        payload,
    } = message;
    Envelope {
        kind: Kind::Published,
        retain,
        qos: 1,
        v5: false,
        received_us: whole_ms(now_us),
        origin: place,
        client: "",
        topic,
        properties: &[],
        payload,
    }
}
