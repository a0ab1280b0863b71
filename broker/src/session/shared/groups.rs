//! All shared subscriptions by name.

use super::Group;
use crate::catch_up::CatchUp;
use crate::session::durable::{GroupPlace, GroupSnapshot, Kept};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    sync::Arc,
    sync::atomic::{AtomicU64, Ordering},
};

/// See the module.
pub(crate) struct Groups {
    by_name: Mutex<HashMap<Box<str>, Arc<Group>>>,
    kept: Arc<Kept>,
    catch_up: Arc<CatchUp>,
    number: AtomicU64,
}

/// Keeps a group while a SUBSCRIBE for it is under way.
pub(crate) struct Reservation(Arc<Group>);

impl Reservation {
    pub(crate) fn group(&self) -> &Arc<Group> {
        &self.0
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.0.state.lock().reserved -= 1;
    }
}

impl Groups {
    pub(crate) fn new(kept: Arc<Kept>, catch_up: Arc<CatchUp>) -> Self {
        Self {
            by_name: Mutex::default(),
            kept,
            catch_up,
            number: AtomicU64::new(0),
        }
    }

    /// The group that a new member joins: the one there is, as long as it has a member, be it one
    /// that is away; or a new one that takes records from `since` on. What happened to members
    /// before must be folded.
    pub(crate) fn reserve(
        &self,
        name: &str,
        since: u64,
    ) -> Result<Reservation, nhip_database::Error> {
        let mut groups = self.by_name.lock();
        let held = groups.get(name).filter(|group| {
            let state = group.state.lock();
            state.reserved > 0 || !state.members.is_empty()
        });
        let group = match held {
            Some(group) => Arc::clone(group),
            None => match self.kept.member_since(name)? {
                Some(since) => self.restored(&mut groups, name, since)?,
                None => self.insert(&mut groups, name, GroupPlace::new(since)),
            },
        };
        group.state.lock().reserved += 1;
        Ok(Reservation(group))
    }

    /// The group of a member that comes back, which has it since `since`.
    pub(crate) fn restore(
        &self,
        name: &str,
        since: u64,
    ) -> Result<Arc<Group>, nhip_database::Error> {
        self.restored(&mut self.by_name.lock(), name, since)
    }

    fn restored(
        &self,
        groups: &mut HashMap<Box<str>, Arc<Group>>,
        name: &str,
        since: u64,
    ) -> Result<Arc<Group>, nhip_database::Error> {
        if let Some(group) = groups.get(name).filter(|group| group.since == since) {
            return Ok(Arc::clone(group));
        }
        // One of the same name that is over may still be kept.
        let place = self.kept.group(name)?.filter(|place| place.since == since);
        let place = place.unwrap_or_else(|| GroupPlace::new(since));
        Ok(self.insert(groups, name, place))
    }

    fn insert(
        &self,
        groups: &mut HashMap<Box<str>, Arc<Group>>,
        name: &str,
        place: GroupPlace,
    ) -> Arc<Group> {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let group = Arc::new(Group::new(number, name, place, &self.catch_up));
        groups.insert(name.into(), Arc::clone(&group));
        group
    }

    /// Every group in memory.
    pub(crate) fn all(&self) -> Vec<Arc<Group>> {
        self.by_name.lock().values().cloned().collect()
    }

    /// Where each of them stands; the fan-out has given them everything before `passed`.
    pub(crate) fn snapshots(&self, passed: u64) -> Vec<GroupSnapshot> {
        let snapshot = |group: Arc<Group>| GroupSnapshot {
            name: group.name.clone(),
            place: group.place(passed),
        };
        self.all().into_iter().map(snapshot).collect()
    }

    /// Drops from memory those that have no member here, once where they stand is kept. One who
    /// unsubscribed may still have a message of theirs: a member that comes back meanwhile is to
    /// find it in those hands, not to get it too.
    pub(crate) fn let_go(&self, snapshots: &[GroupSnapshot]) {
        let mut groups = self.by_name.lock();
        for snapshot in snapshots {
            let idle = groups.get(&snapshot.name).is_some_and(|group| {
                let state = group.state.lock();
                let bare = state.members.is_empty() && state.reserved == 0 && state.out.is_empty();
                drop(state);
                bare && group.place(0) == snapshot.place
            });
            if idle {
                groups.remove(&snapshot.name);
            }
        }
    }
}
