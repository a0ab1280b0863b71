//! Generated packets of both versions.

use crate::properties::{Listed, METHOD, list, properties};
use nhip_broker::codec::{
    Ack, Auth, Connack, Connect, Disconnect, Filters, Kind, Packet, Place, Publish, Reason,
    RetainHandling, Suback, Subscribe, SubscribeOptions, Unsuback, Unsubscribe, Version, Will,
};
use proptest::{collection::vec, prelude::*};

/// Types of packets by [`Ingredients::kind`].
const KINDS: [Kind; 15] = [
    Kind::Connect,
    Kind::Connack,
    Kind::Publish,
    Kind::Puback,
    Kind::Pubrec,
    Kind::Pubrel,
    Kind::Pubcomp,
    Kind::Subscribe,
    Kind::Suback,
    Kind::Unsubscribe,
    Kind::Unsuback,
    Kind::Pingreq,
    Kind::Pingresp,
    Kind::Disconnect,
    Kind::Auth,
];
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
    properties: Vec<Listed>,
    will_properties: Vec<Listed>,
}

fn text() -> impl Strategy<Value = String> {
    "[^\0]{0,12}"
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

impl Ingredients {
    pub fn version(&self) -> Version {
        if self.v5 { Version::V5 } else { Version::V311 }
    }

    /// One of the codes that a packet of the type may have.
    fn reason(&self, kind: Kind, choice: u16) -> Reason {
        let version = self.version();
        let all = (0..=u8::MAX).map(Reason);
        let allowed: Vec<_> = all.filter(|code| code.allowed(version, kind)).collect();
        match allowed.len() {
            0 => Reason::SUCCESS,
            some => allowed[usize::from(choice) % some],
        }
    }

    fn codes(&self, kind: Kind) -> impl Iterator<Item = u8> {
        let choices = self.bytes.iter().chain([&self.qos]).take(20);
        choices.map(move |choice| self.reason(kind, u16::from(*choice)).0)
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
        let reason = self.reason(KINDS[usize::from(self.kind)], self.number);
        let ack = Ack {
            packet_id: self.number,
            reason,
            properties,
        };
        let packet_id = self.number;
        let codes: Vec<u8> = self.codes(KINDS[usize::from(self.kind)]).collect();
        let codes = &codes[..];
        match self.kind {
            0 => self.connect(version, properties, show),
            1 => show(Packet::Connack(Connack {
                session_present: self.flags[0] && reason == Reason::SUCCESS,
                code: reason.0,
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
                reason: match properties.iter().any(|p| p.id() == METHOD) {
                    true => reason,
                    false => Reason::SUCCESS,
                },
                properties,
            })),
            13 => show(Packet::Disconnect(Disconnect { reason, properties })),
            _ => show(Packet::Disconnect(Disconnect {
                reason: Reason::SUCCESS,
                properties: nhip_broker::codec::Properties::EMPTY,
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
