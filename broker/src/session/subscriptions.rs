//! Who subscribes to what: the filters of all sessions that are connected.

use super::{Filter, Group, Member, Session};
use crate::trie::Trie;
use std::sync::Arc;

/// One filter of one session, in the tree of all.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) session: Arc<Session>,
    pub(crate) filter: Filter,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    own: Trie<u64, Subscription>,
    /// Filters that several sessions share.
    shared: Trie<u64, Arc<Group>>,
}

impl Subscriptions {
    pub(crate) fn insert(&mut self, name: &str, session: &Arc<Session>, filter: Filter) {
        let session = Arc::clone(session);
        let number = session.number;
        self.own
            .insert(name, number, Subscription { session, filter });
    }

    /// Takes the filter of the session with this number away.
    pub(crate) fn remove(&mut self, name: &str, session: u64) {
        self.own.remove(name, &session);
    }

    pub(crate) fn join(&mut self, group: &Arc<Group>, session: &Arc<Session>, filter: Filter) {
        let session = Arc::clone(session);
        group.join(Member { session, filter });
        let entry = Arc::clone(group);
        self.shared.insert(group.filter(), group.number, entry);
    }

    /// Takes the session with this number out of `group`.
    pub(crate) fn part(&mut self, group: &Arc<Group>, session: u64) {
        if group.part(session) {
            self.shared.remove(group.filter(), &group.number);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.own.is_empty() && self.shared.is_empty()
    }

    /// Filters of single sessions, and shared ones.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.own.len() as u64, self.shared.len() as u64)
    }

    /// Whether any filter may take a topic that begins with the level `first`.
    pub(crate) fn reaches(&self, first: &str) -> bool {
        self.own.reaches(first) || self.shared.reaches(first)
    }

    /// Whether any filter takes the valid `topic`.
    pub(crate) fn any(&self, topic: &str) -> bool {
        self.own.any(topic) || self.shared.any(topic)
    }

    /// Shows the entries of each filter that takes the valid `topic`.
    pub(crate) fn visit<'t>(
        &'t self,
        topic: &str,
        found: &mut impl FnMut(&'t [(u64, Subscription)]),
    ) {
        self.own.visit(topic, found);
    }

    /// Shows each shared subscription that takes the valid `topic`.
    pub(crate) fn visit_groups(&self, topic: &str, found: &mut impl FnMut(&Arc<Group>)) {
        self.shared.visit(topic, &mut |entries| {
            for (_, group) in entries {
                found(group);
            }
        });
    }
}
