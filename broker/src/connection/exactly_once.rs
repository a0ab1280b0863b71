//! QoS 2 in both directions. What a packet changes in the session is changed when the log has
//! taken its record, and the answer follows the commit (`docs/sessions.md`).

use super::acks::Due;
use super::{ClientStream, Connection, End};
use crate::codec::{Ack, Reason};
use crate::fanout::UNLOGGED;
use crate::session::SessionState;
use crate::session::durable::Event;
use nhip_log::{AppendError, Batch, Offset};
use std::collections::HashMap;

/// A change of the session that waits for the append of its record.
#[derive(Clone, Copy, Debug)]
enum Change {
    Held(u16),
    Released(u16),
    Received(u16),
    Refused(u16),
    Completed(u16),
}

/// Changes of one read.
#[derive(Debug, Default)]
pub(super) struct Changes {
    list: Vec<Change>,
    /// Packet ids of the client that these changes hold or release.
    held: HashMap<u16, bool>,
    /// How many of the records to append are events.
    events: u32,
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn events(&self) -> u32 {
        self.events
    }

    pub(super) fn hold(&mut self, packet_id: u16) {
        self.list.push(Change::Held(packet_id));
        self.held.insert(packet_id, true);
    }

    fn apply(&mut self, state: &mut SessionState, now_us: u64) {
        for change in self.list.drain(..) {
            match change {
                Change::Held(id) => {
                    state.held.insert(id);
                }
                Change::Released(id) => {
                    state.held.remove(&id);
                }
                Change::Received(id) => state.outbox.received(id),
                Change::Refused(id) => {
                    state.outbox.acknowledged(id, 2, || now_us);
                }
                Change::Completed(id) => state.outbox.completed(id, || now_us),
            }
        }
        self.forget();
    }

    /// They have not happened.
    pub(super) fn forget(&mut self) {
        self.list = Vec::new();
        self.held = HashMap::new();
        self.events = 0;
    }
}

impl<S: ClientStream> Connection<S> {
    /// Whether a PUBLISH with this id was received and not released.
    pub(super) fn is_held(&self, packet_id: u16) -> bool {
        match self.changes.held.get(&packet_id) {
            Some(held) => *held,
            None => self.session.state.lock().held.contains(&packet_id),
        }
    }

    pub(super) fn released(&mut self, ack: &Ack<'_>, batch: &mut Batch) {
        let id = ack.packet_id;
        if !self.is_held(id) {
            let unknown = Reason::PACKET_IDENTIFIER_NOT_FOUND;
            return self.acks.push(id, Due::Pubcomp, unknown);
        }
        self.changes.list.push(Change::Released(id));
        self.changes.held.insert(id, false);
        self.log_event(&Event::Released(id), batch);
        self.acks.push(id, Due::Pubcomp, Reason::SUCCESS);
    }

    pub(super) fn received(&mut self, ack: &Ack<'_>, batch: &mut Batch) {
        let id = ack.packet_id;
        let state = self.session.state.lock();
        if !state.is_served_by(&self.link) {
            return;
        }
        let (receiving, completing) = (state.outbox.receiving(id), state.outbox.completing(id));
        let cursor = state.outbox.cursor();
        drop(state);
        if ack.reason.is_error() {
            return self.refused(id, receiving, cursor, batch);
        }
        let Some(offset) = receiving else {
            let reason = match completing {
                Some(_) => Reason::SUCCESS,
                None => Reason::PACKET_IDENTIFIER_NOT_FOUND,
            };
            return self.acks.push(id, Due::Pubrel, reason);
        };
        self.changes.list.push(Change::Received(id));
        if offset != UNLOGGED {
            self.log_event(&Event::Received { offset, cursor }, batch);
        }
        self.acks.push(id, Due::Pubrel, Reason::SUCCESS);
    }

    /// The client doesn't take the message, now or after a crash: there is nothing to release.
    fn refused(&mut self, id: u16, receiving: Option<u64>, cursor: u64, batch: &mut Batch) {
        let Some(offset) = receiving else {
            return;
        };
        self.changes.list.push(Change::Refused(id));
        if offset != UNLOGGED {
            self.log_event(&Event::Received { offset, cursor }, batch);
            self.log_event(&Event::Completed { offset }, batch);
        }
    }

    pub(super) fn completed(&mut self, ack: &Ack<'_>, batch: &mut Batch) {
        let id = ack.packet_id;
        let completing = self.session.state.lock().outbox.completing(id);
        let Some(offset) = completing else {
            return;
        };
        self.changes.list.push(Change::Completed(id));
        if offset != UNLOGGED {
            self.log_event(&Event::Completed { offset }, batch);
        }
        self.acks.push(id, Due::Free, Reason::SUCCESS);
    }

    fn log_event(&mut self, event: &Event<'_>, batch: &mut Batch) {
        if self.durable {
            event.push(batch, &self.session.client, (self.core.clock)());
            self.changes.events += 1;
            self.retains = true;
        }
    }

    /// Appends a batch with what changes the session, if the session is still ours: another
    /// connection of the client must find it as the log has it.
    pub(super) fn append_changes(
        &mut self,
        batch: &mut Batch,
    ) -> Result<Option<Offset>, AppendError> {
        let core = &self.core;
        let mut state = self.session.state.lock();
        if !state.is_served_by(&self.link) {
            batch.clear();
            self.changes.forget();
            self.acks.forget_loose();
            return Ok(None);
        }
        let listener = self.listener(batch.framed().len());
        let last = core.append_seen(batch, listener)?;
        let events_end = last.next().0;
        if let Some(durable) = &mut state.durable {
            durable.events_end = events_end;
        }
        self.changes.apply(&mut state, core.now_us());
        Ok(Some(last))
    }

    /// Changes of a transient session that need no record.
    pub(super) fn apply_changes(&mut self) -> Result<(), End> {
        let mut state = self.session.state.lock();
        if !state.is_served_by(&self.link) {
            return Err(End::Closed(Reason::SESSION_TAKEN_OVER));
        }
        self.changes.apply(&mut state, self.core.now_us());
        Ok(())
    }

    pub(super) fn free(&mut self, ids: &[u16]) {
        let mut state = self.session.state.lock();
        if !state.is_served_by(&self.link) {
            return;
        }
        for id in ids {
            state.outbox.free(*id, || self.core.now_us());
        }
    }
}
