//! What all connections of one broker share.

use crate::codec::Reason;
use crate::config::Config;
use crate::fanout::{Fanout, Parcel, UNLOGGED};
use crate::follower::Progress;
use crate::identity::{Access, Authenticator, Claim, Claims, Clock, Pages, Principal};
use crate::metrics::{Drop, Metrics};
use crate::notices::Notices;
use crate::retained::Retained;
use crate::retaining::Retaining;
use crate::session::{Sessions, StoredWill, Subscriptions, whole_ms};
use nhip_log::{AppendError, Batch, Log, Offset};
use nhip_wire::envelope::{Envelope, Kind};
use parking_lot::RwLock;
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
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
    pub(crate) notices: Notices,
    pub(crate) sessions: Sessions,
    pub(crate) subscriptions: Arc<RwLock<Subscriptions>>,
    pub(crate) retained: Arc<Retained>,
    pub(crate) retaining: Arc<Retaining>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) fanout: Arc<dyn Fanout>,
    /// One past the newest record that any connection has queued.
    pub(crate) appended_end: AtomicU64,
    /// Whole seconds since the start, counted by the sweeper.
    pub(crate) tick: AtomicU32,
    pub(crate) stopping: tokio::sync::watch::Sender<bool>,
}

impl Core {
    pub(crate) fn tick(&self) -> u32 {
        self.tick.load(Ordering::Relaxed)
    }

    pub(crate) fn now_us(&self) -> u64 {
        u64::try_from((self.clock)()).unwrap_or(0)
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
        let envelope = own(topic, payload, true, (self.clock)());
        let header = envelope.header();
        batch.push(&[&header, topic.as_bytes(), payload]);
        self.append(&mut batch, "a retained message").await;
    }

    async fn append(&self, batch: &mut Batch, what: &str) {
        loop {
            match self.retaining.append(|| self.log.append(batch, None)) {
                Ok(last) => return self.note_appended(last),
                Err(AppendError::Full { .. }) => self.log.room().await,
                Err(error) => {
                    tracing::error!(%error, "{what} could not be logged");
                    return;
                }
            }
        }
    }

    /// Puts messages of the platform itself on their way to subscribers, without logging them.
    pub(crate) fn publish_live<'m>(&self, messages: impl IntoIterator<Item = (&'m str, &'m [u8])>) {
        let mut parcel = Parcel::default();
        {
            let subscriptions = self.subscriptions.read();
            if subscriptions.is_empty() {
                return;
            }
            let now_us = (self.clock)();
            for (topic, payload) in messages {
                if subscriptions.any(topic) {
                    let header = own(topic, payload, false, now_us).header();
                    parcel.push(UNLOGGED, &[&header, topic.as_bytes(), payload]);
                }
            }
        }
        self.submit(parcel);
    }

    pub(crate) fn submit(&self, parcel: Parcel) {
        if !parcel.is_empty()
            && let Err(parcel) = self.fanout.submit(parcel)
        {
            self.metrics.drop(Drop::FanoutBehind, parcel.messages());
        }
    }
}

fn own<'a>(topic: &'a str, payload: &'a [u8], retain: bool, now_us: i64) -> Envelope<'a> {
    Envelope {
        kind: Kind::Published,
        retain,
        qos: 1,
        v5: false,
        received_us: whole_ms(now_us),
        origin: 0,
        client: "",
        topic,
        properties: &[],
        payload,
    }
}
