//! A message as it is written for one subscriber.

use super::outbox::Aliases;
use crate::codec::{Properties, Property, PropertyList, Publish, Version};
use crate::metrics::Drop;
use nhip_wire::envelope::Envelope;

/// How a message goes out to one subscriber.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) qos: u8,
    pub(crate) retain: bool,
    pub(crate) dup: bool,
    pub(crate) packet_id: u16,
    pub(crate) identifiers: &'a [u32],
    /// Wall time, for the message's expiry.
    pub(crate) now_us: u64,
}

impl Outgoing<'_> {
    fn publish<'p>(
        &self,
        envelope: &Envelope<'p>,
        topic: &'p str,
        properties: &'p PropertyList,
    ) -> Publish<'p> {
        Publish {
            dup: self.dup,
            qos: self.qos,
            retain: self.retain,
            topic,
            packet_id: self.packet_id,
            properties: properties.list(),
            payload: envelope.payload,
        }
    }
}

/// What is known of the one who reads it.
pub(crate) struct Reader<'a> {
    pub(crate) version: Version,
    /// The largest packet that it takes.
    pub(crate) packet_bytes_max: usize,
    pub(crate) aliases: &'a mut Aliases,
}

/// What a new alias adds to a packet at most, bytes: itself, and one each for longer lengths.
const ALIAS_BYTES_MAX: usize = 3 + 2;

/// Appends the PUBLISH to `out`, or says why it can't be sent.
pub(crate) fn encode(
    envelope: &Envelope<'_>,
    outgoing: Outgoing<'_>,
    reader: Reader<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Drop> {
    let Reader {
        version,
        packet_bytes_max,
        aliases,
    } = reader;
    let mut rewritten = PropertyList::default();
    if !envelope.properties.is_empty() {
        rewrite(envelope, outgoing, &mut rewritten)?;
    }
    for &identifier in outgoing.identifiers {
        rewritten.push(Property::SubscriptionIdentifier(identifier));
    }
    let plain = outgoing
        .publish(envelope, envelope.topic, &rewritten)
        .bytes(version);
    let alias = aliases.find(envelope.topic).filter(|(_, is_known)| {
        // A new one makes the packet longer, which must still be taken.
        *is_known || plain + ALIAS_BYTES_MAX <= packet_bytes_max
    });
    if let Some((alias, _)) = alias {
        rewritten.push(Property::TopicAlias(alias));
    }
    let topic = match alias {
        Some((_, true)) => "",
        _ => envelope.topic,
    };
    let publish = outgoing.publish(envelope, topic, &rewritten);
    if publish.bytes(version) > packet_bytes_max {
        return Err(Drop::TooLarge);
    }
    publish.write(version, out);
    if let Some((alias, false)) = alias {
        aliases.learn(envelope.topic, alias);
    }
    Ok(())
}

/// The publisher's properties as a subscriber gets them: all but those of its own connection,
/// and the expiry less the time that passed here (MQTT-3.3.2-6).
/// What may have been sent before is completed even when its time is over.
fn rewrite(
    envelope: &Envelope<'_>,
    outgoing: Outgoing<'_>,
    list: &mut PropertyList,
) -> Result<(), Drop> {
    for property in Properties::trusted(envelope.properties).iter() {
        match property {
            Property::TopicAlias(_) | Property::SubscriptionIdentifier(_) => {}
            Property::MessageExpiry(expiry_s) => {
                let waited_s = outgoing.now_us.saturating_sub(envelope.received_us) / 1_000_000;
                let left = u64::from(expiry_s).checked_sub(waited_s);
                match left {
                    None | Some(0) if outgoing.dup => {
                        list.push(Property::MessageExpiry(expiry_s.min(1)));
                    }
                    None | Some(0) if expiry_s > 0 => return Err(Drop::Expired),
                    None => return Err(Drop::Expired),
                    Some(left) => {
                        list.push(Property::MessageExpiry(left as u32));
                    }
                }
            }
            other => {
                list.push(other);
            }
        }
    }
    Ok(())
}
