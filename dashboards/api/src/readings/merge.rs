//! Readings of several series in one order of time.

use super::key::Key;
use nhip_store::{Observation, Order, RangeQuery, Store, StoreError};
use std::{cmp::Ordering, collections::BinaryHeap};

/// The readings of one series in the order of their keys.
///
/// A store orders by time, boot and sequence; readings that share all three are put in order
/// of the rest of their key here, so that a cursor between them has a meaning however the
/// store packs them.
pub(crate) struct Course<'a> {
    blocks: Box<dyn Iterator<Item = Result<Vec<Observation>, StoreError>> + Send + 'a>,
    order: Order,
    ready: std::vec::IntoIter<Observation>,
    /// The readings of the newest instant read: the next block may have more of it.
    held: Vec<Observation>,
}

impl<'a> Course<'a> {
    pub(crate) fn new(store: &'a dyn Store, query: RangeQuery) -> Result<Self, StoreError> {
        Ok(Self {
            blocks: store.range(query)?,
            order: query.order,
            ready: Vec::new().into_iter(),
            held: Vec::new(),
        })
    }

    pub(crate) fn next(&mut self) -> Result<Option<Observation>, StoreError> {
        loop {
            if let Some(reading) = self.ready.next() {
                return Ok(Some(reading));
            }
            let mut readings = std::mem::take(&mut self.held);
            let Some(block) = self.blocks.next() else {
                if readings.is_empty() {
                    return Ok(None);
                }
                self.ready = readings.into_iter();
                continue;
            };
            readings.append(&mut block?);
            readings.sort_by(|a, b| Key::of(a).compare(&Key::of(b), self.order));
            let newest_us = readings.last().map(|reading| reading.time_us);
            let held_from = readings
                .iter()
                .rposition(|reading| Some(reading.time_us) != newest_us)
                .map_or(0, |before| before + 1);
            self.held = readings.split_off(held_from);
            self.ready = readings.into_iter();
        }
    }
}

/// Several courses as one, by time.
pub(crate) struct Merge<'a> {
    courses: Vec<Course<'a>>,
    heads: BinaryHeap<Head>,
}

struct Head {
    reading: Observation,
    course: usize,
    order: Order,
}

impl<'a> Merge<'a> {
    pub(crate) fn new(mut courses: Vec<Course<'a>>) -> Result<Self, StoreError> {
        let mut heads = BinaryHeap::with_capacity(courses.len());
        for (course, readings) in courses.iter_mut().enumerate() {
            let order = readings.order;
            if let Some(reading) = readings.next()? {
                heads.push(Head {
                    reading,
                    course,
                    order,
                });
            }
        }
        Ok(Self { courses, heads })
    }

    pub(crate) fn next(&mut self) -> Result<Option<Observation>, StoreError> {
        let Some(mut head) = self.heads.peek_mut() else {
            return Ok(None);
        };
        match self.courses[head.course].next()? {
            Some(next) => Ok(Some(std::mem::replace(&mut head.reading, next))),
            None => Ok(Some(
                std::collections::binary_heap::PeekMut::pop(head).reading,
            )),
        }
    }
}

impl Ord for Head {
    /// The heap gives its greatest first: that is the one that comes first in the answer.
    fn cmp(&self, other: &Self) -> Ordering {
        Key::of(&other.reading).compare(&Key::of(&self.reading), self.order)
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head {}
