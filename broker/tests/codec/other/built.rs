//! Our packets put together by their builders.

use super::properties::theirs;
use mqtt_protocol_core::mqtt::packet::{
    Packet as Other, Qos, RetainHandling as OtherHandling, SubEntry, SubOpts, v3_1_1, v5_0,
};
use nhip_broker::codec::{
    Ack, Connack, Connect, Filters, Packet, Publish, Reason, RetainHandling, SubscribeOptions,
    Version,
};

/// The packet of theirs that means what `packet` means.
pub fn build(version: Version, packet: Packet<'_>) -> Other {
    match version {
        Version::V311 => old(packet),
        Version::V5 => new(packet),
    }
}

fn old(packet: Packet<'_>) -> Other {
    macro_rules! ack {
        ($kind:ident, $ack:expr) => {
            v3_1_1::$kind::builder()
                .packet_id($ack.packet_id)
                .build()
                .unwrap()
                .into()
        };
    }
    match packet {
        Packet::Connect(connect) => old_connect(&connect),
        Packet::Connack(Connack {
            session_present,
            code,
            ..
        }) => v3_1_1::Connack::builder()
            .session_present(session_present)
            .return_code(code.try_into().unwrap())
            .build()
            .unwrap()
            .into(),
        Packet::Publish(publish) => old_publish(&publish),
        Packet::Puback(ack) => ack!(Puback, ack),
        Packet::Pubrec(ack) => ack!(Pubrec, ack),
        Packet::Pubrel(ack) => ack!(Pubrel, ack),
        Packet::Pubcomp(ack) => ack!(Pubcomp, ack),
        Packet::Subscribe(subscribe) => v3_1_1::Subscribe::builder()
            .packet_id(subscribe.packet_id)
            .entries(entries(subscribe.filters))
            .build()
            .unwrap()
            .into(),
        Packet::Suback(suback) => v3_1_1::Suback::builder()
            .packet_id(suback.packet_id)
            .return_codes(codes(suback.codes))
            .build()
            .unwrap()
            .into(),
        Packet::Unsubscribe(unsubscribe) => v3_1_1::Unsubscribe::builder()
            .packet_id(unsubscribe.packet_id)
            .entries(unsubscribe.filters.iter().map(|(filter, _)| filter))
            .unwrap()
            .build()
            .unwrap()
            .into(),
        Packet::Unsuback(unsuback) => ack!(Unsuback, unsuback),
        Packet::Pingreq => v3_1_1::Pingreq::new().into(),
        Packet::Pingresp => v3_1_1::Pingresp::new().into(),
        Packet::Disconnect(_) => v3_1_1::Disconnect::new().into(),
        Packet::Auth(_) => unreachable!("AUTH is in MQTT 5 only"),
    }
}

fn new(packet: Packet<'_>) -> Other {
    macro_rules! ack {
        ($kind:ident, $ack:expr) => {{
            let Ack {
                packet_id,
                reason,
                properties,
            } = $ack;
            let mut builder = v5_0::$kind::builder().packet_id(packet_id);
            if reason != Reason::SUCCESS || !properties.is_empty() {
                builder = builder.reason_code(reason.0.try_into().unwrap());
            }
            if !properties.is_empty() {
                builder = builder.props(theirs(properties));
            }
            builder.build().unwrap().into()
        }};
    }
    macro_rules! goodbye {
        ($kind:ident, $packet:expr) => {{
            let mut builder = v5_0::$kind::builder();
            if $packet.reason != Reason::SUCCESS || !$packet.properties.is_empty() {
                builder = builder.reason_code($packet.reason.0.try_into().unwrap());
            }
            if !$packet.properties.is_empty() {
                builder = builder.props(theirs($packet.properties));
            }
            builder.build().unwrap().into()
        }};
    }
    match packet {
        Packet::Connect(connect) => new_connect(&connect),
        Packet::Connack(connack) => v5_0::Connack::builder()
            .session_present(connack.session_present)
            .reason_code(connack.code.try_into().unwrap())
            .props(theirs(connack.properties))
            .build()
            .unwrap()
            .into(),
        Packet::Publish(publish) => new_publish(&publish),
        Packet::Puback(ack) => ack!(Puback, ack),
        Packet::Pubrec(ack) => ack!(Pubrec, ack),
        Packet::Pubrel(ack) => ack!(Pubrel, ack),
        Packet::Pubcomp(ack) => ack!(Pubcomp, ack),
        Packet::Disconnect(disconnect) => goodbye!(Disconnect, disconnect),
        Packet::Auth(auth) => goodbye!(Auth, auth),
        Packet::Pingreq => v5_0::Pingreq::new().into(),
        Packet::Pingresp => v5_0::Pingresp::new().into(),
        listed => new_list(listed),
    }
}

