//! The message that a lost client left behind.

use super::durable::KeptWill;
use crate::codec::{Property, PropertyList, Version, Will};
use nhip_log::Batch;
use nhip_wire::envelope::{Envelope, Kind};
use std::sync::Arc;

/// A will, kept until its client ends well.
#[derive(Clone, Debug)]
pub(crate) struct StoredWill {
    client: Arc<str>,
    v5: bool,
    pub(crate) qos: u8,
    pub(crate) retain: bool,
    pub(crate) topic: Box<str>,
    properties: PropertyList,
    payload: Box<[u8]>,
    /// Seconds between the loss and the message.
    pub(crate) delay_s: u32,
}

impl StoredWill {
    pub(crate) fn new(client: &Arc<str>, version: Version, will: Will<'_>) -> Self {
        let mut properties = PropertyList::default();
        let mut delay_s = 0;
        for property in will.properties.iter() {
            match property {
                Property::WillDelay(seconds) => delay_s = seconds,
                other => {
                    properties.push(other);
                }
            }
        }
        Self {
            client: Arc::clone(client),
            v5: version == Version::V5,
            qos: will.qos,
            retain: will.retain,
            topic: will.topic.into(),
            properties,
            payload: will.payload.into(),
            delay_s,
        }
    }

    fn envelope(&self, now_us: i64) -> Envelope<'_> {
        Envelope {
            kind: Kind::Published,
            retain: self.retain,
            qos: self.qos,
            v5: self.v5,
            received_us: whole_ms(now_us),
            origin: 0,
            client: &self.client,
            topic: &self.topic,
            properties: self.properties.list().bytes(),
            payload: &self.payload,
        }
    }

    /// Adds it to `batch` as a message of its client.
    pub(crate) fn push(&self, batch: &mut Batch, now_us: i64) {
        let envelope = self.envelope(now_us);
        let header = envelope.header();
        let [client, topic, properties, payload] = envelope.parts();
        batch.push(&[&header, client, topic, properties, payload]);
    }

    /// The will as a durable session keeps it.
    pub(crate) fn kept(&self) -> KeptWill {
        let envelope = self.envelope(0);
        let mut record = envelope.header().to_vec();
        for part in envelope.parts() {
            record.extend_from_slice(part);
        }
        KeptWill {
            delay_s: self.delay_s,
            record: record.into(),
        }
    }
}

/// Adds the message of a kept will to `batch`, received now.
pub(crate) fn push_kept(will: &KeptWill, batch: &mut Batch, now_us: i64) {
    let received = whole_ms(now_us).to_le_bytes();
    // Behind kind and flags, before the origin (`wire/src/envelope.rs`).
    if let (Some(kind), Some(rest)) = (will.record.get(..2), will.record.get(10..)) {
        batch.push(&[kind, &received, rest]);
    }
}

/// The log keeps whole milliseconds, which compress better.
pub(crate) fn whole_ms(now_us: i64) -> u64 {
    u64::try_from(now_us).unwrap_or(0) / 1000 * 1000
}
