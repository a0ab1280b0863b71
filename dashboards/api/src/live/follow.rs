//! The way of live readings to one client, whatever carries them.

use super::{Subscriber, carrier::Carrier, carrier::Refused, end::End};
use bytes::Bytes;
use nhip_ingest::FeedBatch;
use std::sync::Arc;
use tokio::time::MissedTickBehavior;

/// How much text is sent at once, bytes.
pub(super) const CHUNK_BYTES: usize = 32 << 10;

/// Carries readings until there is a reason to end, and tells it.
pub(super) async fn run<C: Carrier>(mut subscriber: Subscriber, mut carrier: C) {
    let end = match follow(&mut subscriber, &mut carrier).await {
        Ok(never) => match never {},
        Err(end) => end,
    };
    subscriber.note(&end);
    // Its place is free for others while it takes its last word.
    drop(subscriber);
    carrier.end(end).await;
}

async fn follow<C: Carrier>(
    subscriber: &mut Subscriber,
    carrier: &mut C,
) -> Result<std::convert::Infallible, End> {
    let heartbeat = subscriber.heartbeat();
    let mut tick = tokio::time::interval(heartbeat);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick.reset();
    loop {
        let batch = next(subscriber, carrier, &mut tick).await?;
        subscriber.filter.follow(&subscriber.app.parts.registry);
        let mut upto = 0;
        while upto < batch.events.len() {
            let from = upto;
            let chunk;
            (chunk, upto) = render(subscriber, carrier, &batch, from);
            let Some(chunk) = chunk else { continue };
            tokio::select! {
                sent = carrier.send(chunk) => sent?,
                () = subscriber.app.parts.shutdown.cancelled() => return Err(End::Shutdown),
            }
            tick.reset();
        }
    }
}

/// The next readings; says meanwhile that the stream is there.
async fn next<C: Carrier>(
    subscriber: &mut Subscriber,
    carrier: &mut C,
    tick: &mut tokio::time::Interval,
) -> Result<Arc<FeedBatch>, End> {
    let mut next = subscriber.reader.next();
    loop {
        tokio::select! {
            batch = &mut next => return batch.map_err(End::Feed),
            _ = tick.tick() => carrier.beat().await?,
            () = subscriber.app.parts.shutdown.cancelled() => return Err(End::Shutdown),
            () = carrier.left() => return Err(End::Left),
        }
    }
}

/// Readings that were asked for, from number `from` on, as many as are enough for one chunk;
/// and how far it came.
fn render<C: Carrier>(
    subscriber: &mut Subscriber,
    carrier: &C,
    batch: &FeedBatch,
    from: usize,
) -> (Option<Bytes>, usize) {
    let fragments = subscriber
        .app
        .fragments
        .current(&subscriber.app.parts.registry);
    let mut text = Vec::new();
    let mut upto = batch.events.len();
    for (number, event) in batch.events.iter().enumerate().skip(from) {
        if text.len() >= CHUNK_BYTES {
            upto = number;
            break;
        }
        let series = event.observation.series;
        if !subscriber.filter.takes(series) {
            continue;
        }
        if let Some(fragment) = fragments.get(series) {
            if text.is_empty() {
                text.reserve(CHUNK_BYTES + 1_024);
            }
            carrier.write(&mut text, event, fragment);
            subscriber.readings += 1;
        }
    }
    drop(fragments);
    if text.is_empty() {
        return (None, upto);
    }
    (Some(text.into()), upto)
}

impl From<Refused> for End {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Closed => Self::Left,
            Refused::Full => Self::TooSlow,
        }
    }
}
