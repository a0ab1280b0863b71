//! How a connection enters its session and leaves it, as the log is told
//! (`docs/sessions.md`).

use super::{ClientStream, Connection, End};
use crate::codec::Reason;
use crate::retained::Promises;
use crate::session::durable::{Event, Place};
use crate::session::{Detached, Entrance, SessionState, push_kept};
use nhip_log::{AppendError, Batch};
use std::{future::poll_fn, sync::Arc, task::Poll};

/// What a connection does while it waits for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meanwhile {
    /// It acknowledges and delivers.
    Serve,
    /// Nothing: CONNACK isn't sent yet.
    Nothing,
}

impl<S: ClientStream> Connection<S> {
    /// Tells the log that the client has its session, and lets CONNACK go behind the commit.
    pub(super) async fn enter(&mut self) -> Result<(), End> {
        let mut batch = Batch::default();
        self.push_entrance(&mut batch);
        if let Some(will) = self.ended_will.take() {
            push_kept(&will, &mut batch, (self.core.clock)());
        }
        if !batch.is_empty() {
            let connack = std::mem::take(&mut self.out);
            let durable = self.durable;
            let entered = |state: &mut SessionState, first: u64| {
                if let Some(held) = state.durable.as_mut().filter(|_| durable) {
                    held.generation = Some(first);
                }
            };
            self.commit(&mut batch, entered, Meanwhile::Nothing).await?;
            self.out = connack;
        }
        self.core.catch_up.look_at(&self.session);
        Ok(())
    }

    fn push_entrance(&self, batch: &mut Batch) {
        let client = &self.session.client;
        let now_us = (self.core.clock)();
        let will = || self.will.as_ref().map(|will| will.kept());
        let expiry_s = self.expiry_s;
        match self.entrance {
            Entrance::Quiet => {}
            Entrance::Ends { generation } => {
                Event::Ended { generation }.push(batch, client, now_us);
            }
            Entrance::Opens | Entrance::Joins => {
                let will = will();
                Event::Opened { expiry_s, will }.push(batch, client, now_us);
            }
            Entrance::Resumes => {
                let will = will();
                Event::Resumed { expiry_s, will }.push(batch, client, now_us);
            }
        }
        if self.entrance != Entrance::Joins {
            return;
        }
        let state = self.session.state.lock();
        for (filter, held) in &state.filters {
            let subscribed = Event::Subscribed {
                since: held.since,
                options: held.options,
                identifier: held.identifier,
                filter,
            };
            subscribed.push(batch, client, now_us);
        }
        for id in &state.held {
            Event::Held(*id).push(batch, client, now_us);
        }
    }

    /// Appends records of the session, which is still to be ours, and waits until they are
    /// durable. `change` is made with the append and gets the offset of the first. Gives back
    /// the offset behind the last.
    pub(super) async fn commit(
        &mut self,
        batch: &mut Batch,
        change: impl FnOnce(&mut SessionState, u64) + Send,
        meanwhile: Meanwhile,
    ) -> Result<u64, End> {
        let mut change = Some(change);
        let end = loop {
            match self.append_ours(batch, &mut change)? {
                Some(end) => break end,
                None => self.wait_for_log(None, meanwhile).await?,
            }
        };
        self.wait_for_log(Some(end), meanwhile).await?;
        Ok(end)
    }

    fn append_ours(
        &self,
        batch: &mut Batch,
        change: &mut Option<impl FnOnce(&mut SessionState, u64)>,
    ) -> Result<Option<u64>, End> {
        let core = &self.core;
        let records = u64::from(batch.records());
        let mut state = self.session.state.lock();
        if !state.is_served_by(&self.link) {
            return Err(End::Closed(Reason::SESSION_TAKEN_OVER));
        }
        let _room = Promises::for_batch(&core.retained, batch);
        let last = match core.append_seen(batch, Some(&self.listener)) {
            Ok(last) => last,
            Err(AppendError::Full { .. }) => return Ok(None),
            Err(error) => return Err(self.refused_by_log(&error)),
        };
        core.note_appended(last);
        let end = last.next().0;
        if let Some(durable) = &mut state.durable {
            durable.events_end = end;
        }
        if let Some(change) = change.take() {
            change(&mut state, end - records);
        }
        Ok(Some(end))
    }

