//! A client comes to its session: in memory, on the disk, or new.

use super::{Attach, Attached, Entrance, Entries, Entry, Refusal, Sessions};
use crate::codec::{Reason, shared_filter};
use crate::notices::Named;
use crate::session::durable::{KeptFilter, KeptWill, Row};
use crate::session::{Durable, Filter, Outbox, Session, SessionState, Share};
use parking_lot::Mutex;
use std::{sync::Arc, sync::atomic::Ordering};

impl Sessions {
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
        // It has ended, or the log has never heard of it.
        let gone = |durable: Durable| durable.ended || durable.generation.is_none();
        let gone = state.durable.is_some_and(gone) || state.trimmed;
        let resumes = !attach.clean_start && !gone;
        if let Some(link) = state.link.take() {
            link.take_over(resumes);
        }
        if resumes {
            let entrance = match &mut state.durable {
                Some(durable) => {
                    durable.events_end = u64::MAX;
                    Entrance::Resumes
                }
                None if attach.durable => {
                    entries.durable += 1;
                    state.durable = Some(Durable::entering());
                    Entrance::Joins
                }
                None => Entrance::Quiet,
            };
            state.link = Some(attach.link);
            state.principal = attach.principal;
            state.named_slow = Named::No;
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
        let entrance = Entrance::anew(attach.durable, before);
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
        if row.is_none() && entries.count(&self.kept) >= self.sessions_max as u64 {
            return Err(Refusal::Because(Reason::QUOTA_EXCEEDED));
        }
        let lasts = |row: &Row| row.ends_us().is_none_or(|ends_us| ends_us > attach.now_us);
        let goes_on = |row: &Row| !attach.clean_start && lasts(row);
        let lost = |row: &Row| row.place.cursor < attach.log_start && row.takes_from_the_log();
        let trimmed = row.as_ref().is_some_and(|row| goes_on(row) && lost(row));
        match row {
            Some(mut row) if goes_on(&row) && !trimmed => {
                let will = row.take_due_will(attach.now_us);
                row.place.pass(attach.log_start);
                let session = self.create(entries, attach, Some(row));
                self.restore_filters(&session);
                Ok(Attached {
                    session,
                    present: true,
                    entrance: Entrance::Resumes,
                    will,
                    trimmed,
                })
            }
            row => {
                let before = row.as_ref().map(|row| row.generation);
                let entrance = Entrance::anew(attach.durable, before);
                let will = row.and_then(Row::into_will);
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
        let durable = (attach.durable || row.is_some()).then(|| Durable {
            generation: row.as_ref().map(|row| row.generation),
            ..Durable::entering()
        });
        let share = Share::of(&self.outgoing);
        let outbox = match &row {
            None => Outbox::new(attach.version, attach.limits, share, attach.position),
            Some(row) => Outbox::kept(attach.version, attach.limits, share, &row.place),
        };
        let row = row.unwrap_or_default();
        let filter = |kept: KeptFilter| {
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
                groups: Vec::new(),
                held: row.held,
                durable,
                catching_up: false,
                trimmed: false,
                named_slow: Named::No,
            }),
        });
        entries.durable += usize::from(durable.is_some());
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
            if shared_filter(&name).is_none() {
                subscriptions.insert(&name, session, filter);
                continue;
            }
            match self.groups.restore(&name, filter.since) {
                Ok(group) => {
                    session.state.lock().join(&group);
                    subscriptions.join(&group, session, filter);
                }
                Err(error) => tracing::error!(%error, "a shared subscription can't be read"),
            }
        }
    }
}
