//! Messages of a platform that the test plays.

use super::House;
use nhip_broker::{LiveError, LiveMessage, LiveSource};
use parking_lot::Mutex;
use std::{ops::ControlFlow, ops::Range, sync::atomic::AtomicUsize, sync::atomic::Ordering};

/// One message a number, on topic `live/<number>`.
#[derive(Default)]
pub struct Live {
    /// Places that can be made again.
    pub places: Mutex<Range<u64>>,
    pub reads: AtomicUsize,
}

impl LiveSource for Live {
    fn read(
        &self,
        place: u64,
        found: &mut dyn FnMut(LiveMessage<'_>) -> ControlFlow<()>,
    ) -> Result<(), LiveError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let Range { start, end } = self.places.lock().clone();
        if place < start {
            return Err(LiveError::Trimmed { start });
        }
        for place in place..end {
            let payload = place.to_string();
            let topic = format!("live/{payload}");
            let message = LiveMessage {
                place,
                topic: &topic,
                payload: payload.as_bytes(),
            };
            if found(message).is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl House {
    /// Publishes the platform's messages at `places`, which can all be made again.
    pub async fn publish_live(&self, places: Range<u64>) {
        {
            let mut held = self.live.places.lock();
            held.end = places.end;
        }
        let texts: Vec<(u64, String, String)> = places
            .map(|place| (place, format!("live/{place}"), place.to_string()))
            .collect();
        for chunk in texts.chunks(100) {
            let messages = chunk.iter().map(|(place, topic, payload)| LiveMessage {
                place: *place,
                topic,
                payload: payload.as_bytes(),
            });
            self.broker.publish_live(messages).await;
        }
    }
}
