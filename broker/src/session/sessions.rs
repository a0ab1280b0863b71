//! All sessions by client id: who takes over from whom, and what outlives a connection.

use super::durable::{Kept, KeptWill, Place, Row, Snapshot};
use super::{
    Durable, Filter, Limits, Outbox, Session, SessionState, StoredWill, Subscription, Subscriptions,
};
use crate::codec::{Reason, Version};
use crate::identity::Principal;
use crate::link::Link;
use parking_lot::{Mutex, RwLock};
use std::{
    collections::HashMap,
    sync::Arc,
    sync::atomic::{AtomicU64, Ordering},
};

/// A client that wants its session.
pub(crate) struct Attach {
    pub(crate) client: Arc<str>,
    pub(crate) clean_start: bool,
    /// Seconds that the session is to go on behind the connection.
    pub(crate) expiry_s: u32,
    pub(crate) version: Version,
    pub(crate) limits: Limits,
    pub(crate) principal: Arc<Principal>,
    pub(crate) link: Arc<Link>,
    /// The broker's time for sessions, µs.
    pub(crate) now_us: u64,
    /// The oldest record of the log.
    pub(crate) log_start: u64,
    /// Where the follower stands.
    pub(crate) position: u64,
}

/// The session that a client got.
pub(crate) struct Attached {
    pub(crate) session: Arc<Session>,
    pub(crate) present: bool,
    pub(crate) entrance: Entrance,
    /// The will of the session that ended by this.
    pub(crate) will: Option<KeptWill>,
    /// Whether the older session ended since the log has let go of its messages.
    pub(crate) trimmed: bool,
}

/// What the log is told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entrance {
    /// Nothing: it is transient.
    Quiet,
    /// That the older session ended, and nothing of the new one.
    Ends { generation: u64 },
    /// A new durable session.
    Opens,
    /// A durable one goes on.
    Resumes,
    /// A transient one is durable from now on.
    Joins,
}

/// Why a client got none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Because(Reason),
    /// Ask again when everything before the offset is folded.
    Wait(u64),
}

/// What a connection left.
pub(crate) enum Detached {
    /// Another connection has the session; it goes on.
    TakenOver,
    /// It ended.
    Transient,
    /// It is kept, or ended, once the log says so.
    Durable {
        generation: Option<u64>,
        place: Place,
        ended: bool,
    },
}

enum Entry {
    Session {
        session: Arc<Session>,
        /// A will that waits while the client is away.
        will: Option<KeptWill>,
    },
    /// Its row is about to change: everything before the offset must be folded first.
    Settling(u64),
}

#[derive(Default)]
struct Entries {
    by_client: HashMap<Arc<str>, Entry>,
    durable: usize,
}

/// See the module.
pub(crate) struct Sessions {
    entries: Mutex<Entries>,
    subscriptions: Arc<RwLock<Subscriptions>>,
    kept: Arc<Kept>,
    number: AtomicU64,
    sessions_max: usize,
}

impl Sessions {
    pub(crate) fn new(
        subscriptions: Arc<RwLock<Subscriptions>>,
        kept: Arc<Kept>,
        sessions_max: usize,
    ) -> Self {
        Self {
            entries: Mutex::default(),
            subscriptions,
            kept,
            number: AtomicU64::new(0),
            sessions_max,
        }
    }

    /// Gives a client its session and ends the connection that had it.
    pub(crate) fn attach(&self, attach: Attach) -> Result<Attached, Refusal> {
        let mut entries = self.entries.lock();
        match entries.by_client.get_mut(&attach.client) {
            Some(Entry::Settling(end)) if *end > self.kept.folded_end() => Err(Refusal::Wait(*end)),
            Some(Entry::Session { session, will }) => {
                let (session, will) = (Arc::clone(session), will.take());
                self.take_over(&mut entries, &session, will, attach)
            }
            _ => self.fetch(&mut entries, attach),
        }
    }

    /// The client has a session in memory.
    fn take_over(
        &self,
        entries: &mut Entries,
        session: &Arc<Session>,
        will: Option<KeptWill>,
        attach: Attach,
    ) -> Result<Attached, Refusal> {
        let mut state = session.state.lock();
        let ended = state.durable.is_some_and(|durable| durable.ended);
        let resumes = !attach.clean_start && !ended && !state.trimmed;
        if let Some(link) = state.link.take() {
            link.take_over(resumes);
        }
        if resumes {
            let entrance = match &mut state.durable {
                Some(durable) => {
                    durable.events_end = u64::MAX;
                    Entrance::Resumes
                }
                None if attach.expiry_s > 0 => {
                    entries.durable += 1;
                    state.durable = Some(Durable::entering());
                    Entrance::Joins
                }
                None => Entrance::Quiet,
            };
            state.link = Some(attach.link);
            state.principal = attach.principal;
            state.named_slow = false;
            state.outbox.resume(attach.version, attach.limits);
            drop(state);
            self.restore_filters(session);
            return Ok(Attached {
                session: Arc::clone(session),
                present: true,
                entrance,
                will: None,
                trimmed: false,
            });
        }
        let before = state.durable.and_then(|durable| durable.generation);
        drop(state);
        self.remove(entries, session);
        let entrance = Entrance::anew(attach.expiry_s, before);
        let session = self.create(entries, attach, None);
        Ok(Attached {
            session,
            present: false,
            entrance,
            will,
            trimmed: false,
        })
    }

