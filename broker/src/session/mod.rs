//! What a client has beyond its connection: subscriptions and messages for it.

mod message;
mod outbox;
mod sessions;
mod will;

pub(crate) use message::{Outgoing, encode};
pub(crate) use outbox::{Limits, Offer, Outbox};
pub(crate) use sessions::{Attach, Departure, Sessions};
pub(crate) use will::{StoredWill, whole_ms};

use crate::codec::SubscribeOptions;
use crate::identity::Principal;
use crate::link::Link;
use crate::trie::Trie;
use parking_lot::Mutex;
use std::{collections::HashSet, sync::Arc};

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
    pub(crate) filters: HashSet<Box<str>>,
}

/// One filter of one session.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) session: Arc<Session>,
    pub(crate) options: SubscribeOptions,
    pub(crate) identifier: Option<u32>,
    /// Log records before this offset were there before the subscription.
    pub(crate) since: u64,
}

/// All filters of all sessions.
pub(crate) type Subscriptions = Trie<u64, Subscription>;
