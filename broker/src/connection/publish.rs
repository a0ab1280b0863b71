//! PUBLISH on its way into the log: the hot path. No allocation, no lock, no clock a message.

use super::acks::Due;
use super::scratch::Scratch;
use super::{ClientStream, Connection, End, Turn};
use crate::codec::{Property, Publish, Reason, Version};
use crate::fanout::UNLOGGED;
use crate::identity::Claim;
use crate::retained::Promises;
use crate::session::whole_ms;
use nhip_wire::envelope::{Envelope, HEADER_BYTES, Kind};

/// What was last decided, good for the packets of one read.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    topic: Vec<u8>,
    claim: Option<Result<Claim, Reason>>,
}

impl<S: ClientStream> Connection<S> {
    pub(super) fn publish(
        &mut self,
        first: u8,
        body: &[u8],
        scratch: &mut Scratch,
        now_us: u64,
    ) -> Result<(), Turn> {
        let version = self.version;
        let mut publish = match Publish::read(version, first, body) {
            Ok(publish) => publish,
            Err(error) => {
                self.core.metrics.refuse(error.reason());
                return Err(Turn::End(End::Closed(error.reason())));
            }
        };
        let aliased;
        if version == Version::V5 {
            if publish.qos > 0 && self.acks.window() >= usize::from(self.core.config.receive_max) {
                return Err(self.refuse_all(Reason::RECEIVE_MAXIMUM_EXCEEDED));
            }
            if !publish.properties.is_empty() || publish.topic.is_empty() {
                let resolved = self.resolve_topic(&publish);
                aliased = resolved.map_err(|reason| self.refuse_all(reason))?;
                if let Some(topic) = &aliased {
                    publish.topic = topic;
                }
            }
        }
        if publish.qos == 2 && self.is_held(publish.packet_id) {
            // It is here: the answer didn't reach the client (MQTT-4.3.3-10).
            self.acks
                .push(publish.packet_id, Due::Pubrec, Reason::SUCCESS);
            return Ok(());
        }
        match self.judge(&publish, scratch)? {
            Ok(claim) => self.accept(&publish, claim, scratch, now_us),
            Err(reason) => return self.refuse(&publish, reason),
        }
        Ok(())
    }

    fn judge(
        &mut self,
        publish: &Publish<'_>,
        scratch: &mut Scratch,
    ) -> Result<Result<Claim, Reason>, Turn> {
        let verdict = self.verdict(publish.topic, scratch);
        if verdict.is_ok() && publish.retain && !self.has_room(publish, scratch)? {
            return Ok(Err(Reason::QUOTA_EXCEEDED));
        }
        Ok(verdict)
    }

    fn accept(&mut self, publish: &Publish<'_>, claim: Claim, scratch: &mut Scratch, now_us: u64) {
        let envelope = Envelope {
            kind: Kind::Published,
            retain: publish.retain,
            qos: publish.qos,
            v5: self.version == Version::V5,
            received_us: whole_ms(now_us as i64),
            // What makes the message and its packet id one record.
            origin: match publish.qos == 2 && self.durable {
                true => u64::from(publish.packet_id),
                false => 0,
            },
            client: &self.session.client,
            topic: publish.topic,
            properties: publish.properties.bytes(),
            payload: publish.payload,
        };
        let header = envelope.header();
        let [client, topic, properties, payload] = envelope.parts();
        let parts = [&header[..], client, topic, properties, payload];
        if publish.qos > 0 || publish.retain || claim != Claim::None {
            scratch.batch.push(&parts);
            self.retains |= publish.retain;
            if publish.qos == 2 {
                self.changes.hold(publish.packet_id);
                self.retains |= self.durable;
            }
            if publish.qos > 0 {
                self.acks
                    .push(publish.packet_id, answer(publish.qos), Reason::SUCCESS);
            }
        } else {
            self.core.metrics.publishes.inc();
            if self.core.subscriptions.read().any(publish.topic) {
                scratch.direct.push(UNLOGGED, &parts);
            }
        }
    }