/// What has a list in it.
fn new_list(packet: Packet<'_>) -> Other {
    match packet {
        Packet::Subscribe(subscribe) => v5_0::Subscribe::builder()
            .packet_id(subscribe.packet_id)
            .props(theirs(subscribe.properties))
            .entries(entries(subscribe.filters))
            .build()
            .unwrap()
            .into(),
        Packet::Suback(suback) => v5_0::Suback::builder()
            .packet_id(suback.packet_id)
            .props(theirs(suback.properties))
            .reason_codes(codes(suback.codes))
            .build()
            .unwrap()
            .into(),
        Packet::Unsubscribe(unsubscribe) => v5_0::Unsubscribe::builder()
            .packet_id(unsubscribe.packet_id)
            .props(theirs(unsubscribe.properties))
            .entries(unsubscribe.filters.iter().map(|(filter, _)| filter))
            .unwrap()
            .build()
            .unwrap()
            .into(),
        Packet::Unsuback(unsuback) => v5_0::Unsuback::builder()
            .packet_id(unsuback.packet_id)
            .props(theirs(unsuback.properties))
            .reason_codes(codes(unsuback.codes))
            .build()
            .unwrap()
            .into(),
        other => unreachable!("{other:?} has no list"),
    }
}

/// What both versions of CONNECT have in common.
macro_rules! connect {
    ($builder:expr, $connect:expr) => {{
        let connect = $connect;
        let mut builder = $builder
            .clean_start(connect.clean_start)
            .keep_alive(connect.keep_alive_s)
            .client_id(connect.client_id)
            .unwrap();
        if let Some(will) = connect.will {
            let payload = will.payload.to_vec();
            builder = builder
                .will_message(will.topic, payload, qos(will.qos), will.retain)
                .unwrap();
        }
        if let Some(username) = connect.username {
            builder = builder.user_name(username).unwrap();
        }
        if let Some(password) = connect.password {
            builder = builder.password(password.to_vec()).unwrap();
        }
        builder
    }};
}

fn old_connect(connect: &Connect<'_>) -> Other {
    connect!(v3_1_1::Connect::builder(), connect)
        .build()
        .unwrap()
        .into()
}

fn new_connect(connect: &Connect<'_>) -> Other {
    let mut builder = connect!(v5_0::Connect::builder(), connect).props(theirs(connect.properties));
    if let Some(will) = connect.will {
        builder = builder.will_props(theirs(will.properties));
    }
    builder.build().unwrap().into()
}

fn old_publish(publish: &Publish<'_>) -> Other {
    v3_1_1::Publish::builder()
        .topic_name(publish.topic)
        .unwrap()
        .qos(qos(publish.qos))
        .dup(publish.dup)
        .retain(publish.retain)
        .packet_id((publish.qos > 0).then_some(publish.packet_id))
        .payload(publish.payload)
        .build()
        .unwrap()
        .into()
}

fn new_publish(publish: &Publish<'_>) -> Other {
    v5_0::Publish::builder()
        .topic_name(publish.topic)
        .unwrap()
        .qos(qos(publish.qos))
        .dup(publish.dup)
        .retain(publish.retain)
        .packet_id((publish.qos > 0).then_some(publish.packet_id))
        .props(theirs(publish.properties))
        .payload(publish.payload)
        .build()
        .unwrap()
        .into()
}

fn qos(qos: u8) -> Qos {
    [Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce][usize::from(qos)]
}

fn codes<T: TryFrom<u8, Error: std::fmt::Debug>>(codes: &[u8]) -> Vec<T> {
    codes
        .iter()
        .map(|code| T::try_from(*code).unwrap())
        .collect()
}

fn entries(filters: Filters<'_>) -> Vec<SubEntry> {
    let entry = |(filter, asked): (&str, SubscribeOptions)| {
        let handling = match asked.retain_handling {
            RetainHandling::Send => OtherHandling::SendRetained,
            RetainHandling::SendIfNew => OtherHandling::SendRetainedIfNotExists,
            RetainHandling::Never => OtherHandling::DoNotSendRetained,
        };
        let options = SubOpts::new()
            .set_qos(qos(asked.qos))
            .set_nl(asked.no_local)
            .set_rap(asked.retain_as_published)
            .set_rh(handling);
        SubEntry::new(filter, options).unwrap()
    };
    filters.iter().map(entry).collect()
}
