//! What a client has beyond its connection: subscriptions and messages for it.

pub(crate) mod durable;
mod hands;
mod message;
mod offer;
mod outbox;
mod sessions;
mod will;

pub(crate) use message::{Outgoing, encode};
pub(crate) use offer::{Limits, Offer, Offered};
pub(crate) use outbox::Outbox;
pub(crate) use sessions::{Attach, Attached, Detached, Entrance, Refusal, Sessions};
pub(crate) use will::{StoredWill, push_kept, whole_ms};

use crate::codec::SubscribeOptions;
use crate::identity::Principal;
use crate::link::Link;
use crate::trie::Trie;
use parking_lot::Mutex;
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

/// One client's session. It outlives its connection if the client asked for that.
#[derive(Debug)]
pub(crate) struct Session {
    /// Tells sessions apart, also two of one client id one after the other.
    pub(crate) number: u64,
    pub(crate) client: Arc<str>,
    pub(crate) state: Mutex<SessionState>,
}

#[derive(Debug)]
pub(crate) struct SessionState {
    /// The connection that serves it now.
    pub(crate) link: Option<Arc<Link>>,
    pub(crate) principal: Arc<Principal>,
    pub(crate) outbox: Outbox,
    pub(crate) filters: HashMap<Box<str>, Filter>,
    /// QoS 2 packet ids of the client that are received and not released.
    pub(crate) held: BTreeSet<u16>,
    /// None if it ends with its connection.
    pub(crate) durable: Option<Durable>,
    /// Whether a catch-up worker has it, or will.
    pub(crate) catching_up: bool,
    /// Whether the log has let go of what it had not got yet.
    pub(crate) trimmed: bool,
    /// Whether the log lines name it as too slow for QoS 0.
    pub(crate) named_slow: bool,
}

/// What a session that outlives its connection has in the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Durable {
    /// The offset of the event that opened or resumed it last.
    pub(crate) generation: Option<u64>,
    /// One past its newest event; `u64::MAX` while one is to come.
    pub(crate) events_end: u64,
    /// Whether that event ends it.
    pub(crate) ended: bool,
}

/// One filter of a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filter {
    pub(crate) options: SubscribeOptions,
    pub(crate) identifier: Option<u32>,
    /// Log records before this offset were there before the subscription.
    pub(crate) since: u64,
}

/// One filter of one session, in the tree of all.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) session: Arc<Session>,
    pub(crate) filter: Filter,
}

/// All filters of all sessions that are connected.
pub(crate) type Subscriptions = Trie<u64, Subscription>;

impl SessionState {
    /// Whether the connection behind `link` serves the session.
    pub(crate) fn is_served_by(&self, link: &Arc<Link>) -> bool {
        self.link
            .as_ref()
            .is_some_and(|held| Arc::ptr_eq(held, link))
    }
}
