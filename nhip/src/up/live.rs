//! Normalised readings on MQTT: from the feed to `live/…` topics.

use nhip_api::LiveReadings;
use nhip_broker::{Broker, LiveError, LiveMessage, LiveSource};
use nhip_ingest::{Cursor, FeedBatch, FeedError, FeedReader, View};
use nhip_registry::Registry;
use nhip_wire::topic;
use std::{convert::Infallible, ops::ControlFlow, sync::Arc, time::Duration};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// The first level of the topics.
const LEVEL: &str = "live";
/// How often it looks for subscribers while there are none: the first gets readings from up to
/// so long before.
const LOOK: Duration = Duration::from_millis(100);
/// How long a reading that was published before may take to be found again.
const NEXT: Duration = Duration::from_secs(2);
/// Before the feed is opened again after it failed.
const RETRY: Duration = Duration::from_secs(1);

/// Follows the feed until `ending`. Live means from now on: what a subscriber missed is in the
/// history, so a failure begins anew at the newest reading.
pub async fn publish(
    view: Arc<dyn View>,
    registry: Arc<Registry>,
    broker: Arc<Broker>,
    ending: CancellationToken,
) {
    let mut messages = Messages::default();
    loop {
        let outcome = tokio::select! {
            outcome = follow(&*view, &registry, &broker, &mut messages) => outcome,
            () = ending.cancelled() => return,
        };
        match outcome {
            Err(FeedError::Closed) => return,
            Err(error) => warn!(%error, "live topics begin anew"),
        }
        tokio::time::sleep(RETRY).await;
    }
}

async fn follow(
    view: &dyn View,
    registry: &Registry,
    broker: &Broker,
    messages: &mut Messages,
) -> Result<Infallible, FeedError> {
    loop {
        let mut feed = when_reached(view, broker).await?;
        while broker.may_reach(LEVEL) {
            let batch = feed.next().await?;
            messages.render(&batch, registry);
            broker.publish_live(messages.iter()).await;
        }
    }
}

/// A place in the feed from before anybody subscribed. Nothing is collected for it until it is
/// read.
async fn when_reached(view: &dyn View, broker: &Broker) -> Result<Box<dyn FeedReader>, FeedError> {
    let mut feed = view.subscribe(None)?;
    loop {
        let newer = view.subscribe(None)?;
        // `feed` is from before the last look, when there was nobody.
        if broker.may_reach(LEVEL) {
            return Ok(feed);
        }
        feed = newer;
        tokio::time::sleep(LOOK).await;
    }
}

/// The messages of one batch, in two buffers that are used again.
#[derive(Default)]
struct Messages {
    readings: LiveReadings,
    topics: String,
    payloads: Vec<u8>,
    /// The place of each message, and where its topic and payload end.
    ends: Vec<(u64, usize, usize)>,
}

impl Messages {
    fn render(&mut self, batch: &FeedBatch, registry: &Registry) {
        self.topics.clear();
        self.payloads.clear();
        self.ends.clear();
        for event in &batch.events {
            let series = event.observation.series;
            let Some(datastream) = registry.datastream(series) else {
                continue;
            };
            let Some(device) = registry.device_by_id(datastream.device) else {
                continue;
            };
            let written = topic::write_live(
                &mut self.topics,
                &topic::Live {
                    property: &datastream.property,
                    place: device.place.as_deref().unwrap_or(topic::UNPLACED),
                    device: &device.name,
                    datastream: &datastream.name,
                },
            );
            let rendered = written.is_ok()
                && self
                    .readings
                    .append(registry, &event.observation, &mut self.payloads);
            if rendered {
                let place = place(event.cursor);
                self.ends
                    .push((place, self.topics.len(), self.payloads.len()));
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = LiveMessage<'_>> {
        let mut from = (0, 0);
        self.ends.iter().map(move |&(place, topic, payload)| {
            let message = LiveMessage {
                place,
                topic: &self.topics[from.0..topic],
                payload: &self.payloads[from.1..payload],
            };
            from = (topic, payload);
            message
        })
    }
}

/// Readings of one record that have places of their own.
const PLACES: u64 = 1 << 20;

/// Where a reading stands, as one number that isn't 0.
fn place(cursor: Cursor) -> u64 {
    cursor.offset * PLACES + u64::from(cursor.index).min(PLACES - 1) + 1
}

/// The cursor that the reading at `place` is behind.
fn before(place: u64) -> Cursor {
    let (offset, index) = ((place - 1) / PLACES, (place - 1) % PLACES);
    match index.checked_sub(1) {
        Some(index) => Cursor {
            offset,
            index: index as u32,
        },
        None => Cursor {
            offset: offset.saturating_sub(1),
            index: u32::MAX,
        },
    }
}

/// Makes live messages again from the log, for a subscriber that was slower than they came.
pub struct Again {
    view: Arc<dyn View>,
    registry: Arc<Registry>,
    runtime: Handle,
}

impl Again {
    /// For the platform's own threads, beside the current runtime.
    pub fn new(view: Arc<dyn View>, registry: Arc<Registry>) -> Self {
        Self {
            view,
            registry,
            runtime: Handle::current(),
        }
    }
}

impl LiveSource for Again {
    fn read(
        &self,
        from: u64,
        found: &mut dyn FnMut(LiveMessage<'_>) -> ControlFlow<()>,
    ) -> Result<(), LiveError> {
        let mut feed = match self.view.subscribe(Some(before(from.max(1)))) {
            Ok(feed) => feed,
            // Nothing is behind it yet.
            Err(FeedError::Beyond { .. }) => return Ok(()),
            Err(error) => return Err(unmade(&error)),
        };
        let next = async { tokio::time::timeout(NEXT, feed.next()).await };
        let batch = match self.runtime.block_on(next) {
            Ok(batch) => batch.map_err(|error| unmade(&error))?,
            Err(_) => return Ok(()),
        };
        let mut messages = Messages::default();
        messages.render(&batch, &self.registry);
        for message in messages.iter() {
            if message.place >= from && found(message).is_break() {
                break;
            }
        }
        Ok(())
    }
}

fn unmade(error: &FeedError) -> LiveError {
    match error {
        FeedError::Trimmed { start, .. } => LiveError::Trimmed {
            start: place(*start),
        },
        error => LiveError::Failed {
            reason: error.to_string(),
        },
    }
}
