//! Normalised readings on MQTT: from the feed to `live/…` topics.

use nhip_api::LiveReadings;
use nhip_broker::Broker;
use nhip_ingest::{FeedBatch, FeedError, FeedReader, View};
use nhip_registry::Registry;
use nhip_wire::topic;
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// The first level of the topics.
const LEVEL: &str = "live";
/// How often it looks for subscribers while there are none: the first gets readings from up to
/// so long before.
const LOOK: Duration = Duration::from_millis(100);
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
            broker.publish_batch(messages.iter());
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
    /// Where each topic and payload ends.
    ends: Vec<(usize, usize)>,
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
                self.ends.push((self.topics.len(), self.payloads.len()));
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let mut from = (0, 0);
        self.ends.iter().map(move |&(topic, payload)| {
            let message = (&self.topics[from.0..topic], &self.payloads[from.1..payload]);
            from = (topic, payload);
            message
        })
    }
}
