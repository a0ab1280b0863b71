//! Serves sessions that are behind from the log, so that being behind costs no memory
//! (`docs/sessions.md`).

use crate::codec::Reason;
use crate::core::Core;
use crate::identity::Principal;
use crate::session::durable::Event;
use crate::session::{Filter, Offer, Offered, Outgoing, Session};
use crate::trie::Trie;
use nhip_log::{Offset, ReadError, Records};
use nhip_wire::envelope::{Envelope, Kind};
use parking_lot::{Condvar, Mutex};
use std::{collections::VecDeque, io, sync::Arc, thread::JoinHandle, time::Duration};

/// What is read of the log for one session before it is another's turn.
const READ_BYTES: usize = 256 << 10;
/// How long it waits for what is queued in the log for a session.
const COMMIT: Duration = Duration::from_millis(5);
/// Before the log is tried again after it could not be read.
const RETRY: Duration = Duration::from_secs(1);

/// Sessions that wait for a worker, each at most once.
#[derive(Default)]
pub(crate) struct CatchUp {
    queue: Mutex<Queue>,
    work: Condvar,
}

#[derive(Default)]
struct Queue {
    sessions: VecDeque<Arc<Session>>,
    stopped: bool,
}

impl CatchUp {
    /// Has `session` served, if it is behind and has room.
    pub(crate) fn look_at(&self, session: &Arc<Session>) {
        let mut state = session.state.lock();
        let wanted = state.link.is_some() && !state.trimmed && state.outbox.wants().is_some();
        if wanted && !state.catching_up {
            state.catching_up = true;
            drop(state);
            self.queue.lock().sessions.push_back(Arc::clone(session));
            self.work.notify_one();
        }
    }

    pub(crate) fn stop(&self) {
        self.queue.lock().stopped = true;
        self.work.notify_all();
    }

    fn next(&self) -> Option<Arc<Session>> {
        let mut queue = self.queue.lock();
        loop {
            if queue.stopped {
                return None;
            }
            if let Some(session) = queue.sessions.pop_front() {
                return Some(session);
            }
            self.work.wait(&mut queue);
        }
    }

    fn pause(&self) {
        let mut queue = self.queue.lock();
        if !queue.stopped {
            self.work.wait_for(&mut queue, RETRY);
        }
    }
}

/// Starts `workers` threads that end with [`CatchUp::stop`].
pub(crate) fn start(core: &Arc<Core>, workers: usize) -> io::Result<Vec<JoinHandle<()>>> {
    let start = |number: usize| {
        let core = Arc::clone(core);
        std::thread::Builder::new()
            .name(format!("nhip-catch-up-{number}"))
            .spawn(move || run(&core))
    };
    (0..workers.max(1)).map(start).collect()
}

fn run(core: &Core) {
    let mut records = Records::default();
    while let Some(session) = core.catch_up.next() {
        let served = serve(core, &session, &mut records);
        session.state.lock().catching_up = false;
        match served {
            Ok(()) => {}
            Err(ReadError::Trimmed { .. }) => give_up(core, &session),
            Err(error) => {
                tracing::error!(%error, "a session that is behind can't be served from the log");
                core.catch_up.pause();
            }
        }
        core.catch_up.look_at(&session);
    }
}

/// Reads one stretch of the log for `session`.
fn serve(core: &Core, session: &Arc<Session>, records: &mut Records) -> Result<(), ReadError> {
    let (from, filters, principal) = {
        let state = session.state.lock();
        let Some(from) = state.outbox.wants().filter(|_| state.link.is_some()) else {
            return Ok(());
        };
        let mut filters = Trie::default();
        for (number, (name, filter)) in state.filters.iter().enumerate() {
            filters.insert(name, number, *filter);
        }
        (from, filters, Arc::clone(&state.principal))
    };
    let mut reader = match core.log.reader(Offset(from)) {
        // Nothing is durable there yet.
        Err(ReadError::Beyond { .. }) => {
            core.log.wait(Offset(from), COMMIT);
            return Ok(());
        }
        reader => reader?,
    };
    reader.read(records, READ_BYTES)?;
    let reading = Reading {
        core,
        session,
        filters,
        principal,
    };
    let filled = reading.fill(records, reader.position().0);
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

struct Reading<'a> {
    core: &'a Core,
    session: &'a Arc<Session>,
    filters: Trie<usize, Filter>,
    principal: Arc<Principal>,
}

impl Reading<'_> {
    /// Gives the session what is for it, as long as it has room; says whether it had.
    fn fill(&self, records: &Records, end: u64) -> bool {
        let now_us = self.core.now_us();
        let mut state = self.session.state.lock();
        let state = &mut *state;
        let (mut wake, mut filled, mut delivered) = (false, true, 0);
        for (offset, record) in records.iter() {
            let Ok(envelope) = Envelope::read(record) else {
                continue;
            };
            let offered = match self.take(offset.0, record, &envelope) {
                Some(wanted) => wanted,
                None => continue,
            };
            let Ok(inner) = Envelope::read(offered.record) else {
                continue;
            };
            let outgoing = Outgoing {
                qos: offered.qos,
                retain: offered.retain,
                dup: false,
                packet_id: 0,
                identifiers: &offered.identifiers,
                now_us,
            };
            let message = Offered {
                offset: offset.0,
                envelope: &inner,
                record: offered.record,
            };
            match state.outbox.fill(message, outgoing) {
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
            state.outbox.pass(end);
        }
        self.core.metrics.delivered.inc_by(delivered);
        if let Some(link) = state.link.as_ref().filter(|_| wake) {
            link.wake();
        }
        filled
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

/// The log has let go of what the session had not got.
fn give_up(core: &Core, session: &Session) {
    let mut state = session.state.lock();
    state.trimmed = true;
    core.metrics.sessions_trimmed.inc();
    core.notices.trimmed(&session.client);
    if let Some(link) = &state.link {
        link.close(Reason::QUOTA_EXCEEDED);
    }
}