    /// The client has no session, or one that is on the disk only.
    fn fetch(&self, entries: &mut Entries, attach: Attach) -> Result<Attached, Refusal> {
        let row = self.kept.row(&attach.client).map_err(|error| {
            tracing::error!(%error, "sessions can't be read");
            Refusal::Because(Reason::SERVER_UNAVAILABLE)
        })?;
        let all = entries.by_client.len() as u64
            + self.kept.rows().saturating_sub(entries.durable as u64);
        if row.is_none() && all >= self.sessions_max as u64 {
            return Err(Refusal::Because(Reason::QUOTA_EXCEEDED));
        }
        let lasts = |row: &Row| row.ends_us().is_none_or(|ends_us| ends_us > attach.now_us);
        let wanted = row.filter(|_| true);
        let goes_on = |row: &Row| !attach.clean_start && lasts(row);
        let trimmed = wanted
            .as_ref()
            .is_some_and(|row| goes_on(row) && row.place.cursor < attach.log_start);
        match wanted {
            Some(row) if goes_on(&row) && !trimmed => {
                let session = self.create(entries, attach, Some(row));
                self.restore_filters(&session);
                Ok(Attached {
                    session,
                    present: true,
                    entrance: Entrance::Resumes,
                    will: None,
                    trimmed,
                })
            }
            row => {
                let before = row.as_ref().map(|row| row.generation);
                let entrance = Entrance::anew(attach.expiry_s, before);
                let will = row.and_then(|row| row.will_due_us().and(row.will));
                Ok(Attached {
                    session: self.create(entries, attach, None),
                    present: false,
                    entrance,
                    will,
                    trimmed,
                })
            }
        }
    }

    fn create(&self, entries: &mut Entries, attach: Attach, row: Option<Row>) -> Arc<Session> {
        let durable = attach.expiry_s > 0 || row.is_some();
        let row_is_none = row.is_none();
        let row = row.unwrap_or_default();
        let mut outbox = match row_is_none {
            true => Outbox::new(attach.version, attach.limits, attach.position),
            false => Outbox::kept(attach.version, attach.limits, &row.place),
        };
        if !row_is_none {
            outbox.resume(attach.version, attach.limits);
        }
        let filter = |kept: super::durable::KeptFilter| {
            let filter = Filter {
                options: kept.options,
                identifier: kept.identifier,
                since: kept.since,
            };
            (kept.name, filter)
        };
        let session = Arc::new(Session {
            number: self.number.fetch_add(1, Ordering::Relaxed),
            client: attach.client,
            state: Mutex::new(SessionState {
                link: Some(attach.link),
                principal: attach.principal,
                outbox,
                filters: row.filters.into_iter().map(filter).collect(),
                held: row.held,
                durable: durable.then(Durable::entering),
                catching_up: false,
                trimmed: false,
                named_slow: false,
            }),
        });
        entries.durable += usize::from(durable);
        let entry = Entry::Session {
            session: Arc::clone(&session),
            will: None,
        };
        entries.by_client.insert(Arc::clone(&session.client), entry);
        session
    }

    fn restore_filters(&self, session: &Arc<Session>) {
        let filters: Vec<_> = {
            let state = session.state.lock();
            let each = state.filters.iter();
            each.map(|(name, filter)| (name.clone(), *filter)).collect()
        };
        if filters.is_empty() {
            return;
        }
        let mut subscriptions = self.subscriptions.write();
        for (name, filter) in filters {
            let session = Arc::clone(session);
            let number = session.number;
            subscriptions.insert(&name, number, Subscription { session, filter });
        }
    }

