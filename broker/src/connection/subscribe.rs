//! SUBSCRIBE and UNSUBSCRIBE, filter by filter, with the retained messages that a filter takes.

use super::entrance::Meanwhile;
use super::retained::RetainedDue;
use super::{ClientStream, Connection, End};
use crate::codec::{
    Frame, Packet, Properties, PropertyList, Reason, RetainHandling, Suback, Subscribe,
    SubscribeOptions, Unsuback, Unsubscribe, Version, shared_filter, valid_filter, varint_bytes,
};
use crate::session::durable::Event;
use crate::session::{Filter, QOS_MAX, Reservation};
use nhip_log::Batch;
use std::{
    collections::{HashMap, HashSet},
    future::poll_fn,
    sync::Arc,
    sync::atomic::Ordering,
    task::Poll,
};

const PACKET_ID_BYTES: usize = 2;

impl<S: ClientStream> Connection<S> {
    /// Serves a SUBSCRIBE whose bytes were checked before.
    ///
    /// It begins behind everything that was queued before it came, so that a retained message
    /// is seen once, as retained or as live, and what was acknowledged before is seen at all.
    pub(super) async fn subscribe(&mut self, body: &[u8]) -> Result<(), End> {
        if self.stalled.is_some() {
            self.wait_for_room().await?;
        }
        let Ok(Packet::Subscribe(subscribe)) = Packet::read(self.version, frame(0x82, body), body)
        else {
            return Err(End::Closed(Reason::MALFORMED_PACKET));
        };
        self.may_answer(subscribe.filters.iter().count())?;
        let mut codes = Vec::new();
        let accepted = self.judge_filters(&subscribe, &mut codes);
        let shared = self.reserve(&accepted).await?;
        let mut batch = Batch::default();
        for (filter, options) in accepted.iter().filter(|_| self.durable) {
            let group = shared.get(*filter).map(Reservation::group);
            let subscribed = Event::Subscribed {
                since: group.map_or(u64::MAX, |group| group.since),
                options: *options,
                identifier: subscribe.identifier(),
                filter,
            };
            subscribed.push(&mut batch, &self.session.client, (self.core.clock)());
        }
        if !batch.is_empty() {
            self.commit(&mut batch, |_, _| {}, Meanwhile::Serve).await?;
        }
        self.reach_appended().await?;
        self.add_filters(&subscribe, accepted, &shared)?;
        let mut reasons = codes.iter().map(|code| Reason(*code));
        let refused = reasons.find(|reason| reason.is_error());
        let words = match (self.version, refused) {
            (Version::V5, Some(reason)) => self.explained.words_beside(reason, codes.len()),
            _ => PropertyList::default(),
        };
        let suback = Suback {
            packet_id: subscribe.packet_id,
            properties: words.list(),
            codes: &codes,
        };
        Packet::Suback(suback).write(self.version, &mut self.out);
        self.feed_sys(&subscribe, &codes);
        self.feed_retained();
        Ok(())
    }

    /// Nothing is done whose answer, a code for each filter, is larger than what the client takes
    /// (MQTT-3.1.2-24).
    fn may_answer(&self, filters: usize) -> Result<(), End> {
        let body = PACKET_ID_BYTES + varint_bytes(0) + filters;
        let packet = 1 + varint_bytes(body) + body;
        match packet <= self.session.state.lock().outbox.packet_bytes_max() {
            true => Ok(()),
            false => Err(End::Closed(Reason::PACKET_TOO_LARGE)),
        }
    }

    /// The shared subscriptions that these filters join. Who had them before, and is gone, must
    /// be known for that.
    async fn reserve<'a>(
        &mut self,
        accepted: &[(&'a str, SubscribeOptions)],
    ) -> Result<HashMap<&'a str, Reservation>, End> {
        let mut reserved = HashMap::new();
        for (filter, _) in accepted {
            if shared_filter(filter).is_none() {
                continue;
            }
            if reserved.is_empty() {
                self.reach_appended().await?;
            }
            let since = self.core.appended_end.load(Ordering::Acquire);
            match self.core.sessions.groups.reserve(filter, since) {
                Ok(reservation) => reserved.insert(*filter, reservation),
                Err(error) => {
                    tracing::error!(%error, "a shared subscription can't be read");
                    return Err(End::Closed(Reason::SERVER_BUSY));
                }
            };
        }
        Ok(reserved)
    }

