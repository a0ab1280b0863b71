//! A message on its way to one of those who share its filter.

use super::{Group, Member, QOS_MAX};
use crate::fanout::UNLOGGED;
use crate::identity::Access;
use crate::link::Link;
use crate::metrics::Drop;
use crate::session::{Offer, Offered, Outgoing};
use std::sync::Arc;

/// What became of a message.
pub(crate) enum Given {
    /// A member has it; its connection is to be woken, if there is one here.
    To(Option<Arc<Link>>),
    /// Nobody gets it.
    Dropped(Drop),
    /// Nobody may read it.
    Refused,
    /// It waits in the log for somebody who has room.
    Later,
}

impl Group {
    /// A message that comes by the fan-out.
    pub(crate) fn offer(
        self: &Arc<Self>,
        message: Offered<'_>,
        now_us: u64,
        access: &dyn Access,
    ) -> Given {
        if message.offset != UNLOGGED {
            let mut state = self.state.lock();
            if state.behind || message.offset < state.next {
                return Given::Later;
            }
            state.next = message.offset + 1;
            state.out.insert(message.offset);
        }
        let given = self.give(message, now_us, access);
        if matches!(given, Given::Later) && message.offset != UNLOGGED {
            self.state.lock().behind = true;
            self.release(message.offset);
        }
        given
    }

    /// A message that was read from the log for it; `false` if nobody has room.
    pub(crate) fn fill(
        self: &Arc<Self>,
        message: Offered<'_>,
        now_us: u64,
        access: &dyn Access,
    ) -> Given {
        {
            let mut state = self.state.lock();
            state.returned.remove(&message.offset);
            state.next = state.next.max(message.offset + 1);
            state.out.insert(message.offset);
        }
        let given = self.give(message, now_us, access);
        if matches!(given, Given::Later) {
            let mut state = self.state.lock();
            state.out.remove(&message.offset);
            state.returned.insert(message.offset);
        }
        given
    }

    /// Goes round the members until one takes the message.
    fn give(self: &Arc<Self>, message: Offered<'_>, now_us: u64, access: &dyn Access) -> Given {
        let (mut outcome, mut tried) = (None, 0);
        while let Some(member) = self.member(tried) {
            tried += 1;
            match self.try_member(&member, message, now_us, access) {
                Given::To(link) => return self.settle(message, Given::To(link)),
                Given::Later => outcome = Some(Given::Later),
                other => outcome = outcome.or(Some(other)),
            }
        }
        self.settle(message, outcome.unwrap_or(Given::Later))
    }

    /// A message that isn't to be acknowledged by anybody isn't in anybody's hands.
    fn settle(&self, message: Offered<'_>, given: Given) -> Given {
        if matches!(given, Given::Dropped(_) | Given::Refused) {
            self.finish(message.offset);
        }
        given
    }

    /// Whose turn it is, after so many who were asked for the same message.
    fn member(&self, tried: usize) -> Option<Member> {
        let mut state = self.state.lock();
        if tried >= state.members.len() {
            return None;
        }
        state.turn = (state.turn + 1) % state.members.len();
        state.members.get(state.turn).cloned()
    }

    fn try_member(
        self: &Arc<Self>,
        member: &Member,
        message: Offered<'_>,
        now_us: u64,
        access: &dyn Access,
    ) -> Given {
        let options = member.filter.options;
        let envelope = message.envelope;
        let mut state = member.session.state.lock();
        let Some(link) = state.link.clone() else {
            return Given::Later;
        };
        if !access.may_read(&state.principal, envelope.topic) {
            return Given::Refused;
        }
        let outgoing = Outgoing {
            qos: options.qos.min(envelope.qos).min(QOS_MAX),
            retain: envelope.retain && options.retain_as_published,
            dup: false,
            packet_id: 0,
            identifiers: member.filter.identifier.as_slice(),
            now_us,
        };
        match state.outbox.share(message, outgoing, self) {
            Offer::Taken { wake } => Given::To(wake.then_some(link)),
            Offer::Dropped(reason) => Given::Dropped(reason),
            Offer::Later | Offer::Full => Given::Later,
        }
    }
}
