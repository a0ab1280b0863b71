//! Where the two implementations differ, the clause that says who is right, and an example.

use nhip_broker::codec::{DecodeError, Packet, Property, Version};

/// What they read and we refuse: why we do, the clause, and such a packet.
pub const WE_REFUSE: [(DecodeError, &str, Version, &[u8]); 17] = {
    use DecodeError::{Malformed, Protocol, TopicFilter, TopicName};
    use Version::{V5, V311};
    [
        (
            Malformed("reserved CONNACK flags"),
            "MQTT-3.2.2-1, section 3.2.2.1 of 3.1.1: bits 7 to 1 are 0",
            V311,
            &[0x20, 2, 2, 0],
        ),
        (
            Protocol("a session for a client that is refused"),
            "MQTT-3.2.2-6, MQTT-3.2.2-4 of 3.1.1: no session with an error",
            V5,
            &[0x20, 3, 1, 0x87, 0],
        ),
        (
            Malformed("reserved CONNECT flag"),
            "MQTT-3.1.2-3",
            V311,
            b"\x10\x0c\0\x04MQTT\x04\x03\0\0\0\0",
        ),
        (
            Malformed("will flags without a will"),
            "MQTT-3.1.2-11, -13 (-11, -15 of 3.1.1)",
            V311,
            b"\x10\x0c\0\x04MQTT\x04\x20\0\0\0\0",
        ),
        (
            Protocol("packet id 0"),
            "MQTT-2.2.1-3, MQTT-2.3.1-1 of 3.1.1",
            V5,
            &[0x82, 7, 0, 0, 0, 0, 1, b'a', 0],
        ),
        (
            Malformed("bytes behind the last field"),
            "sections 3.4.1 to 3.7.1 of 3.1.1: two bytes, no reason code",
            V311,
            &[0x40, 3, 0, 1, 0x10],
        ),
        (
            Malformed("packet ends within a field"),
            "section 3.3.2.3.1: a property length, be it 0",
            V5,
            &[0x30, 3, 0, 1, b'a'],
        ),
        (
            Malformed("reserved subscription options"),
            "MQTT-3-8.3-4 of 3.1.1: the upper six bits are 0",
            V311,
            &[0x82, 6, 0, 1, 0, 1, b'a', 4],
        ),
        (
            Protocol("no-local on a shared subscription"),
            "MQTT-3.8.3-4",
            V5,
            b"\x82\x10\0\x01\0\0\x0a$share/a/b\x04",
        ),
        (
            Protocol("empty filter"),
            "MQTT-4.7.3-1",
            V5,
            &[0x82, 6, 0, 1, 0, 0, 0, 0],
        ),
        (
            TopicFilter,
            "MQTT-4.7.1-1, -2 (-2, -3 of 3.1.1), which MQTT 5 answers in SUBACK",
            V311,
            b"\x82\x07\0\x01\0\x02a#\0",
        ),
        (
            TopicName,
            "MQTT-3.3.2-2",
            V311,
            &[0x30, 4, 0, 2, b'a', b'#'],
        ),
        (
            Malformed("U+0000 in a string"),
            "MQTT-1.5.4-2, MQTT-1.5.3-2 of 3.1.1",
            V311,
            &[0x30, 4, 0, 2, b'a', 0],
        ),
        (
            Malformed("variable byte integer is padded"),
            "MQTT-1.5.5-1",
            V5,
            &[0x30, 5, 0, 1, b'a', 0x80, 0],
        ),
        (
            Protocol("a property stands twice"),
            "section 3.8.2.1.2: one subscription identifier",
            V5,
            &[0x82, 11, 0, 1, 4, 0x0b, 1, 0x0b, 2, 0, 1, b'a', 0],
        ),
        (
            Protocol("response topic holds a wildcard"),
            "MQTT-3.3.2-14",
            V5,
            &[0x30, 8, 0, 1, b'a', 4, 8, 0, 1, b'#'],
        ),
        (
            Malformed("will with QoS 3"),
            "MQTT-3.1.2-12 (-14 of 3.1.1)",
            V311,
            b"\x10\x11\0\x04MQTT\x04\x1c\0\0\0\0\0\x01a\0\0",
        ),
    ]
};

/// The clause by which we may refuse what they read.
pub fn we_may_refuse(error: DecodeError) -> Option<&'static str> {
    let entry = WE_REFUSE.iter().find(|(known, ..)| *known == error);
    entry.map(|(_, clause, ..)| *clause)
}

/// The clause by which we may read what they refuse.
pub fn we_may_read(ours: &Packet<'_>) -> Option<&'static str> {
    match ours {
        Packet::Connect(connect)
            if connect.version == Version::V5
                && connect.username.is_none()
                && connect.password.is_some() =>
        {
            Some("section 3.1.2.9: a password may come without a user name")
        }
        Packet::Publish(publish) if publish.properties.iter().any(is_no_alias) => {
            Some("MQTT-3.3.2-8, which the session answers with 0x94")
        }
        Packet::Subscribe(subscribe)
            if subscribe
                .filters
                .iter()
                .any(|(filter, _)| filter.starts_with("$share/")) =>
        {
            Some("MQTT-4.8.2-1, -2, which SUBACK answers filter by filter")
        }
        _ => None,
    }
}

fn is_no_alias(property: Property<'_>) -> bool {
    property == Property::TopicAlias(0)
}