    async fn reach_appended(&mut self) -> Result<(), End> {
        let core = Arc::clone(&self.core);
        let end = core.appended_end.load(Ordering::Acquire);
        let mut reached = std::pin::pin!(core.progress.reach(end));
        let over = poll_fn(|cx| match reached.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(None),
            Poll::Pending => self.poll_without_reading(cx).map(Some),
        });
        over.await.map_or(Ok(()), Err)
    }

    /// The filters that are accepted, and a code for each.
    fn judge_filters<'a>(
        &self,
        subscribe: &Subscribe<'a>,
        codes: &mut Vec<u8>,
    ) -> Vec<(&'a str, SubscribeOptions)> {
        let core = &self.core;
        let mut held: HashSet<Box<str>> = {
            let state = self.session.state.lock();
            state.filters.keys().cloned().collect()
        };
        let mut accepted = Vec::new();
        for (filter, options) in subscribe.filters.iter() {
            let room = held.contains(filter) || held.len() < core.config.subscriptions_max;
            match self.judge_filter(filter, room) {
                Ok(()) => {
                    let mut options = options;
                    if shared_filter(filter).is_some() {
                        options.qos = options.qos.min(QOS_MAX);
                    }
                    held.insert(filter.into());
                    codes.push(options.qos);
                    accepted.push((filter, options));
                }
                Err(reason) => {
                    core.metrics.refuse(reason);
                    codes.push(match self.version {
                        Version::V311 => 0x80,
                        Version::V5 => reason.0,
                    });
                }
            }
        }
        accepted
    }

    fn add_filters(
        &mut self,
        subscribe: &Subscribe<'_>,
        accepted: Vec<(&str, SubscribeOptions)>,
        shared: &HashMap<&str, Reservation>,
    ) -> Result<(), End> {
        let core = Arc::clone(&self.core);
        let identifier = subscribe.identifier();
        let (_fold, position) = core.progress.hold();
        let mut subscriptions = core.subscriptions.write();
        let mut state = self.session.state.lock();
        if !state.is_served_by(&self.link) {
            return Err(End::Closed(Reason::SESSION_TAKEN_OVER));
        }
        for (name, options) in accepted {
            let held = state.filters.get(name).map(|held| held.since);
            let group = shared.get(name).map(Reservation::group);
            let filter = Filter {
                options,
                identifier,
                since: group.map_or(held.unwrap_or(position), |group| group.since),
            };
            state.filters.insert(name.into(), filter);
            if let Some(group) = group {
                state.join(group);
                subscriptions.join(group, &self.session, filter);
                // A shared subscription gets no retained messages.
                continue;
            }
            subscriptions.insert(name, &self.session, filter);
            let send = match options.retain_handling {
                RetainHandling::Send => true,
                RetainHandling::SendIfNew => held.is_none(),
                RetainHandling::Never => false,
            };
            if send {
                let due = RetainedDue::new(name.into(), options, identifier);
                self.retained_due.push_back(due);
            }
        }
        Ok(())
    }

    fn judge_filter(&self, filter: &str, room: bool) -> Result<(), Reason> {
        let core = &self.core;
        let config = &core.config;
        let levels = 1 + filter.bytes().filter(|byte| *byte == b'/').count();
        let shared = shared_filter(filter).map(|(_, behind)| behind);
        let nameless = filter.starts_with("$share/") && shared.is_none();
        if nameless
            || !valid_filter(shared.unwrap_or(filter))
            || filter.len() > config.topic_bytes_max
            || levels > config.topic_levels_max
        {
            Err(Reason::TOPIC_FILTER_INVALID)
        } else if !core
            .access
            .may_subscribe(&self.principal, shared.unwrap_or(filter))
        {
            Err(Reason::NOT_AUTHORIZED)
        } else if !room {
            Err(Reason::QUOTA_EXCEEDED)
        } else {
            Ok(())
        }
    }

    /// Serves an UNSUBSCRIBE whose bytes were checked before.
    pub(super) async fn unsubscribe(&mut self, body: &[u8]) -> Result<(), End> {
        if self.stalled.is_some() {
            self.wait_for_room().await?;
        }
        let packet = Packet::read(self.version, frame(0xa2, body), body);
        let Ok(Packet::Unsubscribe(unsubscribe)) = packet else {
            return Err(End::Closed(Reason::MALFORMED_PACKET));
        };
        self.may_answer(unsubscribe.filters.iter().count())?;
        let mut batch = Batch::default();
        let codes = self.remove_filters(&unsubscribe, &mut batch)?;
        if !batch.is_empty() {
            self.commit(&mut batch, |_, _| {}, Meanwhile::Serve).await?;
        }
        let unsuback = Unsuback {
            packet_id: unsubscribe.packet_id,
            properties: Properties::EMPTY,
            codes: &codes,
        };
        Packet::Unsuback(unsuback).write(self.version, &mut self.out);
        Ok(())
    }

    fn remove_filters(
        &self,
        unsubscribe: &Unsubscribe<'_>,
        batch: &mut Batch,
    ) -> Result<Vec<u8>, End> {
        let mut codes = Vec::new();
        let mut subscriptions = self.core.subscriptions.write();
        let mut state = self.session.state.lock();
        if !state.is_served_by(&self.link) {
            return Err(End::Closed(Reason::SESSION_TAKEN_OVER));
        }
        for (filter, _) in unsubscribe.filters.iter() {
            let existed = state.filters.remove(filter).is_some();
            if existed {
                subscriptions.remove(filter, self.session.number);
                if let Some(group) = state.part(filter) {
                    subscriptions.part(&group, self.session.number);
                }
            }
            if existed && self.durable {
                let unsubscribed = Event::Unsubscribed { filter };
                unsubscribed.push(batch, &self.session.client, (self.core.clock)());
            }
            codes.push(match existed {
                true => Reason::SUCCESS.0,
                false => Reason::NO_SUBSCRIPTION_EXISTED.0,
            });
        }
        Ok(codes)
    }
}

fn frame(first: u8, body: &[u8]) -> Frame {
    Frame {
        first,
        header_bytes: 0,
        body_bytes: body.len(),
    }
}
