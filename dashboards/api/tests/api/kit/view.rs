//! What the fold shows.

use super::{city::NOW_US, feed::Follow, fold::Fold};
use nhip_ingest::{
    Activity, Cursor, DeadLetter, DeadLetterQuery, FeedError, FeedReader, Lag, Reconciliation,
    ReplayOutcome, View, ViewError,
};
use nhip_registry::DeviceId;
use nhip_store::{Observation, SeriesId};
use std::sync::Arc;

impl View for Fold {
    fn latest(&self, series: &[SeriesId], out: &mut Vec<Option<Observation>>) {
        let latest = self.latest.lock();
        out.clear();
        out.extend(series.iter().map(|series| latest.get(series).copied()));
    }

    fn reconciliation(&self) -> Reconciliation {
        Reconciliation {
            received: 10,
            stored: 7,
            duplicate: 2,
            rejected: 1,
            pending: 0,
            unread: 3,
        }
    }

    fn reconciliation_of(&self, device: &str) -> Option<Reconciliation> {
        self.figures.lock().get(device).copied()
    }

    fn reconciliation_by_device(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Vec<(Arc<str>, Reconciliation)> {
        let figures = self.figures.lock();
        let behind = figures
            .iter()
            .filter(|(name, _)| after.is_none_or(|after| name.as_str() > after));
        behind
            .take(limit)
            .map(|(name, of)| (name.as_str().into(), *of))
            .collect()
    }

    fn activity(&self, _: DeviceId) -> Option<Activity> {
        Some(Activity {
            last_seen_us: NOW_US,
            status: Some("online".into()),
        })
    }

    fn lag(&self) -> Lag {
        Lag {
            records: 3,
            seconds: 0.5,
            store_unavailable: false,
        }
    }

    fn dead_letters(&self, query: &DeadLetterQuery) -> Result<Vec<DeadLetter>, ViewError> {
        let mut letters = self.letters.lock().clone();
        if query.newest_first {
            letters.reverse();
        }
        let asked = letters.iter().filter(|letter| {
            query.is_behind(letter.offset)
                && query
                    .reason
                    .as_deref()
                    .is_none_or(|reason| letter.reasons.iter().any(|why| **why == *reason))
        });
        Ok(asked.take(query.limit).cloned().collect())
    }

    fn replay(&self, query: &DeadLetterQuery) -> Result<ReplayOutcome, ViewError> {
        if query.reason.as_deref() == Some("stalled") {
            return Err(ViewError::LogStalled {
                reason: "no space".into(),
            });
        }
        Ok(ReplayOutcome {
            replayed: query.offsets.len() as u64,
            until_offset: 99,
        })
    }

    fn subscribe(&self, after: Option<Cursor>) -> Result<Box<dyn FeedReader>, FeedError> {
        let end = self.feed.events.lock().len();
        let start = *self.trimmed.lock();
        let at = match after {
            None => end,
            Some(asked) if asked < start => return Err(FeedError::Trimmed { asked, start }),
            Some(asked) if asked.offset >= end as u64 => {
                let end = Cursor {
                    offset: end as u64,
                    index: 0,
                };
                return Err(FeedError::Beyond { asked, end });
            }
            Some(asked) => asked.offset as usize + 1,
        };
        Ok(Box::new(Follow {
            feed: self.feed.clone(),
            at,
        }))
    }
}
