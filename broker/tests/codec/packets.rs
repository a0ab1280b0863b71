//! Generated packets of both versions.

use nhip_broker::codec::{
    Ack, Auth, Connack, Connect, Disconnect, Filters, Packet, Place, Property, PropertyList,
    Publish, Reason, RetainHandling, Suback, Subscribe, SubscribeOptions, Unsuback, Unsubscribe,
    Version, Will,
};
use proptest::{collection::vec, prelude::*};

/// What a packet is made of.
#[derive(Clone, Debug)]
pub struct Ingredients {
    pub v5: bool,
    kind: u8,
    flags: [bool; 6],
    qos: u8,
    number: u16,
    topic: String,
    texts: [String; 2],
    bytes: Vec<u8>,
    filters: Vec<(String, u8, bool, bool, u8)>,
    properties: Vec<(u8, u32, String, Vec<u8>)>,
    will_properties: Vec<(u8, u32, String, Vec<u8>)>,
}

fn text() -> impl Strategy<Value = String> {
    "[^\0]{0,12}"
}

fn properties() -> impl Strategy<Value = Vec<(u8, u32, String, Vec<u8>)>> {
    vec(
        (
            0..0x2b_u8,
            any::<u32>(),
            "[^\0+#]{1,8}",
            vec(any::<u8>(), 0..8),
        ),
        0..10,
    )
}

pub fn ingredients() -> impl Strategy<Value = Ingredients> {
    let filter = (
        "[a-zđ/]{1,6}(/#)?",
        0..3_u8,
        any::<bool>(),
        any::<bool>(),
        0..3_u8,
    );
    (
        (
            any::<bool>(),
            0..15_u8,
            any::<[bool; 6]>(),
            0..3_u8,
            1..=u16::MAX,
        ),
        "[^\0+#]{1,20}",
        [text(), text()],
        vec(any::<u8>(), 0..300),
        vec(filter, 1..5),
        properties(),
        properties(),
    )
        .prop_map(
            |((v5, kind, flags, qos, number), topic, texts, bytes, filters, properties, will)| {
                Ingredients {
                    v5,
                    kind,
                    flags,
                    qos,
                    number,
                    topic,
                    texts,
                    bytes,
                    filters,
                    properties,
                    will_properties: will,
                }
            },
        )
}

fn property<'a>((id, number, text, data): &'a (u8, u32, String, Vec<u8>)) -> Option<Property<'a>> {
    let (flag, short) = (number & 1 == 1, *number as u16);
    Some(match id {
        0x01 => Property::PayloadFormat(flag),
        0x02 => Property::MessageExpiry(*number),
        0x03 => Property::ContentType(text),
        0x08 => Property::ResponseTopic(text),
        0x09 => Property::CorrelationData(data),
        0x0b => Property::SubscriptionIdentifier((number & 0x0fff_ffff).max(1)),
        0x11 => Property::SessionExpiry(*number),
        0x12 => Property::AssignedClientId(text),
        0x13 => Property::ServerKeepAlive(short),
        0x15 => Property::AuthenticationMethod(text),
        0x17 => Property::RequestProblemInformation(flag),
        0x18 => Property::WillDelay(*number),
        0x19 => Property::RequestResponseInformation(flag),
        0x1a => Property::ResponseInformation(text),
        0x1c => Property::ServerReference(text),
        0x1f => Property::ReasonString(text),
        0x21 => Property::ReceiveMaximum(short.max(1)),
        0x22 => Property::TopicAliasMaximum(short),
        0x23 => Property::TopicAlias(short),
        0x24 => Property::MaximumQos(flag),
        0x25 => Property::RetainAvailable(flag),
        0x26 => Property::UserProperty(text, "value"),
        0x27 => Property::MaximumPacketSize((*number).max(1)),
        0x28 => Property::WildcardAvailable(flag),
        0x29 => Property::SubscriptionIdentifiersAvailable(flag),
        0x2a => Property::SharedAvailable(flag),
        _ => return None,
    })
}

fn list(given: &[(u8, u32, String, Vec<u8>)], place: Place, version: Version) -> PropertyList {
    let mut list = PropertyList::default();
    let mut seen = Vec::new();
    for property in given.iter().filter_map(property) {
        let again = seen.contains(&property.id()) && !property.repeats(place);
        if version == Version::V5 && property.allowed(place) && !again {
            seen.push(property.id());
            list.push(property);
        }
    }
    list
}