    /// Waits until everything before `end` is durable, or until the log has room.
    async fn wait_for_log(&mut self, end: Option<u64>, meanwhile: Meanwhile) -> Result<(), End> {
        self.link.hold_back();
        let log = Arc::clone(&self.core.log);
        let mut room = log.room();
        let over = poll_fn(|cx| {
            let served = match meanwhile {
                Meanwhile::Serve => self.poll_without_reading(cx),
                Meanwhile::Nothing => {
                    self.link.register(cx.waker());
                    let closing = self.link.closing();
                    closing.map_or(Poll::Pending, |reason| Poll::Ready(End::Closed(reason)))
                }
            };
            if let Poll::Ready(over) = served {
                return Poll::Ready(Some(over));
            }
            let done = match end {
                Some(end) => self.link.durable_end() >= end,
                None => room.as_mut().poll(cx).is_ready(),
            };
            match done {
                true => Poll::Ready(None),
                false if self.link.log_failed() => Poll::Ready(Some(End::LogFailed)),
                false => Poll::Pending,
            }
        });
        over.await.map_or(Ok(()), Err)
    }

    pub(super) async fn depart(self: Box<Self>, end: End) {
        let keeps_will = !matches!(end, End::Goodbye { will: false });
        let takes_will_back = !keeps_will && self.will.is_some();
        let will = self.will.filter(|_| keeps_will);
        let core = &self.core;
        let passed = if self.durable {
            core.progress.passed()
        } else {
            0
        };
        let (session, link) = (&self.session, &self.link);
        let detached = core
            .sessions
            .detach(session, link, self.expiry_s, will.as_deref(), passed);
        // A client that has taken its will back and sees the end may count on it.
        let _open = matches!(detached, Detached::Durable { .. }).then_some(self.io);
        match detached {
            // A will that waits is off if the session goes on (MQTT-3.1.3-9).
            Detached::TakenOver if link.resumed() => {
                if let Some(will) = will.filter(|will| will.delay_s == 0) {
                    core.publish_will(&will).await;
                }
            }
            Detached::TakenOver | Detached::Transient => {
                if let Some(will) = will {
                    core.publish_will(&will).await;
                }
            }
            // It was let in, and the log never heard of it.
            Detached::Durable {
                generation: None, ..
            } => {}
            Detached::Durable {
                generation: Some(generation),
                place,
                ended,
            } => {
                let leaving = Leaving {
                    generation,
                    expiry_s: self.expiry_s,
                    at_us: core.left_us(),
                    now_us: (core.clock)(),
                    ended,
                };
                let mut batch = Batch::default();
                leaving.push(&mut batch, &session.client, place, will.as_deref());
                let what = "the end of a connection";
                if let Some(end) = core.append(&mut batch, what).await {
                    core.sessions.departed(session, generation, end);
                    if takes_will_back {
                        core.progress.reach_in_time(end).await;
                    }
                }
            }
        }
    }
}

struct Leaving {
    generation: u64,
    expiry_s: u32,
    at_us: u64,
    now_us: i64,
    ended: bool,
}

impl Leaving {
    fn push(
        self,
        batch: &mut Batch,
        client: &str,
        place: Place,
        will: Option<&crate::session::StoredWill>,
    ) {
        let due_s = will.map(|will| match self.ended {
            true => 0,
            false => will.delay_s.min(self.expiry_s),
        });
        if let Some(will) = will.filter(|_| due_s == Some(0)) {
            will.push(batch, self.now_us);
        }
        let generation = self.generation;
        let event = match self.ended {
            true => Event::Ended { generation },
            false => Event::Left {
                generation,
                at_us: self.at_us,
                expiry_s: self.expiry_s,
                will_due_s: due_s.filter(|due_s| *due_s > 0),
                place: Some(place),
            },
        };
        event.push(batch, client, self.now_us);
    }
}
