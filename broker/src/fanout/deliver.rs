//! Hands messages to the sessions whose filters take them.

use super::{Deliver, UNLOGGED, messages};
use crate::codec::Reason;
use crate::identity::{Access, Clock};
use crate::link::Link;
use crate::metrics::Metrics;
use crate::session::{Offer, Outgoing, Subscription, Subscriptions};
use nhip_wire::envelope::Envelope;
use parking_lot::RwLock;
use std::sync::Arc;

/// The subscribers' side of the fan-out.
pub(crate) struct Deliverer {
    pub(crate) subscriptions: Arc<RwLock<Subscriptions>>,
    pub(crate) access: Arc<dyn Access>,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
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
        for (offset, record) in messages(parcel) {
            let Ok(envelope) = Envelope::read(record) else {
                continue;
            };
            hits.clear();
            subscriptions.visit(envelope.topic, &mut |entries| {
                hits.extend(entries.iter().map(|(number, held)| (*number, held)));
            });
            hits.retain(|(_, held)| takes(held, offset, &envelope));
            hits.sort_unstable_by_key(|(number, _)| *number);
            let mut shared = None;
            for group in hits.chunk_by(|one, other| one.0 == other.0) {
                let message = Message {
                    record,
                    envelope: &envelope,
                    now_us,
                };
                self.offer(&message, group, &mut identifiers, &mut shared, &mut wake);
                delivered += 1;
            }
        }
        drop(subscriptions);
        self.metrics.delivered.inc_by(delivered);
        for link in wake {
            link.wake();
        }
    }
}

struct Message<'a> {
    record: &'a [u8],
    envelope: &'a Envelope<'a>,
    now_us: u64,
}

impl Deliverer {
    /// Offers a message once to a session, however many of its filters take it: with the
    /// highest QoS and all subscription identifiers (MQTT-3.3.4-2, -3).
    fn offer(
        &self,
        message: &Message<'_>,
        group: &[(u64, &Subscription)],
        identifiers: &mut Vec<u32>,
        shared: &mut Option<Arc<[u8]>>,
        wake: &mut Vec<Arc<Link>>,
    ) {
        let Some((_, first)) = group.first() else {
            return;
        };
        let envelope = message.envelope;
        let granted = group.iter().map(|(_, held)| held.options.qos).max();
        let as_published = group
            .iter()
            .any(|(_, held)| held.options.retain_as_published);
        identifiers.clear();
        identifiers.extend(group.iter().filter_map(|(_, held)| held.identifier));
        let mut state = first.session.state.lock();
        if !self.access.may_read(&state.principal, envelope.topic) {
            self.metrics.refuse(Reason::NOT_AUTHORIZED);
            return;
        }
        let outgoing = Outgoing {
            qos: granted.unwrap_or(0).min(envelope.qos),
            retain: envelope.retain && as_published,
            dup: false,
            packet_id: 0,
            identifiers,
            now_us: message.now_us,
        };
        let connected = state.link.is_some();
        let outbox = &mut state.outbox;
        match outbox.offer(envelope, outgoing, message.record, shared, connected) {
            Offer::Taken { wake: true } => wake.extend(state.link.clone()),
            Offer::Taken { wake: false } => {}
            Offer::Dropped(reason) => self.metrics.drop(reason, 1),
            Offer::Overflow => {
                if let Some(link) = &state.link {
                    link.close(Reason::QUOTA_EXCEEDED);
                }
            }
        }
    }
}

fn takes(subscription: &Subscription, offset: u64, envelope: &Envelope<'_>) -> bool {
    let later = offset == UNLOGGED || offset >= subscription.since;
    let own = subscription.options.no_local && *subscription.session.client == *envelope.client;
    later && !own
}
