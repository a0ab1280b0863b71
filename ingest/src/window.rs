//! The reading side of ingest.

use crate::{
    config::Clock,
    feed::{self, Feed, Sources},
    latest::Latest,
    letters,
    replay::Replays,
    shard::{self, Board, Shared},
    state::Figures,
    view::{
        Activity, Cursor, DeadLetter, DeadLetterQuery, FeedError, FeedReader, Lag, Reconciliation,
        ReplayOutcome, View, ViewError,
    },
};
use nhip_log::{Offset, Records};
use nhip_registry::DeviceId;
use nhip_store::{Observation, SeriesId};
use nhip_wire::envelope::Envelope;
use std::{collections::BTreeMap, ops::Bound, sync::Arc};

/// What the shards show, put together.
pub(crate) struct Window {
    pub(crate) sources: Sources,
    pub(crate) latest: Arc<Latest>,
    pub(crate) feed: Arc<Feed>,
    pub(crate) clock: Clock,
    pub(crate) replays: Replays,
}

impl Window {
    fn each<T>(&self, mut what: impl FnMut(&Board) -> T) -> Vec<T> {
        let shards = &self.sources.shards;
        shards.iter().map(|shared| what(&shared.board())).collect()
    }

    /// Log records that some shard has not looked at.
    pub(crate) fn unread(&self) -> u64 {
        let end = self.sources.log.state().durable_end.0;
        let reached = self.each(|board| board.reached).into_iter().min();
        end.saturating_sub(reached.unwrap_or(end))
    }

    /// When the oldest record that some shard has not looked at was received.
    fn oldest_unread_us(&self) -> Option<i64> {
        let reached = self.each(|board| board.reached).into_iter().min()?;
        let mut reader = self.sources.log.reader(Offset(reached)).ok()?;
        let mut records = Records::default();
        reader.read(&mut records, 1).ok()?;
        let (_, record) = records.iter().next()?;
        let envelope = Envelope::read(record).ok()?;
        i64::try_from(envelope.received_us).ok()
    }

    /// Readings that wait for the store.
    pub(crate) fn pending(&self) -> u64 {
        self.each(|board| board.pending).into_iter().sum()
    }

    /// What ended a shard, if one has ended.
    pub(crate) fn failure(&self) -> Option<String> {
        self.each(|board| board.failed.clone())
            .into_iter()
            .flatten()
            .next()
    }

    fn of_device(&self, name: &str) -> Option<Reconciliation> {
        let shown = self.each(|board| board.device(name).map(shard::Shown::reconciliation));
        shown.into_iter().flatten().reduce(sum)
    }
}

impl View for Window {
    fn latest(&self, series: &[SeriesId], out: &mut Vec<Option<Observation>>) {
        self.latest.read(series, out);
    }

    fn reconciliation(&self) -> Reconciliation {
        // The end of the log first: what is read of it in between is not unread then.
        let unread = self.unread();
        let shards = self.each(|board| shard::reconciliation(board.totals, board.pending));
        let total = shards
            .into_iter()
            .fold(shard::reconciliation(Figures::default(), 0), sum);
        Reconciliation { unread, ..total }
    }

    fn reconciliation_of(&self, device: &str) -> Option<Reconciliation> {
        let unread = self.unread();
        let figures = self.of_device(device)?;
        Some(Reconciliation { unread, ..figures })
    }

    fn reconciliation_by_device(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Vec<(Arc<str>, Reconciliation)> {
        let unread = self.unread();
        let mut found: BTreeMap<Arc<str>, Reconciliation> = BTreeMap::new();
        for shared in &self.sources.shards {
            let board = shared.board();
            let from = after.map_or(Bound::Unbounded, Bound::Excluded);
            let behind = board.names.range::<str, _>((from, Bound::Unbounded));
            for (name, &slot) in behind.take(limit) {
                let Some(shown) = board.devices.get(slot as usize) else {
                    continue;
                };
                let figures = shown.reconciliation();
                let known = found.entry(Arc::clone(name)).or_default();
                *known = sum(*known, figures);
            }
        }
        let with_unread = |(name, figures)| (name, Reconciliation { unread, ..figures });
        found.into_iter().take(limit).map(with_unread).collect()
    }

    fn activity(&self, device: DeviceId) -> Option<Activity> {
        let device = self.sources.directory.device_by_id(device)?;
        let shard = shard::shard_of(&device.name, self.sources.config.shards);
        let board = self.sources.shards.get(shard as usize)?.board();
        let shown = board.device(&device.name)?;
        Some(Activity {
            last_seen_us: shown.last_seen_us,
            status: shown.status.clone(),
        })
    }

    fn lag(&self) -> Lag {
        let records = self.unread();
        let shards = self.each(|board| (board.fresh_us, board.held_up || board.failed.is_some()));
        let fresh_us = match shards.iter().map(|(fresh_us, _)| *fresh_us).min() {
            Some(fresh_us) if fresh_us > 0 => Some(fresh_us),
            // Nothing was folded since the start.
            _ => self.oldest_unread_us(),
        };
        let now_us = (self.clock)();
        let behind_us = now_us.saturating_sub(fresh_us.unwrap_or(now_us));
        Lag {
            records,
            seconds: if records == 0 {
                0.0
            } else {
                behind_us.max(0) as f64 / 1e6
            },
            store_unavailable: shards.iter().any(|(_, held_up)| *held_up),
        }
    }

    fn dead_letters(&self, query: &DeadLetterQuery) -> Result<Vec<DeadLetter>, ViewError> {
        let found = letters::list(&self.sources, query)?;
        Ok(found.into_iter().map(|found| found.letter).collect())
    }

    fn replay(&self, query: &DeadLetterQuery) -> Result<ReplayOutcome, ViewError> {
        self.replays.replay(&self.sources, query, (self.clock)())
    }

    fn subscribe(&self, after: Option<Cursor>) -> Result<Box<dyn FeedReader>, FeedError> {
        Ok(Box::new(feed::subscribe(&self.feed, &self.sources, after)?))
    }
}

fn sum(a: Reconciliation, b: Reconciliation) -> Reconciliation {
    Reconciliation {
        received: a.received + b.received,
        stored: a.stored + b.stored,
        duplicate: a.duplicate + b.duplicate,
        rejected: a.rejected + b.rejected,
        pending: a.pending + b.pending,
        unread: 0,
    }
}

/// The lowest position of all shards: everything before it is folded and in the store.
pub(crate) fn position(shards: &[Arc<Shared>]) -> u64 {
    let positions = shards.iter().map(|shared| shared.board().position);
    positions.min().unwrap_or_default()
}