impl Ingredients {
    pub fn version(&self) -> Version {
        if self.v5 { Version::V5 } else { Version::V311 }
    }

    /// Makes the packet and shows it.
    pub fn make<R>(&self, show: impl FnOnce(Packet<'_>) -> R) -> R {
        let version = self.version();
        let place = match self.kind {
            0 => Place::Connect,
            1 => Place::Connack,
            2 => Place::Publish,
            7 => Place::Subscribe,
            9 => Place::Unsubscribe,
            13 => Place::Disconnect,
            14 => Place::Auth,
            _ => Place::Ack,
        };
        let list = list(&self.properties, place, version);
        let properties = list.list();
        let reason = match self.v5 {
            true => Reason(self.number as u8),
            false => Reason::SUCCESS,
        };
        let ack = Ack {
            packet_id: self.number,
            reason,
            properties,
        };
        let (packet_id, codes) = (self.number, &self.bytes[..]);
        match self.kind {
            0 => self.connect(version, properties, show),
            1 => show(Packet::Connack(Connack {
                session_present: self.flags[0],
                code: self.qos,
                properties,
            })),
            2 => show(Packet::Publish(Publish {
                dup: self.flags[0] && self.qos > 0,
                qos: self.qos,
                retain: self.flags[1],
                topic: if self.v5 && self.flags[2] {
                    ""
                } else {
                    &self.topic
                },
                packet_id: if self.qos > 0 { self.number } else { 0 },
                properties,
                payload: &self.bytes,
            })),
            3 => show(Packet::Puback(ack)),
            4 => show(Packet::Pubrec(ack)),
            5 => show(Packet::Pubrel(ack)),
            6 => show(Packet::Pubcomp(ack)),
            7 | 9 => self.filters(version, |filters| {
                show(match self.kind {
                    7 => Packet::Subscribe(Subscribe {
                        packet_id,
                        properties,
                        filters,
                    }),
                    _ => Packet::Unsubscribe(Unsubscribe {
                        packet_id,
                        properties,
                        filters,
                    }),
                })
            }),
            8 => show(Packet::Suback(Suback {
                packet_id,
                properties,
                codes,
            })),
            10 => show(Packet::Unsuback(Unsuback {
                packet_id,
                properties,
                codes: if self.v5 { codes } else { &[] },
            })),
            11 => show(Packet::Pingreq),
            12 => show(Packet::Pingresp),
            14 if self.v5 => show(Packet::Auth(Auth {
                reason: Reason([0x00, 0x18, 0x19][usize::from(self.qos)]),
                properties,
            })),
            _ => show(Packet::Disconnect(Disconnect {
                reason,
                properties: match self.kind {
                    13 => properties,
                    _ => nhip_broker::codec::Properties::EMPTY,
                },
            })),
        }
    }

    fn connect<R>(
        &self,
        version: Version,
        properties: nhip_broker::codec::Properties<'_>,
        show: impl FnOnce(Packet<'_>) -> R,
    ) -> R {
        let list = list(&self.will_properties, Place::Will, version);
        let will = Will {
            qos: self.qos,
            retain: self.flags[0],
            topic: &self.topic,
            payload: &self.bytes,
            properties: list.list(),
        };
        let named = self.flags[2];
        show(Packet::Connect(Connect {
            version,
            clean_start: self.flags[3],
            keep_alive_s: self.number,
            client_id: &self.texts[0],
            will: self.flags[1].then_some(will),
            username: named.then_some(&self.texts[1]),
            password: (self.flags[4] && (named || self.v5)).then_some(&self.bytes),
            properties,
        }))
    }

    fn filters<R>(&self, version: Version, show: impl FnOnce(Filters<'_>) -> R) -> R {
        let entries = self
            .filters
            .iter()
            .map(|(filter, qos, local, published, handling)| {
                let plain = SubscribeOptions {
                    qos: *qos,
                    ..SubscribeOptions::default()
                };
                let handling = [
                    RetainHandling::Send,
                    RetainHandling::SendIfNew,
                    RetainHandling::Never,
                ][usize::from(*handling)];
                let options = match version {
                    Version::V311 => plain,
                    Version::V5 => SubscribeOptions {
                        no_local: *local,
                        retain_as_published: *published,
                        retain_handling: handling,
                        ..plain
                    },
                };
                (filter.as_str(), options)
            });
        let mut buffer = Vec::new();
        show(Filters::of(entries, self.kind == 7, version, &mut buffer))
    }
}
