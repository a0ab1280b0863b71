//! The clients that share one filter, and how far they have come together.

use crate::catch_up::CatchUp;
use crate::session::durable::GroupPlace;
use crate::session::{Filter, Session};
use parking_lot::Mutex;
use std::{collections::BTreeSet, sync::Arc};

/// See the module. Its lock is taken under that of a session, never the other way round.
pub(crate) struct Group {
    /// Tells groups apart, also two of one name one after the other.
    pub(crate) number: u64,
    /// `$share/`, the name of the share, and the filter.
    pub(crate) name: Box<str>,
    /// It takes records from this offset on; every member's session keeps the number.
    pub(crate) since: u64,
    catch_up: Arc<CatchUp>,
    pub(super) state: Mutex<State>,
}

/// A client that is connected and takes its turn.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) session: Arc<Session>,
    pub(crate) filter: Filter,
}

/// What a catch-up worker is to read from the log for a group.
#[derive(Clone, Copy)]
pub(crate) struct Due {
    /// The offset to begin at.
    pub(crate) from: u64,
    /// Whether all from its next offset on is due, not only what was returned. It stays as it
    /// was when the worker began: a group that falls behind meanwhile has its next offset
    /// perhaps before what the worker has already looked at.
    pub(crate) behind: bool,
}

pub(super) struct State {
    pub(super) members: Vec<Member>,
    /// Whose turn it is.
    pub(super) turn: usize,
    /// The next record of the log that may be for it.
    pub(super) next: u64,
    /// Whether that is to be read from the log, not taken from the fan-out.
    pub(super) behind: bool,
    /// Offsets in the hands of members.
    pub(super) out: BTreeSet<u64>,
    /// Offsets that no member has: the one who had them is gone, or nobody had room.
    pub(super) returned: BTreeSet<u64>,
    /// SUBSCRIBEs that are about to bring a member.
    pub(super) reserved: usize,
    /// Whether a catch-up worker has it, or will.
    served: bool,
    /// Whether something changed since that worker looked.
    changed: bool,
}

impl Group {
    pub(super) fn new(number: u64, name: &str, place: GroupPlace, catch_up: &Arc<CatchUp>) -> Self {
        Self {
            number,
            name: name.into(),
            since: place.since,
            catch_up: Arc::clone(catch_up),
            state: Mutex::new(State {
                members: Vec::new(),
                turn: 0,
                next: place.next,
                behind: true,
                out: BTreeSet::new(),
                returned: place.unfinished.into_iter().collect(),
                reserved: 0,
                served: false,
                changed: false,
            }),
        }
    }

    /// The filter behind the name of the share.
    pub(crate) fn filter(&self) -> &str {
        crate::codec::shared_filter(&self.name).map_or("", |(_, filter)| filter)
    }

    /// Takes a member in, or its new options.
    pub(crate) fn join(self: &Arc<Self>, member: Member) {
        let mut state = self.state.lock();
        let number = member.session.number;
        state.members.retain(|held| held.session.number != number);
        state.members.push(member);
        drop(state);
        self.look();
    }

    /// A member's client is gone, or wants no more; says whether it was the last. Then the
    /// fan-out brings nothing any more.
    pub(crate) fn part(&self, session: u64) -> bool {
        let mut state = self.state.lock();
        state.members.retain(|held| held.session.number != session);
        let bare = state.members.is_empty();
        state.behind |= bare;
        bare
    }

    /// A message is acknowledged, or can't be sent to anybody.
    pub(crate) fn finish(&self, offset: u64) {
        self.state.lock().out.remove(&offset);
    }

    /// The client that had a message is gone: it is another's.
    pub(crate) fn release(self: &Arc<Self>, offset: u64) {
        let mut state = self.state.lock();
        if state.out.remove(&offset) {
            state.returned.insert(offset);
        }
        drop(state);
        self.look();
    }

    /// Has it served by a catch-up worker, if something waits and somebody may have room.
    pub(crate) fn look(self: &Arc<Self>) {
        let mut state = self.state.lock();
        if state.served {
            // What the worker tries just now may wait in a moment.
            state.changed = true;
            return;
        }
        let waits = state.behind || !state.returned.is_empty();
        if !waits || state.members.is_empty() {
            return;
        }
        state.served = true;
        drop(state);
        self.catch_up.push_group(self);
    }

    /// A worker is done with it for now; `more` if it was only one stretch.
    pub(crate) fn served(self: &Arc<Self>, more: bool) {
        let mut state = self.state.lock();
        state.served = false;
        let again = std::mem::take(&mut state.changed) || more;
        drop(state);
        if again {
            self.look();
        }
    }

    /// What is to be read for it, if anything waits.
    pub(crate) fn wants(&self) -> Option<Due> {
        let state = self.state.lock();
        let returned = state.returned.first().copied();
        let next = state.behind.then_some(state.next);
        let from = returned.into_iter().chain(next).min()?;
        let behind = state.behind;
        (!state.members.is_empty()).then_some(Due { from, behind })
    }

    /// Whether a record that was read from the log is still to be given.
    pub(crate) fn is_due(&self, due: Due, offset: u64) -> bool {
        let state = self.state.lock();
        state.returned.contains(&offset) || (due.behind && offset >= state.next)
    }

    /// Everything before `end` that was due was given. To a group that was live the fan-out has
    /// still to bring what the worker has seen beyond its next offset.
    pub(crate) fn pass(&self, due: Due, end: u64) {
        if due.behind {
            let mut state = self.state.lock();
            state.next = state.next.max(end);
        }
    }

    /// The log begins at `start` now; says whether messages are lost by that.
    pub(crate) fn trim(&self, start: u64) -> bool {
        let mut state = self.state.lock();
        let lost = state.returned.first().is_some_and(|first| *first < start)
            || (state.behind && state.next < start);
        state.returned = state.returned.split_off(&start);
        state.next = state.next.max(start);
        lost
    }

    /// Takes from the fan-out from now on, if it has read everything before `position` and the
    /// fan-out has a member to bring something to.
    pub(crate) fn go_live(&self, position: u64) -> bool {
        let mut state = self.state.lock();
        state.behind &= state.next < position || state.members.is_empty();
        !state.behind
    }

    /// Stops taking from the fan-out, which has given it all before `passed`; says whether it did
    /// take from it.
    pub(crate) fn fall_behind(self: &Arc<Self>, passed: u64) -> bool {
        let mut state = self.state.lock();
        if state.behind {
            return false;
        }
        state.next = state.next.max(passed);
        state.behind = true;
        drop(state);
        self.look();
        true
    }

    /// Where it stands, if the fan-out has given it all before `passed`.
    pub(super) fn place(&self, passed: u64) -> GroupPlace {
        let mut state = self.state.lock();
        if !state.behind {
            state.next = state.next.max(passed);
        }
        GroupPlace {
            since: self.since,
            next: state.next,
            unfinished: state.out.union(&state.returned).copied().collect(),
        }
    }
}

impl std::fmt::Debug for Group {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Group").field(&self.name).finish()
    }
}
