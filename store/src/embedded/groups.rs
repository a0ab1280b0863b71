//! What is stored of a range, day by day, and within a day what overlaps together.

use super::keyspaces::refused;
use super::view::Stored;
use super::{EmbeddedStore, head};
use crate::period::Calendar;
use crate::{Observation, Order, SeriesId, StoreError};
use nhip_database::{Guard, Iter, Snapshot};
use std::collections::VecDeque;

/// Sources whose times overlap; no row of another group is between theirs.
#[derive(Default)]
pub(crate) struct Group {
    pub(crate) stored: Vec<Stored>,
    pub(crate) open: Vec<Observation>,
    last_us: i64,
}

impl Group {
    /// Its rows, in order of (time, boot, seq).
    pub(crate) fn decode(self, series: SeriesId) -> Result<Vec<Observation>, StoreError> {
        let sources = self.stored.len() + usize::from(!self.open.is_empty());
        let mut rows = self.open;
        for stored in &self.stored {
            stored.decode(series, &mut rows)?;
        }
        if sources > 1 {
            head::sort(&mut rows);
        }
        Ok(rows)
    }
}

/// The groups of a range, in the order asked for. Of one day it holds the packed values, of
/// the others nothing.
pub(crate) struct Groups {
    calendar: Calendar,
    order: Order,
    from_us: i64,
    to_us: i64,
    cursors: Vec<Cursor>,
    open: VecDeque<Observation>,
    of_day: VecDeque<Group>,
}

/// A cursor that shows what comes next.
struct Cursor {
    iter: Iter,
    packed: bool,
    order: Order,
    next: Option<Stored>,
}

impl Cursor {
    fn advance(&mut self) -> Result<Option<Stored>, StoreError> {
        let pair = match self.order {
            Order::Ascending => self.iter.next(),
            Order::Descending => self.iter.next_back(),
        };
        let following = pair
            .map(Guard::into_inner)
            .transpose()
            .map_err(refused)?
            .map(|(key, value)| Stored::new(self.packed, key, value))
            .transpose()?;
        Ok(std::mem::replace(&mut self.next, following))
    }
}

impl EmbeddedStore {
    /// The groups of `from_us..to_us` in a snapshot, with these open rows.
    pub(super) fn groups(
        &self,
        snapshot: &Snapshot,
        series: SeriesId,
        (from_us, to_us): (i64, i64),
        order: Order,
        open: Vec<Observation>,
    ) -> Result<Groups, StoreError> {
        let mut cursors = Vec::new();
        if from_us < to_us {
            for packed in [true, false] {
                let iter = self.iter(snapshot, packed, series, from_us, to_us);
                let mut cursor = Cursor {
                    iter,
                    packed,
                    order,
                    next: None,
                };
                cursor.advance()?;
                cursors.push(cursor);
            }
        }
        Ok(Groups {
            calendar: self.calendar,
            order,
            from_us,
            to_us,
            cursors,
            open: open.into(),
            of_day: VecDeque::new(),
        })
    }
}

impl Groups {
    /// The next group.
    pub(crate) fn next(&mut self) -> Result<Option<Group>, StoreError> {
        loop {
            let group = match self.order {
                Order::Ascending => self.of_day.pop_front(),
                Order::Descending => self.of_day.pop_back(),
            };
            if group.is_some() {
                return Ok(group);
            }
            match self.next_day() {
                Some(day_us) => self.load(day_us)?,
                None => return Ok(None),
            }
        }
    }

    fn next_day(&self) -> Option<i64> {
        let open = match self.order {
            Order::Ascending => self.open.front(),
            Order::Descending => self.open.back(),
        };
        let days = self
            .cursors
            .iter()
            .filter_map(|cursor| Some(cursor.next.as_ref()?.span.first_us))
            .chain(open.map(|row| row.time_us))
            .map(|time_us| self.calendar.day_start(time_us));
        match self.order {
            Order::Ascending => days.min(),
            Order::Descending => days.max(),
        }
    }

    fn load(&mut self, day_us: i64) -> Result<(), StoreError> {
        let calendar = self.calendar;
        let mut stored = Vec::new();
        for cursor in &mut self.cursors {
            while let Some(next) = &cursor.next
                && calendar.day_start(next.span.first_us) == day_us
            {
                stored.extend(cursor.advance()?);
            }
        }
        stored.retain(|stored| {
            stored.span.last_us >= self.from_us && stored.span.first_us < self.to_us
        });
        stored.sort_by_key(|stored| stored.span.first_us);
        let open = self.take_open(day_us);
        self.of_day = group(stored, open);
        Ok(())
    }

    fn take_open(&mut self, day_us: i64) -> Vec<Observation> {
        let of_day = |row: &&Observation| self.calendar.day_start(row.time_us) == day_us;
        match self.order {
            Order::Ascending => {
                let count = self.open.iter().take_while(of_day).count();
                self.open.drain(..count).collect()
            }
            Order::Descending => {
                let count = self.open.iter().rev().take_while(of_day).count();
                self.open.drain(self.open.len() - count..).collect()
            }
        }
    }
}

/// Puts together what overlaps; `stored` is in order of its first times, `open` in order.
pub(crate) fn group(stored: Vec<Stored>, open: Vec<Observation>) -> VecDeque<Group> {
    enum Source {
        Stored(Stored),
        Open(Vec<Observation>),
    }
    let mut sources: Vec<(i64, i64, Source)> = stored
        .into_iter()
        .map(|stored| {
            (
                stored.span.first_us,
                stored.span.last_us,
                Source::Stored(stored),
            )
        })
        .collect();
    if let (Some(first), Some(last)) = (open.first(), open.last()) {
        sources.push((first.time_us, last.time_us, Source::Open(open)));
    }
    sources.sort_by_key(|(first_us, ..)| *first_us);
    let mut groups: VecDeque<Group> = VecDeque::new();
    for (first_us, last_us, source) in sources {
        let mut group = match groups.pop_back() {
            Some(group) if first_us <= group.last_us => group,
            before => {
                groups.extend(before);
                Group {
                    last_us,
                    ..Group::default()
                }
            }
        };
        group.last_us = group.last_us.max(last_us);
        match source {
            Source::Stored(stored) => group.stored.push(stored),
            Source::Open(rows) => group.open = rows,
        }
        groups.push_back(group);
    }
    groups
}
