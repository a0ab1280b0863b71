//! One session as the database keeps it: what its events have made of it.

use super::event::Event;
use super::place::{KeptWill, Place};
use crate::codec::{SubscribeOptions, shared_filter};
use std::collections::BTreeSet;

const SECOND_US: u64 = 1_000_000;

/// One filter of a kept session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeptFilter {
    pub(crate) name: Box<str>,
    pub(crate) options: SubscribeOptions,
    pub(crate) identifier: Option<u32>,
    /// It takes records from this offset on.
    pub(crate) since: u64,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Row {
    /// The offset of the event that opened or resumed it last.
    pub(crate) generation: u64,
    pub(crate) expiry_s: u32,
    /// When its client left, µs; none while it is connected.
    pub(crate) left_us: Option<u64>,
    pub(crate) will: Option<KeptWill>,
    /// When the will is due, µs, once the client has left.
    pub(super) will_due_us: Option<u64>,
    pub(crate) place: Place,
    /// QoS 2 packet ids of the client that are received and not released.
    pub(crate) held: BTreeSet<u16>,
    pub(crate) filters: Vec<KeptFilter>,
}

impl Row {
    fn opened(offset: u64, expiry_s: u32, will: Option<KeptWill>) -> Self {
        Self {
            generation: offset,
            expiry_s,
            will,
            place: Place {
                cursor: offset,
                ..Place::default()
            },
            ..Self::default()
        }
    }

    /// Whether messages of the log from its cursor on may be for it. What it shares with others
    /// has a place of its own.
    pub(crate) fn takes_from_the_log(&self) -> bool {
        let takes = |held: &KeptFilter| held.options.qos > 0 && shared_filter(&held.name).is_none();
        self.filters.iter().any(takes)
    }

    /// When it ends unless its client comes back, µs.
    pub(crate) fn ends_us(&self) -> Option<u64> {
        let lasts = (self.expiry_s < u32::MAX).then_some(u64::from(self.expiry_s) * SECOND_US)?;
        Some(self.left_us?.saturating_add(lasts))
    }

    /// When its will is to be published, µs.
    pub(crate) fn will_due_us(&self) -> Option<u64> {
        self.will_due_us.filter(|_| self.will.is_some())
    }

    /// The will of a client that is gone, as its session ends: a crash has cut off whoever didn't
    /// leave.
    pub(crate) fn into_will(self) -> Option<KeptWill> {
        let is_left = self.left_us.is_none() || self.will_due_us.is_some();
        self.will.filter(|_| is_left)
    }

    /// The will that was to be published by `now_us`, as the session goes on; that without a delay
    /// of a client that a crash has cut off.
    pub(crate) fn take_due_will(&mut self, now_us: u64) -> Option<KeptWill> {
        let is_due = match (self.left_us, self.will_due_us) {
            (None, _) => self.will.as_ref().is_some_and(|will| will.delay_s == 0),
            // Whoever left has left at the end of the second.
            (Some(left_us), due_us) => due_us.is_some_and(|due_us| due_us <= now_us.max(left_us)),
        };
        self.will.take_if(|_| is_due)
    }

    /// Folds the event at `offset` into the row of its client.
    pub(super) fn apply(row: &mut Option<Self>, event: Event<'_>, offset: u64) {
        match event {
            Event::Opened { expiry_s, will } => *row = Some(Self::opened(offset, expiry_s, will)),
            Event::Ended { generation } => {
                row.take_if(|row| row.generation == generation);
            }
            event => {
                if let Some(row) = row {
                    row.go_on(event, offset);
                }
            }
        }
    }

    fn go_on(&mut self, event: Event<'_>, offset: u64) {
        match event {
            Event::Resumed { expiry_s, will } => {
                self.generation = offset;
                self.expiry_s = expiry_s;
                self.will = will;
                self.will_due_us = None;
                self.left_us = None;
            }
            Event::Subscribed {
                since,
                options,
                identifier,
                filter,
            } => {
                let since = if since == u64::MAX { offset } else { since };
                self.subscribe(filter, options, identifier, since);
            }
            Event::Unsubscribed { filter } => self.filters.retain(|held| *held.name != *filter),
            Event::Held(id) => {
                self.held.insert(id);
            }
            Event::Released(id) => {
                self.held.remove(&id);
            }
            Event::Received { offset, cursor } => self.received(offset, cursor),
            Event::Completed { offset } => self.place.completing.retain(|held| *held != offset),
            Event::Left { generation, .. } | Event::WillPublished { generation }
                if generation != self.generation => {}
            Event::Left {
                at_us,
                expiry_s,
                will_due_s,
                place,
                ..
            } => {
                self.left_us = Some(at_us);
                self.expiry_s = expiry_s;
                self.will_due_us = will_due_s.map(|due_s| at_us + u64::from(due_s) * SECOND_US);
                self.will.take_if(|_| will_due_s.is_none());
                match place {
                    Some(place) => self.place = place,
                    // Everything before may have been sent.
                    None => self.place.sent_end = offset,
                }
            }
            Event::WillPublished { .. } => self.will = None,
            Event::Opened { .. } | Event::Ended { .. } | Event::Given { .. } => {}
        }
    }