    /// A connection leaves its session. The fan-out has given it everything before `passed`;
    /// `expiry_s` is for how long the session goes on, and `will` waits meanwhile.
    pub(crate) fn detach(
        &self,
        session: &Arc<Session>,
        link: &Arc<Link>,
        expiry_s: u32,
        will: Option<&StoredWill>,
        passed: u64,
    ) -> Detached {
        let mut entries = self.entries.lock();
        let mut state = session.state.lock();
        if !state.is_served_by(link) {
            return Detached::TakenOver;
        }
        state.link = None;
        let place = state.outbox.place(passed);
        state.outbox.leave();
        let ends = expiry_s == 0 || state.trimmed;
        let Some(durable) = &mut state.durable else {
            drop(state);
            self.remove(&mut entries, session);
            return Detached::Transient;
        };
        durable.events_end = u64::MAX;
        durable.ended = ends;
        let generation = durable.generation;
        drop(state);
        self.forget_filters(session);
        if let Some(Entry::Session { will: waits, .. }) = entries.by_client.get_mut(&session.client)
        {
            *waits = will.filter(|_| !ends).map(StoredWill::kept);
        }
        if generation.is_none() {
            // The log has never heard of it.
            self.remove(&mut entries, session);
        }
        Detached::Durable {
            generation,
            place,
            ended: ends,
        }
    }

    /// What a connection left behind is in the log, before `end`.
    pub(crate) fn departed(&self, session: &Session, generation: u64, end: u64) {
        let mut state = session.state.lock();
        let away = state.link.is_none();
        if let Some(durable) = &mut state.durable
            && away
            && durable.generation == Some(generation)
        {
            durable.events_end = end;
        }
    }

    /// Drops from memory whoever is away and on the disk.
    pub(crate) fn let_go(&self) {
        let folded_end = self.kept.folded_end();
        let mut entries = self.entries.lock();
        let mut durable = entries.durable;
        entries.by_client.retain(|_, entry| {
            let session = match entry {
                Entry::Settling(end) => return *end > folded_end,
                Entry::Session { session, .. } => session,
            };
            let state = session.state.lock();
            let kept = state.link.is_some()
                || state
                    .durable
                    .is_none_or(|durable| durable.events_end > folded_end);
            durable -= usize::from(!kept);
            kept
        });
        entries.durable = durable;
        if entries.by_client.is_empty() {
            entries.by_client = HashMap::new();
        }
    }

    /// Lets `append` tell the log something about a client that is away and on the disk only;
    /// gives it the row and takes the offset behind what it appended.
    pub(crate) fn settle(
        &self,
        client: &str,
        append: impl FnOnce(&Row) -> Option<u64>,
    ) -> Result<(), nhip_database::Error> {
        let mut entries = self.entries.lock();
        if entries.by_client.contains_key(client) {
            return Ok(());
        }
        if let Some(row) = self.kept.row(client)?
            && let Some(end) = append(&row)
        {
            entries
                .by_client
                .insert(client.into(), Entry::Settling(end));
        }
        Ok(())
    }

    /// Every connection that serves a session now.
    pub(crate) fn links(&self) -> Vec<Arc<Link>> {
        let link = |session: &Arc<Session>| session.state.lock().link.clone();
        self.all().iter().filter_map(link).collect()
    }

    /// Every session in memory.
    pub(crate) fn all(&self) -> Vec<Arc<Session>> {
        let entries = self.entries.lock();
        let session = |entry: &Entry| match entry {
            Entry::Session { session, .. } => Some(Arc::clone(session)),
            Entry::Settling(_) => None,
        };
        entries.by_client.values().filter_map(session).collect()
    }

    /// Where connected durable sessions stand, as far as all their events are before
    /// `folded_end`; the fan-out has given them everything before `passed`.
    pub(crate) fn snapshots(&self, folded_end: u64, passed: u64) -> Vec<Snapshot> {
        let snapshot = |session: Arc<Session>| {
            let mut state = session.state.lock();
            let durable = state.durable?;
            let known = state.link.is_some() && durable.events_end <= folded_end;
            Some(Snapshot {
                client: Arc::clone(&session.client),
                generation: durable.generation.filter(|_| known)?,
                place: state.outbox.place(passed),
            })
        };
        self.all().into_iter().filter_map(snapshot).collect()
    }

    fn remove(&self, entries: &mut Entries, session: &Session) {
        entries.by_client.remove(&session.client);
        entries.durable -= usize::from(session.state.lock().durable.is_some());
        self.forget_filters(session);
        session.state.lock().filters.clear();
    }

    fn forget_filters(&self, session: &Session) {
        let names: Vec<_> = session.state.lock().filters.keys().cloned().collect();
        if names.is_empty() {
            return;
        }
        let mut subscriptions = self.subscriptions.write();
        for name in names {
            subscriptions.remove(&name, &session.number);
        }
    }
}

impl Entrance {
    fn anew(expiry_s: u32, before: Option<u64>) -> Self {
        match before {
            _ if expiry_s > 0 => Self::Opens,
            Some(generation) => Self::Ends { generation },
            None => Self::Quiet,
        }
    }
}

impl Durable {
    fn entering() -> Self {
        Self {
            generation: None,
            events_end: u64::MAX,
            ended: false,
        }
    }
}
