//! All sessions by client id: who takes over from whom, and what outlives a connection.

use super::{Limits, Outbox, Session, SessionState, StoredWill, Subscriptions};
use crate::codec::{Reason, Version};
use crate::identity::Principal;
use crate::link::Link;
use parking_lot::{Mutex, RwLock};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    sync::atomic::{AtomicU64, Ordering},
};

/// A client that wants its session.
pub(crate) struct Attach {
    pub(crate) client: Arc<str>,
    pub(crate) clean_start: bool,
    pub(crate) version: Version,
    pub(crate) limits: Limits,
    pub(crate) principal: Arc<Principal>,
    pub(crate) link: Arc<Link>,
    pub(crate) now_us: u64,
}

/// The session that a client got.
pub(crate) struct Attached {
    pub(crate) session: Arc<Session>,
    pub(crate) present: bool,
    /// The will of the session that ended by this.
    pub(crate) will: Option<StoredWill>,
}

/// How a connection leaves its session.
pub(crate) struct Departure {
    /// Seconds that the session goes on; 0 ends it.
    pub(crate) expiry_s: u32,
    /// The will to publish, if the client was lost.
    pub(crate) will: Option<StoredWill>,
}

struct Entry {
    session: Arc<Session>,
    /// The second at which it ends; none while it is connected.
    ends_tick: Option<u64>,
    /// A will that waits, and the second at which it is due.
    will: Option<(u64, StoredWill)>,
}

/// See the module.
pub(crate) struct Sessions {
    entries: Mutex<HashMap<Arc<str>, Entry>>,
    subscriptions: Arc<RwLock<Subscriptions>>,
    number: AtomicU64,
    sessions_max: usize,
}

impl Sessions {
    pub(crate) fn new(subscriptions: Arc<RwLock<Subscriptions>>, sessions_max: usize) -> Self {
        Self {
            entries: Mutex::new(HashMap::new()),
            subscriptions,
            number: AtomicU64::new(0),
            sessions_max,
        }
    }

    /// Gives a client its session and ends the connection that had it.
    pub(crate) fn attach(&self, attach: Attach) -> Result<Attached, Reason> {
        let mut entries = self.entries.lock();
        let held = entries.get_mut(&attach.client);
        let resumes = held.is_some() && !attach.clean_start;
        if held.is_none() && entries.len() >= self.sessions_max {
            return Err(Reason::QUOTA_EXCEEDED);
        }
        let mut will = None;
        if let Some(entry) = entries.get_mut(&attach.client) {
            if let Some(link) = entry.session.state.lock().link.take() {
                link.take_over(resumes);
            }
            if resumes {
                entry.will = None;
                entry.ends_tick = None;
                let session = Arc::clone(&entry.session);
                drop(entries);
                let mut state = session.state.lock();
                state.link = Some(attach.link);
                state.principal = attach.principal;
                let SessionState { outbox, .. } = &mut *state;
                outbox.resume(attach.version, attach.limits, attach.now_us);
                drop(state);
                return Ok(Attached {
                    session,
                    present: true,
                    will: None,
                });
            }
            will = entry.will.take().map(|(_, will)| will);
            self.forget(&entry.session);
        }
        let session = self.create(attach);
        let entry = Entry {
            session: Arc::clone(&session),
            ends_tick: None,
            will: None,
        };
        entries.insert(Arc::clone(&session.client), entry);
        Ok(Attached {
            session,
            present: false,
            will,
        })
    }

    fn create(&self, attach: Attach) -> Arc<Session> {
        Arc::new(Session {
            number: self.number.fetch_add(1, Ordering::Relaxed),
            client: attach.client,
            state: Mutex::new(SessionState {
                link: Some(attach.link),
                principal: attach.principal,
                outbox: Outbox::new(attach.version, attach.limits),
                filters: HashSet::new(),
            }),
        })
    }

    /// A connection leaves its session; gives back the will that is due at once.
    pub(crate) fn detach(
        &self,
        session: &Arc<Session>,
        link: &Arc<Link>,
        departure: Departure,
        tick: u64,
    ) -> Option<StoredWill> {
        let mut entries = self.entries.lock();
        let ours = {
            let mut state = session.state.lock();
            let ours = state
                .link
                .as_ref()
                .is_some_and(|held| Arc::ptr_eq(held, link));
            if ours {
                state.link = None;
            }
            ours
        };
        if !ours {
            // Taken over: a will that waits is off if the session goes on (MQTT-3.1.3-9).
            let waits = link.resumed() && departure.will.as_ref().is_some_and(|w| w.delay_s > 0);
            return departure.will.filter(|_| !waits);
        }
        if departure.expiry_s == 0 {
            entries.remove(&session.client);
            self.forget(session);
            return departure.will;
        }
        let entry = entries.get_mut(&session.client)?;
        // One more: part of the running second is over already.
        let tick_in = |seconds: u32| tick + u64::from(seconds) + 1;
        entry.ends_tick = Some(tick_in(departure.expiry_s));
        match departure.will {
            Some(will) if will.delay_s > 0 => {
                let due_s = will.delay_s.min(departure.expiry_s);
                entry.will = Some((tick_in(due_s), will));
                None
            }
            will => will,
        }
    }

    /// Ends sessions whose time is over; gives back the wills that are due.
    pub(crate) fn sweep(&self, tick: u64) -> Vec<StoredWill> {
        let mut due = Vec::new();
        self.entries.lock().retain(|_, entry| {
            if entry.will.as_ref().is_some_and(|(at, _)| *at <= tick) {
                due.extend(entry.will.take().map(|(_, will)| will));
            }
            let ended = entry.ends_tick.is_some_and(|at| at <= tick);
            if ended {
                self.forget(&entry.session);
            }
            !ended
        });
        due
    }

    /// Every connection that serves a session now.
    pub(crate) fn links(&self) -> Vec<Arc<Link>> {
        let entries = self.entries.lock();
        let link = |entry: &Entry| entry.session.state.lock().link.clone();
        entries.values().filter_map(link).collect()
    }

    fn forget(&self, session: &Session) {
        let filters = std::mem::take(&mut session.state.lock().filters);
        if filters.is_empty() {
            return;
        }
        let mut subscriptions = self.subscriptions.write();
        for filter in filters {
            subscriptions.remove(&filter, &session.number);
        }
    }
}
