//! One subscriber.

use super::{Again, Feed, Found, again::Sources};
use crate::view::{Cursor, FeedBatch, FeedError, FeedReader, NextBatch};
use std::sync::Arc;
use tokio::{sync::watch, task};

/// A place in the feed, and nothing that grows.
pub(crate) struct Subscription {
    feed: Arc<Feed>,
    sources: Sources,
    again: Option<Again>,
    changed: watch::Receiver<u64>,
    /// The first reading that was not given out.
    place: Cursor,
    /// Whether the feed collects for it: from its first reading on.
    entered: bool,
}

/// A reader from the next reading on, or behind a cursor.
pub(crate) fn subscribe(
    feed: &Arc<Feed>,
    sources: &Sources,
    after: Option<Cursor>,
) -> Result<Subscription, FeedError> {
    let state = sources.log.state();
    let place = match after {
        None => Cursor {
            offset: feed.end(),
            index: 0,
        },
        Some(asked) if asked.offset < state.start.0 => {
            return Err(FeedError::Trimmed {
                asked,
                start: Cursor {
                    offset: state.start.0,
                    index: 0,
                },
            });
        }
        Some(asked) if asked.offset >= state.durable_end.0 => {
            return Err(FeedError::Beyond {
                asked,
                end: Cursor {
                    offset: state.durable_end.0.saturating_sub(1),
                    index: 0,
                },
            });
        }
        Some(asked) => Cursor {
            offset: asked.offset,
            index: asked.index.saturating_add(1),
        },
    };
    Ok(Subscription {
        feed: Arc::clone(feed),
        sources: sources.clone(),
        again: None,
        changed: feed.watch(),
        place,
        entered: false,
    })
}

impl Subscription {
    async fn following(&mut self) -> Result<Arc<FeedBatch>, FeedError> {
        if !self.entered {
            self.feed.enter();
            self.entered = true;
        }
        loop {
            self.changed.borrow_and_update();
            match self.feed.find(self.place) {
                Found::Readings { batch, next } => {
                    self.go_to(next);
                    self.again = None;
                    return Ok(batch);
                }
                Found::Log { until } => {
                    if let Some(batch) = self.read_the_log(until).await? {
                        return Ok(batch);
                    }
                }
                Found::Wait { next } => {
                    self.go_to(next);
                    let closed = self.changed.changed().await;
                    closed.map_err(|_| FeedError::Closed)?;
                }
                Found::Closed => return Err(FeedError::Closed),
            }
        }
    }

    fn go_to(&mut self, offset: u64) {
        let next = Cursor { offset, index: 0 };
        self.place = self.place.max(next);
    }

    async fn read_the_log(&mut self, until: u64) -> Result<Option<Arc<FeedBatch>>, FeedError> {
        let again = self.again.take();
        let mut again = again.unwrap_or_else(|| Again::new(self.sources.clone()));
        let place = self.place;
        let work = task::spawn_blocking(move || (again.read(place, until), again));
        let (outcome, again) = work.await.map_err(|_| FeedError::Closed)?;
        self.again = Some(again);
        let (events, next) = outcome?;
        self.place = next;
        Ok((!events.is_empty()).then(|| Arc::new(FeedBatch { events })))
    }
}

impl FeedReader for Subscription {
    fn next(&mut self) -> NextBatch<'_> {
        Box::pin(self.following())
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if self.entered {
            self.feed.leave();
        }
    }
}
