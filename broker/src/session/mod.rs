//! What a client has beyond its connection: subscriptions and messages for it.

pub(crate) mod durable;
mod hands;
mod message;
mod offer;
mod outbox;
mod sessions;
mod share;
mod shared;
mod subscriptions;
mod will;

pub(crate) use message::{Outgoing, Reader, encode};
pub(crate) use offer::{Limits, Offer, Offered};
pub(crate) use outbox::Outbox;
pub(crate) use sessions::{Attach, Attached, Detached, Entrance, Refusal, Sessions};
pub(crate) use share::{Pool, Share};
pub(crate) use shared::{Due, Given, Group, Groups, Member, QOS_MAX, Reservation};
pub(crate) use subscriptions::{Subscription, Subscriptions};
pub(crate) use will::{StoredWill, push_kept, whole_ms};

use crate::codec::{SubscribeOptions, shared_filter};
use crate::identity::Principal;
use crate::link::Link;
use crate::notices::Named;
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
    /// Where it takes its turn while its client is connected.
    pub(crate) groups: Vec<Arc<Group>>,
    /// QoS 2 packet ids of the client that are received and not released.
    pub(crate) held: BTreeSet<u16>,
    /// None if it ends with its connection and has no will.
    pub(crate) durable: Option<Durable>,
    /// Whether a catch-up worker has it, or will.
    pub(crate) catching_up: bool,
    /// Whether the log has let go of what it had not got yet.
    pub(crate) trimmed: bool,
    /// Whether the log lines name it as too slow for QoS 0.
    pub(crate) named_slow: Named,
}

/// What a session that a crash must not lose, or whose will it must not lose, has in the log.
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

impl SessionState {
    /// Takes its turn in `group`.
    pub(crate) fn join(&mut self, group: &Arc<Group>) {
        self.part(&group.name);
        self.groups.push(Arc::clone(group));
    }

    /// Takes its turn no more in the group of this name; gives it back.
    pub(crate) fn part(&mut self, name: &str) -> Option<Arc<Group>> {
        let at = self.groups.iter().position(|held| *held.name == *name)?;
        Some(self.groups.swap_remove(at))
    }

    /// Its client may have room for more of what it shares with others.
    pub(crate) fn look_at_groups(&self) {
        if !self.groups.is_empty() && self.outbox.may_share() {
            for group in &self.groups {
                group.look();
            }
        }
    }

    /// Whether messages of the log from its cursor on may be for it.
    pub(crate) fn takes_from_the_log(&self) -> bool {
        let mut filters = self.filters.iter();
        filters.any(|(name, filter)| filter.options.qos > 0 && shared_filter(name).is_none())
    }

    /// Whether the connection behind `link` serves the session.
    pub(crate) fn is_served_by(&self, link: &Arc<Link>) -> bool {
        self.link
            .as_ref()
            .is_some_and(|held| Arc::ptr_eq(held, link))
    }
}
