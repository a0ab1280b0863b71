//! All sessions by client id: who takes over from whom, and what outlives a connection.

mod attach;
mod leave;

use super::durable::{Kept, KeptWill, Place, Row, Snapshot};
use super::{Durable, Groups, Limits, Pool, Session, Subscriptions};
use crate::catch_up::CatchUp;
use crate::codec::{Reason, Version};
use crate::identity::Principal;
use crate::link::Link;
use parking_lot::{Mutex, RwLock};
use std::{collections::HashMap, sync::Arc, sync::atomic::AtomicU64};

/// A client that wants its session.
pub(crate) struct Attach {
    pub(crate) client: Arc<str>,
    pub(crate) clean_start: bool,
    /// Whether the log is to know of the session.
    pub(crate) durable: bool,
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

impl Entries {
    fn count(&self, kept: &Kept) -> u64 {
        self.by_client.len() as u64 + kept.rows().saturating_sub(self.durable as u64)
    }
}

/// See the module.
pub(crate) struct Sessions {
    entries: Mutex<Entries>,
    subscriptions: Arc<RwLock<Subscriptions>>,
    /// The shared subscriptions.
    pub(crate) groups: Groups,
    kept: Arc<Kept>,
    outgoing: Arc<Pool>,
    number: AtomicU64,
    sessions_max: usize,
}

impl Sessions {
    pub(crate) fn new(
        subscriptions: Arc<RwLock<Subscriptions>>,
        kept: Arc<Kept>,
        catch_up: Arc<CatchUp>,
        outgoing: Arc<Pool>,
        sessions_max: usize,
    ) -> Self {
        Self {
            entries: Mutex::default(),
            subscriptions,
            groups: Groups::new(Arc::clone(&kept), catch_up),
            kept,
            outgoing,
            number: AtomicU64::new(0),
            sessions_max,
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

    /// How many sessions there are, on the disk too.
    pub(crate) fn count(&self) -> u64 {
        self.entries.lock().count(&self.kept)
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
}

impl Entrance {
    fn anew(durable: bool, before: Option<u64>) -> Self {
        match before {
            _ if durable => Self::Opens,
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
