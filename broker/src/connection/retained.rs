//! The retained messages that a new subscription gets: as many at a time as the client takes,
//! so that they need no room in its queue, however many there are. What is retained anew
//! while a client is behind comes to it as a live message and, perhaps, once more as retained.
//!
//! A session that outlives its connection gets those with QoS 1 or 2 through the log, where
//! they stand for it alone, so that they are its own from then on like any other message.

use super::acks::Due;
use super::{ClientStream, Connection};
use crate::codec::{Reason, RetainHandling, Subscribe, SubscribeOptions, filter_matches};
use crate::core::own;
use crate::fanout::UNLOGGED;
use crate::live::LiveMessage;
use crate::session::durable::Event;
use crate::session::{Offer, Offered, Outgoing};
use crate::sys;
use nhip_log::{AppendError, Batch};
use nhip_wire::envelope::Envelope;
use std::{ops::ControlFlow, sync::Arc};

/// Bytes that are put into the log for one session at a time.
const GIVEN_BYTES: usize = 64 << 10;

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

impl<S: ClientStream> Connection<S> {
    /// Offers what is due as long as the outbox has room.
    pub(super) fn feed_retained(&mut self) {
        while let Some(mut due) = self.retained_due.pop_front() {
            let stopped_at = match self.durable && due.options.qos > 0 {
                true => self.give(&due),
                false => self.feed(&due),
            };
            if let Some(next) = stopped_at {
                due.next = next;
                self.retained_due.push_front(due);
                return;
            }
        }
    }

    /// The figures under `$SYS` that new filters take, which are as good as retained.
    pub(super) fn feed_sys(&self, subscribe: &Subscribe<'_>, codes: &[u8]) {
        let core = &self.core;
        let each = subscribe.filters.iter().zip(codes);
        let asked = each.filter(|((filter, options), code)| {
            let below = filter.strip_prefix(sys::LEVEL);
            let sends = options.retain_handling != RetainHandling::Never;
            below.is_some_and(|below| below.starts_with('/')) && sends && **code < 0x80
        });
        let (identifier, now_us) = (subscribe.identifier(), core.now_us());
        for ((filter, options), _) in asked {
            let figures = sys::figures(core);
            let mut state = self.session.state.lock();
            if !state.is_served_by(&self.link) {
                return;
            }
            let figures = figures
                .iter()
                .filter(|(topic, _)| filter_matches(filter, topic));
            for (topic, figure) in figures {
                let message = LiveMessage {
                    place: 0,
                    topic,
                    payload: figure.as_bytes(),
                };
                let envelope = own(message, true, (core.clock)());
                let parts = [&envelope.header()[..], topic.as_bytes(), figure.as_bytes()];
                let outgoing = Outgoing {
                    qos: options.qos.min(envelope.qos),
                    retain: true,
                    dup: false,
                    packet_id: 0,
                    identifiers: identifier.as_slice(),
                    now_us,
                };
                let offered = Offered {
                    offset: UNLOGGED,
                    envelope: &envelope,
                    record: &parts.concat(),
                };
                match state.outbox.offer(offered, outgoing, &mut None, true) {
                    Offer::Taken { .. } => core.metrics.delivered.inc(),
                    Offer::Dropped(reason) => core.metrics.drop(reason, 1),
                    Offer::Later | Offer::Full => {}
                }
            }
        }
    }

    /// Offers what one filter is due; the topic at which there was no more room.
    fn feed(&self, due: &RetainedDue) -> Option<Box<str>> {
        let core = &self.core;
        let now_us = core.now_us();
        let mut state = self.session.state.lock();
        if !state.is_served_by(&self.link) {
            return None;
        }
        if !state.outbox.is_low() {
            return Some(due.next.clone());
        }
        self.visit(due, now_us, |record, envelope| {
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
            let message = Offered {
                offset: UNLOGGED,
                envelope,
                record,
            };
            match state.outbox.offer(message, outgoing, &mut None, true) {
                Offer::Taken { .. } => core.metrics.delivered.inc(),
                Offer::Dropped(reason) => core.metrics.drop(reason, 1),
                Offer::Later | Offer::Full => return ControlFlow::Break(()),
            }
            ControlFlow::Continue(())
        })
    }

    /// Puts what one filter is due into the log for this session; the topic to go on with.
    fn give(&mut self, due: &RetainedDue) -> Option<Box<str>> {
        {
            let state = self.session.state.lock();
            if !state.is_served_by(&self.link) {
                return None;
            }
            if !state.outbox.is_low() || !state.outbox.has_read_given() {
                return Some(due.next.clone());
            }
        }
        let (clock_us, client) = ((self.core.clock)(), &self.session.client);
        let mut batch = Batch::default();
        let stopped_at = self.visit(due, self.core.now_us(), |record, envelope| {
            if batch.framed().len() >= GIVEN_BYTES {
                return ControlFlow::Break(());
            }
            let given = Event::Given {
                qos: due.options.qos.min(envelope.qos),
                identifier: due.identifier,
                record,
            };
            given.push(&mut batch, client, clock_us);
            ControlFlow::Continue(())
        });
        match batch.is_empty() || self.append_given(&mut batch) {
            true => stopped_at,
            false => Some(due.next.clone()),
        }
    }

    /// Whether the records are on their way; not if the log has no room, or takes nothing more.
    fn append_given(&mut self, batch: &mut Batch) -> bool {
        let core = &self.core;
        let passed = core.progress.passed();
        let mut state = self.session.state.lock();
        if !state.is_served_by(&self.link) {
            return true;
        }
        let last = match core.append_seen(batch, Some(&self.listener)) {
            Ok(last) => last,
            Err(AppendError::Full { .. }) => {
                let (log, link) = (Arc::clone(&core.log), Arc::clone(&self.link));
                tokio::spawn(async move {
                    log.room().await;
                    link.wake();
                });
                return false;
            }
            Err(error) => {
                tracing::error!(%error, "retained messages could not be logged for a session");
                return true;
            }
        };
        core.note_appended(last);
        let end = last.next().0;
        if let Some(durable) = &mut state.durable {
            durable.events_end = end;
        }
        state.outbox.give(end, passed);
        drop(state);
        self.acks.push(0, Due::Given, Reason::SUCCESS);
        self.acks.group(end);
        true
    }

    /// Shows the messages that a filter takes and the client may read, until `found` breaks.
    fn visit(
        &self,
        due: &RetainedDue,
        now_us: u64,
        mut found: impl FnMut(&[u8], &Envelope<'_>) -> ControlFlow<()>,
    ) -> Option<Box<str>> {
        let core = &self.core;
        let visited =
            core.retained.visit(
                &due.filter,
                &due.next,
                now_us,
                |record| match Envelope::read(record) {
                    Ok(envelope) if core.access.may_read(&self.principal, envelope.topic) => {
                        found(record, &envelope)
                    }
                    _ => ControlFlow::Continue(()),
                },
            );
        visited.unwrap_or_else(|error| {
            tracing::error!(%error, "retained messages can't be read");
            None
        })
    }
}
