//! The newest readings, shared by all subscribers.

use crate::view::{Cursor, FeedBatch, FeedEvent};
use nhip_store::Observation;
use parking_lot::Mutex;
use std::{collections::VecDeque, sync::Arc};
use tokio::sync::watch;

/// Puts what the shards hand over into the order of the log and keeps the newest of it.
pub(crate) struct Feed {
    ring: Mutex<Ring>,
    /// The first offset that is not in the feed yet.
    end: watch::Sender<u64>,
    events_max: usize,
}

#[derive(Debug, Default)]
struct Ring {
    lanes: Vec<Lane>,
    batches: VecDeque<Piece>,
    events: usize,
    /// Where the ring begins; what is before it is only in the log.
    start: u64,
    /// Where it ends: everything before it is folded by every shard.
    end: u64,
    subscribers: usize,
    closed: bool,
}

/// What one shard has handed over and another has not reached yet.
#[derive(Debug, Default)]
struct Lane {
    end: u64,
    events: VecDeque<FeedEvent>,
}

/// The readings of the records up to an offset, from the end of the piece before on.
#[derive(Debug)]
struct Piece {
    end: u64,
    batch: Arc<FeedBatch>,
}

/// What there is at a place.
#[derive(Debug)]
pub(crate) enum Found {
    /// Readings; the next place is `next`.
    Readings { batch: Arc<FeedBatch>, next: u64 },
    /// The ring begins later: read the log up to `until`.
    Log { until: u64 },
    /// Nothing yet: everything before `next` is read.
    Wait { next: u64 },
    /// The platform is stopping.
    Closed,
}

impl Feed {
    /// A feed whose shards stand at `positions`.
    pub(crate) fn new(positions: &[u64], events_max: usize) -> Self {
        let lane = |&end: &u64| Lane {
            end,
            events: VecDeque::new(),
        };
        let end = positions.iter().copied().min().unwrap_or_default();
        let ring = Ring {
            lanes: positions.iter().map(lane).collect(),
            start: end,
            end,
            ..Ring::default()
        };
        Self {
            ring: Mutex::new(ring),
            end: watch::Sender::new(end),
            events_max,
        }
    }

    /// Takes over the rows of a shard, which has folded everything before `end`.
    pub(crate) fn publish(&self, shard: u32, end: u64, places: &[Cursor], rows: &[Observation]) {
        let mut ring = self.ring.lock();
        let (start, collecting) = (ring.start, ring.subscribers > 0);
        let Some(lane) = ring.lanes.get_mut(shard as usize) else {
            return;
        };
        lane.end = end;
        if collecting {
            let event = |(&cursor, &observation)| FeedEvent {
                cursor,
                observation,
            };
            let events = places.iter().zip(rows).map(event);
            lane.events
                .extend(events.filter(|event| event.cursor.offset >= start));
        }
        let merged = ring.merge(self.events_max);
        let wake = collecting && merged;
        let end = ring.end;
        drop(ring);
        if wake {
            self.end.send_replace(end);
        }
    }

    /// What follows `place`.
    pub(crate) fn find(&self, place: Cursor) -> Found {
        let ring = self.ring.lock();
        if ring.closed {
            return Found::Closed;
        }
        if place.offset >= ring.end {
            return Found::Wait { next: place.offset };
        }
        if place.offset < ring.start {
            return Found::Log {
                until: ring.start.min(ring.end),
            };
        }
        let from = ring
            .batches
            .partition_point(|piece| piece.end <= place.offset);
        for piece in ring.batches.range(from..) {
            if let Some(batch) = behind(&piece.batch, place) {
                return Found::Readings {
                    batch,
                    next: piece.end,
                };
            }
        }
        Found::Wait { next: ring.end }
    }

    /// The first offset that is not in the feed yet.
    pub(crate) fn end(&self) -> u64 {
        self.ring.lock().end
    }

    /// Changes when there is more.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.end.subscribe()
    }

    /// One subscriber more: the first makes the ring begin.
    pub(crate) fn enter(&self) {
        let mut ring = self.ring.lock();
        if ring.subscribers == 0 {
            ring.restart();
        }
        ring.subscribers += 1;
    }

    /// One subscriber less.
    pub(crate) fn leave(&self) {
        let mut ring = self.ring.lock();
        ring.subscribers -= 1;
        if ring.subscribers == 0 {
            ring.restart();
        }
    }

    /// Ends all subscriptions.
    pub(crate) fn close(&self) {
        self.ring.lock().closed = true;
        self.end.send_modify(|_| {});
    }
}

impl Ring {
    /// Empties it; it begins where the foremost shard stands, since what that shard handed over
    /// before is not here.
    fn restart(&mut self) {
        self.batches.clear();
        self.events = 0;
        self.start = self
            .lanes
            .iter()
            .map(|lane| lane.end)
            .max()
            .unwrap_or(self.end);
        for lane in &mut self.lanes {
            lane.events.clear();
            lane.events.shrink_to_fit();
        }
    }

    /// Moves what every shard has passed into the ring; says whether the end moved.
    fn merge(&mut self, events_max: usize) -> bool {
        let end = self
            .lanes
            .iter()
            .map(|lane| lane.end)
            .min()
            .unwrap_or(self.end);
        let waiting: usize = self.lanes.iter().map(|lane| lane.events.len()).sum();
        if end <= self.end {
            // A shard that stands still must not make the others' readings pile up.
            if waiting > events_max {
                self.restart();
            }
            return false;
        }
        self.end = end;
        let mut events = Vec::new();
        loop {
            let first = |lane: &Lane| lane.events.front().map(|event| event.cursor);
            let next = self
                .lanes
                .iter_mut()
                .filter_map(|lane| Some((first(lane)?, lane)))
                .min_by_key(|(cursor, _)| *cursor);
            match next {
                Some((cursor, lane)) if cursor.offset < end => {
                    events.extend(lane.events.pop_front());
                }
                _ => break,
            }
        }
        self.push(end, events, events_max);
        true
    }

    fn push(&mut self, end: u64, events: Vec<FeedEvent>, events_max: usize) {
        if events.is_empty() {
            if let Some(last) = self.batches.back_mut() {
                last.end = end;
            }
            return;
        }
        self.events += events.len();
        self.batches.push_back(Piece {
            end,
            batch: Arc::new(FeedBatch { events }),
        });
        while self.events > events_max && self.batches.len() > 1 {
            if let Some(oldest) = self.batches.pop_front() {
                self.events -= oldest.batch.events.len();
                self.start = self.start.max(oldest.end);
            }
        }
    }
}

/// The readings of a batch at or behind a place; the batch itself if that is all of them.
fn behind(batch: &Arc<FeedBatch>, place: Cursor) -> Option<Arc<FeedBatch>> {
    let from = batch.events.partition_point(|event| event.cursor < place);
    match batch.events.get(from..) {
        None | Some([]) => None,
        Some(_) if from == 0 => Some(Arc::clone(batch)),
        Some(rest) => Some(Arc::new(FeedBatch {
            events: rest.to_vec(),
        })),
    }
}
