//! SUBSCRIBE, filter by filter, with the retained messages that each filter takes.

use super::retained::RetainedDue;
use super::{Connection, End};
use crate::codec::{
    Packet, Properties, Reason, RetainHandling, Suback, Subscribe, SubscribeOptions, Version,
    valid_filter,
};
use crate::session::Subscription;
use std::{future::poll_fn, sync::Arc, sync::atomic::Ordering, task::Poll};
use tokio::io::{AsyncRead, AsyncWrite};

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    /// Serves a SUBSCRIBE whose bytes were checked before.
    ///
    /// It begins behind everything that was queued before it came, so that a retained message
    /// is seen once, as retained or as live, and what was acknowledged before is seen at all.
    pub(super) async fn subscribe(&mut self, body: &[u8]) -> Result<(), End> {
        if self.stalled.is_some() {
            self.wait_for_room().await?;
        }
        self.reach_appended().await?;
        let frame = crate::codec::Frame {
            first: 0x82,
            header_bytes: 0,
            body_bytes: body.len(),
        };
        let Ok(Packet::Subscribe(subscribe)) = Packet::read(self.version, frame, body) else {
            return Err(End::Closed(Reason::MALFORMED_PACKET));
        };
        let mut codes = Vec::new();
        self.add_filters(&subscribe, &mut codes)?;
        let suback = Suback {
            packet_id: subscribe.packet_id,
            properties: Properties::EMPTY,
            codes: &codes,
        };
        Packet::Suback(suback).write(self.version, &mut self.out);
        Ok(())
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

    fn add_filters(&mut self, subscribe: &Subscribe<'_>, codes: &mut Vec<u8>) -> Result<(), End> {
        let mut wanted: Vec<(Box<str>, SubscribeOptions)> = Vec::new();
        let core = Arc::clone(&self.core);
        let (_fold, since) = core.progress.hold();
        {
            let mut subscriptions = core.subscriptions.write();
            let mut state = self.session.state.lock();
            let ours = state.link.as_ref();
            if ours.is_none_or(|link| !Arc::ptr_eq(link, &self.link)) {
                return Err(End::Closed(Reason::SESSION_TAKEN_OVER));
            }
            for (filter, asked) in subscribe.filters.iter() {
                let new = !state.filters.contains(filter);
                let options = SubscribeOptions {
                    qos: asked.qos.min(1),
                    ..asked
                };
                let room = !new || state.filters.len() < core.config.subscriptions_max;
                if let Err(reason) = self.judge_filter(filter, room) {
                    core.metrics.refuse(reason);
                    codes.push(match self.version {
                        Version::V311 => 0x80,
                        Version::V5 => reason.0,
                    });
                    continue;
                }
                state.filters.insert(filter.into());
                let subscription = Subscription {
                    session: Arc::clone(&self.session),
                    options,
                    identifier: subscribe.identifier(),
                    since,
                };
                subscriptions.insert(filter, self.session.number, subscription);
                codes.push(options.qos);
                let send = match options.retain_handling {
                    RetainHandling::Send => true,
                    RetainHandling::SendIfNew => new,
                    RetainHandling::Never => false,
                };
                if send {
                    wanted.push((filter.into(), options));
                }
            }
        }
        let due = |(filter, options)| RetainedDue::new(filter, options, subscribe.identifier());
        self.retained_due.extend(wanted.into_iter().map(due));
        self.feed_retained();
        Ok(())
    }

    fn judge_filter(&self, filter: &str, room: bool) -> Result<(), Reason> {
        let config = &self.core.config;
        let levels = 1 + filter.bytes().filter(|byte| *byte == b'/').count();
        if filter.starts_with("$share/") {
            Err(Reason::SHARED_SUBSCRIPTIONS_NOT_SUPPORTED)
        } else if !valid_filter(filter)
            || filter.len() > config.topic_bytes_max
            || levels > config.topic_levels_max
        {
            Err(Reason::TOPIC_FILTER_INVALID)
        } else if !self.core.access.may_subscribe(&self.principal, filter) {
            Err(Reason::NOT_AUTHORIZED)
        } else if !room {
            Err(Reason::QUOTA_EXCEEDED)
        } else {
            Ok(())
        }
    }
}
