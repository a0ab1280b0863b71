//! The feed of live readings, in memory.

use nhip_ingest::{FeedBatch, FeedError, FeedEvent, FeedReader};
use parking_lot::Mutex;
use std::{future::Future, pin::Pin, sync::Arc};
use tokio::sync::Notify;

/// The feed, shared by the fold and its readers.
#[derive(Default)]
pub(super) struct Feed {
    pub(super) events: Mutex<Vec<FeedEvent>>,
    pub(super) fed: Notify,
}

pub(super) struct Follow {
    pub(super) feed: Arc<Feed>,
    pub(super) at: usize,
}

/// How many events a reader gets at once.
const BATCH: usize = 1_000;

impl FeedReader for Follow {
    fn next(
        &mut self,
    ) -> Pin<Box<dyn Future<Output = Result<Arc<FeedBatch>, FeedError>> + Send + '_>> {
        Box::pin(async move {
            loop {
                let fed = self.feed.fed.notified();
                let events: Vec<FeedEvent> = {
                    let feed = self.feed.events.lock();
                    feed[self.at..].iter().take(BATCH).copied().collect()
                };
                if !events.is_empty() {
                    self.at += events.len();
                    return Ok(Arc::new(FeedBatch { events }));
                }
                fed.await;
            }
        })
    }
}
