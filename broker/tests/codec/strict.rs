//! What the specification forbids is refused with the right code.

use nhip_broker::codec::{DecodeError, Packet, Reason, Version, frame};

fn reason(version: Version, bytes: &[u8]) -> Reason {
    let refused: Result<(), DecodeError> = frame(bytes, 1 << 20).and_then(|found| {
        let found = found.expect("the packet is whole");
        Packet::read(version, found, &bytes[found.header_bytes..]).map(|_| ())
    });
    refused.map_or_else(DecodeError::reason, |()| Reason::SUCCESS)
}

#[test]
fn reserved_bits_are_malformed() {
    let connect = |flags| {
        [
            0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 4, flags, 0, 60, 0, 1, b'c',
        ]
    };
    assert_eq!(reason(Version::V311, &connect(0x02)), Reason::SUCCESS);
    for flags in [0x03, 0x0a, 0x22, 0x42, 0x1e] {
        let refused = reason(Version::V311, &connect(flags));
        assert_eq!(refused, Reason::MALFORMED_PACKET, "{flags:#x}");
    }
    let subscribe = |options| [0x82, 6, 0, 1, 0, 1, b'a', options];
    for options in [3, 4, 0x40] {
        assert!(reason(Version::V311, &subscribe(options)).is_error());
    }
    let subscribe = |options| [0x82, 7, 0, 1, 0, 0, 1, b'a', options];
    for options in [0x03, 0x30, 0x40, 0x80] {
        assert!(reason(Version::V5, &subscribe(options)).is_error());
    }
}

#[test]
fn properties_stand_once_where_they_may_with_a_value_that_they_may_have() {
    let publish = |properties: &[u8]| {
        let mut packet = vec![0x30, 4 + properties.len() as u8, 0, 1, b'a'];
        packet.push(properties.len() as u8);
        packet.extend_from_slice(properties);
        reason(Version::V5, &packet)
    };
    assert_eq!(publish(&[0x01, 1]), Reason::SUCCESS);
    assert_eq!(publish(&[0x01, 1, 0x01, 1]), Reason::PROTOCOL_ERROR);
    assert_eq!(publish(&[0x01, 2]), Reason::PROTOCOL_ERROR);
    assert_eq!(publish(&[0x0b, 0]), Reason::PROTOCOL_ERROR);
    assert_eq!(publish(&[0x21, 0, 1]), Reason::PROTOCOL_ERROR);
    assert_eq!(publish(&[0x08, 0, 1, b'#']), Reason::PROTOCOL_ERROR);
    assert_eq!(publish(&[0x7f]), Reason::MALFORMED_PACKET);
    assert_eq!(publish(&[0x02, 0]), Reason::MALFORMED_PACKET);
}

#[test]
fn packet_ids_are_not_zero() {
    assert_eq!(
        reason(Version::V311, &[0x32, 5, 0, 1, b'a', 0, 0]),
        Reason::PROTOCOL_ERROR
    );
    assert_eq!(
        reason(Version::V311, &[0x40, 2, 0, 0]),
        Reason::PROTOCOL_ERROR
    );
    assert_eq!(
        reason(Version::V311, &[0x82, 6, 0, 0, 0, 1, b'a', 0]),
        Reason::PROTOCOL_ERROR
    );
}

#[test]
fn text_is_utf_8_without_nul_or_surrogates() {
    for topic in [&b"a\0b"[..], b"\xed\xa0\x80", b"\xff", b"\xc0\xaf"] {
        let mut packet = vec![0x30, 2 + topic.len() as u8, 0, topic.len() as u8];
        packet.extend_from_slice(topic);
        assert_eq!(reason(Version::V311, &packet), Reason::MALFORMED_PACKET);
    }
}

#[test]
fn a_byte_order_mark_is_a_character() {
    let topic = "\u{feff}a";
    let mut packet = vec![0x30, 6, 0, 4];
    packet.extend_from_slice(topic.as_bytes());
    let found = frame(&packet, 100).unwrap().unwrap();
    let read = Packet::read(Version::V311, found, &packet[2..]).unwrap();
    assert!(matches!(read, Packet::Publish(publish) if publish.topic == topic));
}

#[test]
fn a_number_that_is_padded_is_malformed() {
    let properties = |length: &[u8]| {
        let mut packet = vec![0x30, 3 + length.len() as u8, 0, 1, b'a'];
        packet.extend_from_slice(length);
        reason(Version::V5, &packet)
    };
    assert_eq!(properties(&[0]), Reason::SUCCESS);
    assert_eq!(properties(&[0x80, 0]), Reason::MALFORMED_PACKET);
    assert_eq!(
        reason(Version::V5, &[0x30, 0x84, 0]),
        Reason::MALFORMED_PACKET
    );
}

#[test]
fn bytes_behind_the_last_field_are_malformed() {
    assert_eq!(
        reason(Version::V311, &[0xc0, 1, 0]),
        Reason::MALFORMED_PACKET
    );
    assert_eq!(
        reason(Version::V311, &[0x40, 3, 0, 1, 0]),
        Reason::MALFORMED_PACKET
    );
    assert_eq!(reason(Version::V311, &[0xf0, 0]), Reason::MALFORMED_PACKET);
}

#[test]
fn lists_of_filters_are_not_empty() {
    assert_eq!(
        reason(Version::V311, &[0x82, 2, 0, 1]),
        Reason::PROTOCOL_ERROR
    );
    assert_eq!(
        reason(Version::V5, &[0xa2, 3, 0, 1, 0]),
        Reason::PROTOCOL_ERROR
    );
}

#[test]
fn a_packet_has_a_reason_code_of_its_own() {
    let refused = |bytes: &[u8]| reason(Version::V5, bytes) == Reason::PROTOCOL_ERROR;
    assert_eq!(reason(Version::V5, &[0x40, 3, 0, 1, 0x87]), Reason::SUCCESS);
    for bytes in [
        &[0x40, 3, 0, 1, 0x92][..],
        &[0x50, 3, 0, 1, 0x01],
        &[0x62, 3, 0, 1, 0x80],
        &[0x70, 3, 0, 1, 0x10],
        &[0x20, 3, 0, 0x8B, 0],
        &[0x20, 3, 1, 0x87, 0],
        &[0x90, 4, 0, 1, 0, 3],
        &[0x90, 3, 0, 1, 0],
        &[0xb0, 4, 0, 1, 0, 0x97],
        &[0xe0, 1, 0x88],
        &[0xf0, 1, 0x18],
        &[0xf0, 1, 0x01],
    ] {
        assert!(refused(bytes), "{bytes:02x?}");
    }
    assert!(reason(Version::V311, &[0x20, 2, 0, 6]).is_error());
    assert!(reason(Version::V311, &[0x90, 3, 0, 1, 3]).is_error());
}
