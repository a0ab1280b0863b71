//! Messages of the platform itself for a session that had no room for them.

use super::{COMMIT, READ_BYTES};
use crate::codec::shared_filter;
use crate::core::{Core, own};
use crate::fanout::UNLOGGED;
use crate::live::{LiveError, LiveMessage};
use crate::metrics::Drop;
use crate::session::{Filter, Offer, Offered, Outgoing, Session};
use crate::trie::Trie;
use nhip_wire::envelope::Envelope;
use std::{cell::OnceCell, ops::ControlFlow, sync::Arc};

/// Has some made again for `session`, if it wants any.
pub(super) fn run(core: &Core, session: &Arc<Session>) {
    let from = {
        let state = session.state.lock();
        let Some(from) = state.outbox.wants_live().filter(|_| state.link.is_some()) else {
            return;
        };
        from
    };
    let mut making = Making {
        core,
        session,
        filters: OnceCell::new(),
        next: from,
        bytes: 0,
        full: false,
    };
    match core.live.read(from, &mut |message| making.take(message)) {
        Ok(()) => {
            let (next, full) = (making.next, making.full);
            let live = session.state.lock().outbox.pass_live(next);
            if !live && !full && next == from {
                core.catch_up.rest(COMMIT);
            }
        }
        Err(LiveError::Trimmed { start }) => {
            core.metrics.drop(Drop::Trimmed, 1);
            core.notices.trimmed(&session.client);
            session.state.lock().outbox.pass_live(start);
        }
        Err(error) => {
            tracing::error!(%error, "a subscriber that is behind can't be served");
            core.catch_up.pause();
        }
    }
}

fn own_filters(session: &Session) -> Trie<usize, Filter> {
    let mut filters = Trie::default();
    let state = session.state.lock();
    for (number, (name, filter)) in state.filters.iter().enumerate() {
        if shared_filter(name).is_none() {
            filters.insert(name, number, *filter);
        }
    }
    filters
}

struct Making<'a> {
    core: &'a Core,
    session: &'a Arc<Session>,
    /// The session's own, copied when there is a message at all.
    filters: OnceCell<Trie<usize, Filter>>,
    /// The place behind the last that was looked at.
    next: u64,
    bytes: usize,
    full: bool,
}

impl Making<'_> {
    fn take(&mut self, message: LiveMessage<'_>) -> ControlFlow<()> {
        self.bytes += message.topic.len() + message.payload.len();
        if self.offer(message) == Offer::Full {
            self.full = true;
            return ControlFlow::Break(());
        }
        self.next = message.place + 1;
        match self.bytes < READ_BYTES {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    }

    fn offer(&self, message: LiveMessage<'_>) -> Offer {
        let (mut qos, mut identifiers) = (None, Vec::new());
        let filters = self.filters.get_or_init(|| own_filters(self.session));
        filters.visit(message.topic, &mut |entries| {
            for (_, filter) in entries {
                qos = qos.max(Some(filter.options.qos));
                identifiers.extend(filter.identifier);
            }
        });
        let core = self.core;
        let mut state = self.session.state.lock();
        let granted = qos.filter(|qos| *qos > 0);
        let reads = core.access.may_read(&state.principal, message.topic);
        let Some(qos) = granted.filter(|_| reads && state.link.is_some()) else {
            return Offer::Later;
        };
        let envelope = own(message, false, (core.clock)());
        let record = [
            &envelope.header()[..],
            message.topic.as_bytes(),
            message.payload,
        ]
        .concat();
        let Ok(envelope) = Envelope::read(&record) else {
            return Offer::Later;
        };
        let outgoing = Outgoing {
            qos: qos.min(envelope.qos),
            retain: false,
            dup: false,
            packet_id: 0,
            identifiers: &identifiers,
            now_us: core.now_us(),
        };
        let offered = Offered {
            offset: UNLOGGED,
            envelope: &envelope,
            record: &record,
        };
        let offer = state.outbox.fill_live(message.place, offered, outgoing);
        if let Offer::Taken { wake } = offer {
            core.metrics.delivered.inc();
            if let Some(link) = state.link.as_ref().filter(|_| wake) {
                link.wake();
            }
        }
        offer
    }
}