    fn subscribe(
        &mut self,
        filter: &str,
        options: SubscribeOptions,
        identifier: Option<u32>,
        since: u64,
    ) {
        let held = self.filters.iter_mut().find(|held| *held.name == *filter);
        match held {
            Some(held) => (held.options, held.identifier) = (options, identifier),
            None => self.filters.push(KeptFilter {
                name: filter.into(),
                options,
                identifier,
                since,
            }),
        }
    }

    fn received(&mut self, offset: u64, cursor: u64) {
        let place = &mut self.place;
        place.cursor = place.cursor.max(cursor);
        place.sent_end = place.sent_end.max(offset + 1);
        if let Err(at) = place.finished.binary_search(&offset) {
            place.finished.insert(at, offset);
        }
        let before = place.finished.partition_point(|held| *held < place.cursor);
        place.finished.drain(..before);
        if !place.completing.contains(&offset) {
            place.completing.push(offset);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fold(events: Vec<Event<'_>>) -> Option<Row> {
        let mut row = None;
        for (offset, event) in (10..).zip(events) {
            Row::apply(&mut row, event, offset);
        }
        let kept = row.as_ref().map(Row::write);
        assert_eq!(kept.and_then(|kept| Row::read(&kept)), row);
        row
    }

    fn opened() -> Event<'static> {
        let will = KeptWill {
            delay_s: 5,
            record: b"will"[..].into(),
        };
        Event::Opened {
            expiry_s: 60,
            will: Some(will),
        }
    }

    fn subscribed(filter: &str, qos: u8) -> Event<'_> {
        Event::Subscribed {
            since: u64::MAX,
            options: SubscribeOptions {
                qos,
                ..SubscribeOptions::default()
            },
            identifier: Some(3),
            filter,
        }
    }

    fn left(generation: u64) -> Event<'static> {
        Event::Left {
            generation,
            at_us: 1_000_000,
            expiry_s: 30,
            will_due_s: Some(5),
            place: None,
        }
    }

    #[test]
    fn a_filter_asked_for_again_goes_on_from_where_it_began() {
        let row = fold(vec![opened(), subscribed("a", 1), subscribed("a", 2)]).unwrap();
        assert_eq!(row.filters.len(), 1);
        assert_eq!((row.filters[0].since, row.filters[0].options.qos), (11, 2));
    }

    #[test]
    fn an_event_about_an_older_connection_changes_nothing() {
        let resumed = Event::Resumed {
            expiry_s: 60,
            will: None,
        };
        let row = fold(vec![
            opened(),
            resumed,
            left(10),
            Event::Ended { generation: 10 },
        ]);
        assert!(row.is_some_and(|row| row.left_us.is_none() && row.generation == 11));
    }

    #[test]
    fn an_absent_session_has_a_time_to_end_and_one_for_its_will() {
        let row = fold(vec![opened(), left(10)]).unwrap();
        assert_eq!(row.ends_us(), Some(31_000_000));
        assert_eq!(row.will_due_us(), Some(6_000_000));
        assert_eq!(
            row.place.sent_end, 11,
            "everything before may have been sent"
        );
        assert_eq!(
            fold(vec![opened(), left(10), Event::Ended { generation: 10 }]),
            None
        );
    }

    #[test]
    fn what_was_received_is_finished_and_what_was_completed_is_forgotten() {
        let received = |offset, cursor| Event::Received { offset, cursor };
        let row = fold(vec![
            opened(),
            received(20, 15),
            received(15, 16),
            received(17, 18),
            Event::Completed { offset: 20 },
        ])
        .unwrap();
        assert_eq!(row.place.cursor, 18);
        assert_eq!(row.place.finished, [20]);
        assert_eq!(row.place.completing, [15, 17]);
        assert_eq!(row.place.sent_end, 21);
    }

    #[test]
    fn a_packet_id_is_held_until_it_is_released() {
        let row = fold(vec![
            opened(),
            Event::Held(1),
            Event::Held(2),
            Event::Released(1),
        ]);
        assert_eq!(row.unwrap().held, BTreeSet::from([2]));
    }
}
