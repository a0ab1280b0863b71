//! The retained messages that a new subscription gets: as many at a time as the client takes,
//! so that they need no room in its queue, however many there are. What is retained anew
//! while a client is behind comes to it as a live message and, perhaps, once more as retained.

use super::Connection;
use crate::codec::SubscribeOptions;
use crate::session::{Offer, Outgoing};
use nhip_wire::envelope::Envelope;
use std::ops::ControlFlow;
use tokio::io::{AsyncRead, AsyncWrite};

/// What a filter's subscriber is still to get.
pub(super) struct RetainedDue {
    filter: Box<str>,
    options: SubscribeOptions,
    identifier: Option<u32>,
    /// The topic to go on with.
    next: Box<str>,
}

impl RetainedDue {
    pub(super) fn new(
        filter: Box<str>,
        options: SubscribeOptions,
        identifier: Option<u32>,
    ) -> Self {
        Self {
            filter,
            options,
            identifier,
            next: "".into(),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    /// Offers what is due as long as the outbox has room.
    pub(super) fn feed_retained(&mut self) {
        while let Some(mut due) = self.retained_due.pop_front() {
            let stopped_at = self.feed(&due);
            if let Some(next) = stopped_at {
                due.next = next;
                self.retained_due.push_front(due);
                return;
            }
        }
    }

    /// Offers what one filter is due; the topic at which there was no more room.
    fn feed(&self, due: &RetainedDue) -> Option<Box<str>> {
        let core = &self.core;
        let now_us = core.now_us();
        let mut state = self.session.state.lock();
        let ours = state.link.as_ref();
        if ours.is_none_or(|link| !std::sync::Arc::ptr_eq(link, &self.link)) {
            return None;
        }
        if !state.outbox.is_low() {
            return Some(due.next.clone());
        }
        let visited = core
            .retained
            .visit(&due.filter, &due.next, now_us, |record| {
                let Ok(envelope) = Envelope::read(record) else {
                    return ControlFlow::Continue(());
                };
                if !core.access.may_read(&self.principal, envelope.topic) {
                    return ControlFlow::Continue(());
                }
                if !state.outbox.has_room(record.len()) {
                    return ControlFlow::Break(());
                }
                let outgoing = Outgoing {
                    qos: due.options.qos.min(envelope.qos),
                    retain: true,
                    dup: false,
                    packet_id: 0,
                    identifiers: due.identifier.as_slice(),
                    now_us,
                };
                match state
                    .outbox
                    .offer(&envelope, outgoing, record, &mut None, true)
                {
                    Offer::Taken { .. } => core.metrics.delivered.inc(),
                    Offer::Dropped(reason) => core.metrics.drop(reason, 1),
                    Offer::Overflow => return ControlFlow::Break(()),
                }
                ControlFlow::Continue(())
            });
        visited.unwrap_or_else(|error| {
            tracing::error!(%error, "retained messages can't be read");
            None
        })
    }
}
