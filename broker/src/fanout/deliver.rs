//! Hands messages to the sessions whose filters take them.

use super::{Deliver, UNLOGGED, messages};
use crate::codec::Reason;
use crate::follower::Progress;
use crate::identity::{Access, Clock};
use crate::link::Link;
use crate::metrics::{Drop, Metrics};
use crate::notices::Notices;
use crate::session::{
    Given, Group, Offer, Offered, Outgoing, SessionState, Subscription, Subscriptions,
};
use nhip_wire::envelope::Envelope;
use parking_lot::RwLock;
use std::sync::Arc;

/// The subscribers' side of the fan-out.
pub(crate) struct Deliverer {
    pub(crate) subscriptions: Arc<RwLock<Subscriptions>>,
    pub(crate) access: Arc<dyn Access>,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
    pub(crate) notices: Arc<Notices>,
    pub(crate) progress: Arc<Progress>,
}

impl Deliver for Deliverer {
    fn deliver(&self, parcel: &[u8]) {
        if parcel.is_empty() {
            return;
        }
        let now_us = u64::try_from((self.clock)()).unwrap_or(0);
        let mut wake: Vec<Arc<Link>> = Vec::new();
        let mut delivered = 0;
        let subscriptions = self.subscriptions.read();
        let mut hits: Vec<(u64, &Subscription)> = Vec::new();
        let mut identifiers = Vec::new();
        let mut end = None;
        for (offset, record) in messages(parcel) {
            let Ok(envelope) = Envelope::read(record) else {
                continue;
            };
            end = (offset != UNLOGGED).then(|| offset + 1);
            hits.clear();
            subscriptions.visit(envelope.topic, &mut |entries| {
                hits.extend(entries.iter().map(|(number, held)| (*number, held)));
            });
            hits.retain(|(_, held)| takes(held, offset, &envelope));
            hits.sort_unstable_by_key(|(number, _)| *number);
            let mut shared = None;
            for group in hits.chunk_by(|one, other| one.0 == other.0) {
                let message = Offered {
                    offset,
                    envelope: &envelope,
                    record,
                };
                let way = Way {
                    now_us,
                    identifiers: &mut identifiers,
                    shared: &mut shared,
                    wake: &mut wake,
                };
                delivered += u64::from(self.offer(message, group, way));
            }
            let message = Offered {
                offset,
                envelope: &envelope,
                record,
            };
            subscriptions.visit_groups(envelope.topic, &mut |group| {
                delivered += u64::from(self.share(message, group, now_us, &mut wake));
            });
        }
        drop(subscriptions);
        if let Some(end) = end {
            self.progress.delivered(end);
        }
        self.metrics.delivered.inc_by(delivered);
        for link in wake {
            link.wake();
        }
    }
}

/// What the messages of one parcel share on their way.
struct Way<'a> {
    now_us: u64,
    identifiers: &'a mut Vec<u32>,
    /// The copy that all queues have.
    shared: &'a mut Option<Arc<[u8]>>,
    wake: &'a mut Vec<Arc<Link>>,
}

impl Deliverer {
    /// Offers a message once to a session, however many of its filters take it: with the
    /// highest QoS and all subscription identifiers (MQTT-3.3.4-2, -3). Says whether it is on
    /// its way.
    fn offer(&self, message: Offered<'_>, group: &[(u64, &Subscription)], way: Way<'_>) -> bool {
        let Some((_, first)) = group.first() else {
            return false;
        };
        let envelope = message.envelope;
        let options = || group.iter().map(|(_, held)| held.filter.options);
        let granted = options().map(|options| options.qos).max();
        let as_published = options().any(|options| options.retain_as_published);
        way.identifiers.clear();
        let each = group.iter().filter_map(|(_, held)| held.filter.identifier);
        way.identifiers.extend(each);
        let mut state = first.session.state.lock();
        if !self.access.may_read(&state.principal, envelope.topic) {
            self.metrics.refuse(Reason::NOT_AUTHORIZED);
            return false;
        }
        let outgoing = Outgoing {
            qos: granted.unwrap_or(0).min(envelope.qos),
            retain: envelope.retain && as_published,
            dup: false,
            packet_id: 0,
            identifiers: way.identifiers,
            now_us: way.now_us,
        };
        let connected = state.link.is_some();
        let was_behind = state.outbox.is_behind();
        let offer = state.outbox.offer(message, outgoing, way.shared, connected);
        state.outbox.count_drops(&self.metrics);
        if !was_behind && state.outbox.is_behind() {
            self.metrics.sessions_behind.inc();
        }
        match offer {
            Offer::Taken { wake } => {
                way.wake.extend(state.link.clone().filter(|_| wake));
                return true;
            }
            Offer::Dropped(reason) => self.dropped(&first.session.client, &mut state, reason),
            Offer::Full => self.dropped(&first.session.client, &mut state, Drop::QueueFull),
            Offer::Later => {}
        }
        false
    }

    /// Offers a message to one of those who share a filter; says whether it is on its way.
    fn share(
        &self,
        message: Offered<'_>,
        group: &Arc<Group>,
        now_us: u64,
        wake: &mut Vec<Arc<Link>>,
    ) -> bool {
        match group.offer(message, now_us, &*self.access) {
            Given::To(link) => {
                wake.extend(link);
                return true;
            }
            Given::Dropped(reason) => self.metrics.drop(reason, 1),
            Given::Refused => self.metrics.refuse(Reason::NOT_AUTHORIZED),
            Given::Later if message.offset == UNLOGGED => self.metrics.drop(Drop::QueueFull, 1),
            Given::Later => {}
        }
        false
    }

    fn dropped(&self, client: &str, state: &mut SessionState, reason: Drop) {
        self.metrics.drop(reason, 1);
        if reason == Drop::Slow && state.link.is_some() {
            self.notices.slow(client, &mut state.named_slow);
        }
    }
}

fn takes(subscription: &Subscription, offset: u64, envelope: &Envelope<'_>) -> bool {
    let filter = &subscription.filter;
    let later = offset == UNLOGGED || offset >= filter.since;
    let own = filter.options.no_local && *subscription.session.client == *envelope.client;
    later && !own
}
