//! A client leaves its session, which is then on the disk or nowhere.

use super::{Detached, Entries, Entry, Sessions};
use crate::link::Link;
use crate::session::{Session, StoredWill};
use std::{collections::HashMap, sync::Arc};

impl Sessions {
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

    pub(super) fn remove(&self, entries: &mut Entries, session: &Session) {
        entries.by_client.remove(&session.client);
        entries.durable -= usize::from(session.state.lock().durable.is_some());
        self.forget_filters(session);
        session.state.lock().outbox.leave();
        session.state.lock().filters.clear();
    }

    fn forget_filters(&self, session: &Session) {
        let (names, groups) = {
            let mut state = session.state.lock();
            let groups = std::mem::take(&mut state.groups);
            (state.filters.keys().cloned().collect::<Vec<_>>(), groups)
        };
        if names.is_empty() && groups.is_empty() {
            return;
        }
        let mut subscriptions = self.subscriptions.write();
        for name in names {
            subscriptions.remove(&name, session.number);
        }
        for group in groups {
            subscriptions.part(&group, session.number);
        }
    }
}
