//! One stretch of the log for a session that is behind.

use super::COMMIT;
use crate::codec::{Reason, shared_filter};
use crate::core::Core;
use crate::identity::Principal;
use crate::session::durable::Event;
use crate::session::{Filter, Offer, Offered, Outgoing, Session, SessionState};
use crate::trie::Trie;
use nhip_log::{Offset, ReadError, Records};
use nhip_wire::envelope::{Envelope, Kind};
use std::{ops::Range, sync::Arc};

/// Gives `session` what one stretch has for it.
pub(super) fn run(core: &Core, session: &Arc<Session>, records: &mut Records) {
    let served = serve(core, session, records);
    session.state.lock().catching_up = false;
    match served {
        Ok(()) => {}
        Err(ReadError::Trimmed { start, .. }) => pass_or_give_up(core, session, start),
        Err(error) => super::failed(core, &error),
    }
    core.catch_up.look_at(session);
}

fn serve(core: &Core, session: &Arc<Session>, records: &mut Records) -> Result<(), ReadError> {
    let Some(from) = wants(&session.state.lock()) else {
        return Ok(());
    };
    let Some(mut reader) = super::reader(core, from)? else {
        return Ok(());
    };
    reader.read(records, super::READ_BYTES)?;
    let filled = fill(core, session, records, from..reader.position().0);
    if filled && records.is_empty() {
        // It has read all there is; what the follower reads from here on comes by the fan-out.
        let live = {
            let (_fold, position) = core.progress.hold();
            session.state.lock().outbox.go_live(position)
        };
        if !live {
            core.log.wait(Offset(from), COMMIT);
        }
    }
    Ok(())
}

/// The offset to read from for a session whose client is here.
fn wants(state: &SessionState) -> Option<u64> {
    state.outbox.wants().filter(|_| state.link.is_some())
}

/// Gives the session what is for it of the stretch, as long as it has room; says whether it had.
fn fill(core: &Core, session: &Arc<Session>, records: &Records, stretch: Range<u64>) -> bool {
    let now_us = core.now_us();
    let mut state = session.state.lock();
    // Its client may have come again while the log was read: then it is further back.
    if wants(&state) != Some(stretch.start) {
        return false;
    }
    let reading = Reading::new(core, session, &state);
    let (mut wake, mut filled, mut delivered) = (false, true, 0);
    for (offset, record) in records.iter() {
        let Ok(envelope) = Envelope::read(record) else {
            continue;
        };
        let Some(wanted) = reading.take(offset.0, record, &envelope) else {
            continue;
        };
        let Ok(inner) = Envelope::read(wanted.record) else {
            continue;
        };
        let message = Offered {
            offset: offset.0,
            envelope: &inner,
            record: wanted.record,
        };
        match state.outbox.fill(message, wanted.outgoing(now_us)) {
            Offer::Taken { wake: first } => {
                wake |= first;
                delivered += 1;
            }
            Offer::Full => {
                filled = false;
                break;
            }
            Offer::Dropped(_) | Offer::Later => {}
        }
    }
    if filled {
        state.outbox.pass(stretch.end);
    }
    state.outbox.count_drops(&core.metrics);
    core.metrics.delivered.inc_by(delivered);
    if let Some(link) = state.link.as_ref().filter(|_| wake) {
        link.wake();
    }
    filled
}

struct Reading<'a> {
    core: &'a Core,
    session: &'a Arc<Session>,
    filters: Trie<usize, Filter>,
    principal: Arc<Principal>,
}

impl<'a> Reading<'a> {
    fn new(core: &'a Core, session: &'a Arc<Session>, state: &SessionState) -> Self {
        let mut filters = Trie::default();
        let own = state
            .filters
            .iter()
            .filter(|(name, _)| shared_filter(name).is_none());
        for (number, (name, filter)) in own.enumerate() {
            filters.insert(name, number, *filter);
        }
        Self {
            core,
            session,
            filters,
            principal: Arc::clone(&state.principal),
        }
    }

    /// How the session takes a record of the log, if it does.
    fn take<'r>(
        &self,
        offset: u64,
        record: &'r [u8],
        envelope: &Envelope<'r>,
    ) -> Option<Wanted<'r>> {
        match envelope.kind {
            Kind::Published => self.match_filters(offset, record, envelope),
            Kind::Session if *envelope.client == *self.session.client => {
                match Event::read(envelope.payload)? {
                    Event::Given {
                        qos,
                        identifier,
                        record,
                    } => Some(Wanted {
                        record,
                        qos,
                        retain: true,
                        identifiers: identifier.into_iter().collect(),
                    }),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn match_filters<'r>(
        &self,
        offset: u64,
        record: &'r [u8],
        envelope: &Envelope<'r>,
    ) -> Option<Wanted<'r>> {
        let mut qos = None;
        let mut as_published = false;
        let mut identifiers = Vec::new();
        let own = *envelope.client == *self.session.client;
        self.filters.visit(envelope.topic, &mut |entries| {
            for (_, filter) in entries {
                if offset >= filter.since && !(filter.options.no_local && own) {
                    qos = qos.max(Some(filter.options.qos));
                    as_published |= filter.options.retain_as_published;
                    identifiers.extend(filter.identifier);
                }
            }
        });
        let qos = qos?.min(envelope.qos);
        let wanted = qos > 0 && self.core.access.may_read(&self.principal, envelope.topic);
        wanted.then_some(Wanted {
            record,
            qos,
            retain: envelope.retain && as_published,
            identifiers,
        })
    }
}

struct Wanted<'r> {
    record: &'r [u8],
    qos: u8,
    retain: bool,
    identifiers: Vec<u32>,
}

impl Wanted<'_> {
    fn outgoing(&self, now_us: u64) -> Outgoing<'_> {
        Outgoing {
            qos: self.qos,
            retain: self.retain,
            dup: false,
            packet_id: 0,
            identifiers: &self.identifiers,
            now_us,
        }
    }
}

/// The log has let go of what the session had not got, if there was anything for it.
fn pass_or_give_up(core: &Core, session: &Session, start: Offset) {
    let mut state = session.state.lock();
    if !state.takes_from_the_log() {
        return state.outbox.pass(start.0);
    }
    state.trimmed = true;
    core.metrics.sessions_trimmed.inc();
    core.notices.trimmed(&session.client);
    if let Some(link) = &state.link {
        link.close(Reason::QUOTA_EXCEEDED);
    }
}
