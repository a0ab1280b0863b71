//! Packets of theirs in our words.

use super::properties::ours;
use mqtt_protocol_core::mqtt::packet::{Packet as Other, SubEntry, v3_1_1, v5_0};
use nhip_broker::codec::{
    Ack, Auth, Connack, Connect, Disconnect, Filters, Packet, Properties, Publish, Reason,
    RetainHandling, Suback, Subscribe, SubscribeOptions, Unsuback, Unsubscribe, Version, Will,
};

/// Shows a packet of theirs field by field, as one of ours.
pub fn show<R>(other: &Other, show: impl FnOnce(Packet<'_>) -> R) -> R {
    match other {
        Other::V3_1_1Connect(p) => old_connect(p, show),
        Other::V5_0Connect(p) => new_connect(p, show),
        Other::V3_1_1Publish(p) => show(Packet::Publish(Publish {
            dup: p.dup(),
            qos: p.qos() as u8,
            retain: p.retain(),
            topic: p.topic_name(),
            packet_id: p.packet_id().unwrap_or(0),
            properties: Properties::EMPTY,
            payload: p.payload().as_slice(),
        })),
        Other::V5_0Publish(p) => show(Packet::Publish(Publish {
            dup: p.dup(),
            qos: p.qos() as u8,
            retain: p.retain(),
            topic: p.topic_name(),
            packet_id: p.packet_id().unwrap_or(0),
            properties: ours(p.props()).list(),
            payload: p.payload().as_slice(),
        })),
        Other::V3_1_1Subscribe(_)
        | Other::V5_0Subscribe(_)
        | Other::V3_1_1Unsubscribe(_)
        | Other::V5_0Unsubscribe(_) => filters(other, show),
        Other::V3_1_1Pingreq(_) | Other::V5_0Pingreq(_) => show(Packet::Pingreq),
        Other::V3_1_1Pingresp(_) | Other::V5_0Pingresp(_) => show(Packet::Pingresp),
        answer => answers(answer, show),
    }
}

fn old_connect<R>(p: &v3_1_1::Connect, show: impl FnOnce(Packet<'_>) -> R) -> R {
    show(Packet::Connect(Connect {
        version: Version::V311,
        clean_start: p.clean_session(),
        keep_alive_s: p.keep_alive(),
        client_id: p.client_id(),
        will: p.will_topic().map(|topic| Will {
            qos: p.will_qos() as u8,
            retain: p.will_retain(),
            topic,
            payload: p.will_payload().unwrap(),
            properties: Properties::EMPTY,
        }),
        username: p.user_name(),
        password: p.password(),
        properties: Properties::EMPTY,
    }))
}

fn new_connect<R>(p: &v5_0::Connect, show: impl FnOnce(Packet<'_>) -> R) -> R {
    let (properties, will) = (ours(p.props()), ours(p.will_props()));
    show(Packet::Connect(Connect {
        version: Version::V5,
        clean_start: p.clean_start(),
        keep_alive_s: p.keep_alive(),
        client_id: p.client_id(),
        will: p.will_topic().map(|topic| Will {
            qos: p.will_qos() as u8,
            retain: p.will_retain(),
            topic,
            payload: p.will_payload().unwrap(),
            properties: will.list(),
        }),
        username: p.user_name(),
        password: p.password(),
        properties: properties.list(),
    }))
}

/// SUBSCRIBE and UNSUBSCRIBE.
fn filters<R>(other: &Other, show: impl FnOnce(Packet<'_>) -> R) -> R {
    let mut buffer = Vec::new();
    let asked = |entries: &[SubEntry]| -> Vec<(String, SubscribeOptions)> {
        entries.iter().map(entry).collect()
    };
    macro_rules! packet {
        ($kind:ident, $id:expr, $properties:expr, $entries:expr, $options:literal, $version:ident) => {{
            let (list, entries) = ($properties, $entries);
            let each = entries
                .iter()
                .map(|(filter, asked)| (filter.as_str(), *asked));
            show(Packet::$kind($kind {
                packet_id: $id,
                properties: list.list(),
                filters: Filters::of(each, $options, Version::$version, &mut buffer),
            }))
        }};
    }
    let none = SubscribeOptions::default();
    match other {
        Other::V3_1_1Subscribe(p) => {
            packet!(
                Subscribe,
                p.packet_id(),
                ours(&[]),
                asked(p.entries()),
                true,
                V311
            )
        }
        Other::V5_0Subscribe(p) => {
            packet!(
                Subscribe,
                p.packet_id(),
                ours(p.props()),
                asked(p.entries()),
                true,
                V5
            )
        }
        Other::V3_1_1Unsubscribe(p) => {
            let names = p
                .entries()
                .iter()
                .map(|name| (name.as_str().to_owned(), none));
            let names: Vec<_> = names.collect();
            packet!(Unsubscribe, p.packet_id(), ours(&[]), names, false, V311)
        }
        Other::V5_0Unsubscribe(p) => {
            let names = p
                .entries()
                .iter()
                .map(|name| (name.as_str().to_owned(), none));
            let names: Vec<_> = names.collect();
            packet!(
                Unsubscribe,
                p.packet_id(),
                ours(p.props()),
                names,
                false,
                V5
            )
        }
        other => unreachable!("{other:?} has no filters"),
    }
}

fn entry(entry: &SubEntry) -> (String, SubscribeOptions) {
    let asked = entry.sub_opts();
    let options = SubscribeOptions {
        qos: asked.qos() as u8,
        no_local: asked.nl(),
        retain_as_published: asked.rap(),
        retain_handling: match asked.rh() as u8 {
            0 => RetainHandling::Send,
            1 => RetainHandling::SendIfNew,
            _ => RetainHandling::Never,
        },
    };
    (entry.topic_filter().to_owned(), options)
}

/// Everything that answers, and goodbyes.
fn answers<R>(other: &Other, show: impl FnOnce(Packet<'_>) -> R) -> R {
    macro_rules! ack {
        ($kind:ident, $p:expr) => {{
            let list = ours($p.props().as_deref().unwrap_or(&[]));
            show(Packet::$kind(Ack {
                packet_id: $p.packet_id(),
                reason: Reason($p.reason_code().map_or(0, |code| code as u8)),
                properties: list.list(),
            }))
        }};
    }
    match other {
        Other::V3_1_1Puback(p) => show(Packet::Puback(Ack::success(p.packet_id()))),
        Other::V3_1_1Pubrec(p) => show(Packet::Pubrec(Ack::success(p.packet_id()))),
        Other::V3_1_1Pubrel(p) => show(Packet::Pubrel(Ack::success(p.packet_id()))),
        Other::V3_1_1Pubcomp(p) => show(Packet::Pubcomp(Ack::success(p.packet_id()))),
        Other::V5_0Puback(p) => ack!(Puback, p),
        Other::V5_0Pubrec(p) => ack!(Pubrec, p),
        Other::V5_0Pubrel(p) => ack!(Pubrel, p),
        Other::V5_0Pubcomp(p) => ack!(Pubcomp, p),
        Other::V3_1_1Connack(p) => show(Packet::Connack(Connack {
            session_present: p.session_present(),
            code: p.return_code() as u8,
            properties: Properties::EMPTY,
        })),
        Other::V5_0Connack(p) => show(Packet::Connack(Connack {
            session_present: p.session_present(),
            code: p.reason_code() as u8,
            properties: ours(p.props()).list(),
        })),
        Other::V3_1_1Disconnect(_) => show(Packet::Disconnect(Disconnect {
            reason: Reason::SUCCESS,
            properties: Properties::EMPTY,
        })),
        Other::V5_0Disconnect(p) => show(Packet::Disconnect(Disconnect {
            reason: Reason(p.reason_code().map_or(0, |code| code as u8)),
            properties: ours(p.props().as_deref().unwrap_or(&[])).list(),
        })),
        Other::V5_0Auth(p) => show(Packet::Auth(Auth {
            reason: Reason(p.reason_code().map_or(0, |code| code as u8)),
            properties: ours(p.props().as_deref().unwrap_or(&[])).list(),
        })),
        codes => of_codes(codes, show),
    }
}

/// SUBACK and UNSUBACK.
fn of_codes<R>(other: &Other, show: impl FnOnce(Packet<'_>) -> R) -> R {
    match other {
        Other::V3_1_1Suback(p) => show(Packet::Suback(Suback {
            packet_id: p.packet_id(),
            properties: Properties::EMPTY,
            codes: &p
                .return_codes()
                .iter()
                .map(|code| *code as u8)
                .collect::<Vec<_>>(),
        })),
        Other::V5_0Suback(p) => show(Packet::Suback(Suback {
            packet_id: p.packet_id(),
            properties: ours(p.props()).list(),
            codes: &p
                .reason_codes()
                .iter()
                .map(|code| *code as u8)
                .collect::<Vec<_>>(),
        })),
        Other::V3_1_1Unsuback(p) => show(Packet::Unsuback(Unsuback {
            packet_id: p.packet_id(),
            properties: Properties::EMPTY,
            codes: &[],
        })),
        Other::V5_0Unsuback(p) => show(Packet::Unsuback(Unsuback {
            packet_id: p.packet_id(),
            properties: ours(p.props()).list(),
            codes: &p
                .reason_codes()
                .iter()
                .map(|code| *code as u8)
                .collect::<Vec<_>>(),
        })),
        other => unreachable!("{other:?} is shown elsewhere"),
    }
}