    fn refuse(&mut self, publish: &Publish<'_>, reason: Reason) -> Result<(), Turn> {
        self.core.metrics.refuse(reason);
        match (self.version, publish.qos) {
            (Version::V311, _) => return Err(Turn::End(End::Closed(reason))),
            // QoS 0 has no answer that would say so.
            (Version::V5, 0) => {}
            (Version::V5, qos) => self.acks.push(publish.packet_id, answer(qos), reason),
        }
        Ok(())
    }

    fn refuse_all(&self, reason: Reason) -> Turn {
        self.core.metrics.refuse(reason);
        Turn::End(End::Closed(reason))
    }

    /// Holds room for a retained message. Before one is refused the log gets what the client
    /// published before it, which may make room.
    fn has_room(&mut self, publish: &Publish<'_>, scratch: &mut Scratch) -> Result<bool, Turn> {
        let bytes = match publish.payload.is_empty() {
            true => 0,
            false => self.record_bytes(publish),
        };
        loop {
            let retained = &self.core.retained;
            let promises = self
                .promises
                .get_or_insert_with(|| Box::new(Promises::new(retained)));
            if promises.promise(publish.topic, bytes).is_ok() {
                return Ok(true);
            }
            if promises.is_empty() {
                return Ok(false);
            }
            self.append(&mut scratch.batch).map_err(Turn::End)?;
            if self.stalled.is_some() {
                return Err(Turn::Full);
            }
            self.promises = None;
        }
    }

    fn record_bytes(&self, publish: &Publish<'_>) -> u32 {
        let bytes = HEADER_BYTES
            + self.session.client.len()
            + publish.topic.len()
            + publish.properties.bytes().len()
            + publish.payload.len();
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }

    fn resolve_topic(&mut self, publish: &Publish<'_>) -> Result<Option<Box<str>>, Reason> {
        let mut alias = None;
        for property in publish.properties.iter() {
            match property {
                Property::TopicAlias(number) => alias = Some(number),
                // Only a server sends it (MQTT-3.3.4-6).
                Property::SubscriptionIdentifier(_) => return Err(Reason::PROTOCOL_ERROR),
                _ => {}
            }
        }
        let Some(alias) = alias else {
            return match publish.topic.is_empty() {
                true => Err(Reason::PROTOCOL_ERROR),
                false => Ok(None),
            };
        };
        if alias == 0 || alias > self.core.config.topic_alias_max {
            return Err(Reason::TOPIC_ALIAS_INVALID);
        }
        let at = usize::from(alias) - 1;
        if publish.topic.is_empty() {
            let held = self.aliases.get(at).filter(|topic| !topic.is_empty());
            return held.cloned().map(Some).ok_or(Reason::PROTOCOL_ERROR);
        }
        if publish.topic.len() <= self.core.config.topic_bytes_max {
            if self.aliases.len() <= at {
                self.aliases.resize(at + 1, Box::default());
            }
            self.aliases[at] = publish.topic.into();
        }
        Ok(None)
    }

    fn verdict(&mut self, topic: &str, scratch: &mut Scratch) -> Result<Claim, Reason> {
        let held = &mut scratch.verdict;
        if let Some(claim) = held.claim
            && held.topic == topic.as_bytes()
        {
            return claim;
        }
        let claim = self.core.judge(&self.principal, topic);
        held.topic.clear();
        held.topic.extend_from_slice(topic.as_bytes());
        held.claim = Some(claim);
        claim
    }
}

fn answer(qos: u8) -> Due {
    match qos {
        2 => Due::Pubrec,
        _ => Due::Puback,
    }
}

impl Verdict {
    /// Rights and rules are asked again at the next read.
    pub(super) fn forget(&mut self) {
        self.claim = None;
    }
}
