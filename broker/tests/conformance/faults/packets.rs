//! Faults 8 to 11: packets that are none, or too many, or too large.

use super::{BOTH, still_serves};
use crate::kit::{Client, House, hello, message};
use nhip_broker::codec::{Connack, Packet, Properties, Reason, Suback, Unsuback, Version};
use tokio::io::AsyncWriteExt;

/// Malformed in both versions.
const MALFORMED: &[&[u8]] = &[
    // Packet types and flags that there are not.
    &[0x00, 0],
    &[0xf0, 0],
    &[0x36, 5, 0, 1, b'a', 0, 1],
    &[0x38, 3, 0, 1, b'a'],
    &[0x41, 2, 0, 1],
    &[0x60, 2, 0, 1],
    &[0x80, 6, 0, 1, 0, 1, b'a', 0],
    &[0xa0, 5, 0, 1, 0, 1, b'a'],
    &[0xc1, 0],
    &[0xe1, 0],
    // Lengths that are padded, too short for what is in them, or too long.
    &[0xc0, 0x80, 0],
    &[0x30, 3, 0, 9, b'a'],
    &[0x30, 1, 0],
    &[0x40, 1, 0],
    &[0xc0, 1, 0],
    // Text that is none.
    &[0x30, 3, 0, 1, 0xff],
    &[0x30, 5, 0, 3, 0xed, 0xa0, 0x80],
    &[0x30, 3, 0, 1, 0],
    // No packet id, no filter, no such QoS.
    &[0x32, 6, 0, 1, b'a', 0, 0, 0],
    &[0x82, 2, 0, 1],
    &[0xa2, 2, 0, 1],
    &[0x82, 6, 0, 1, 0, 1, b'a', 3],
];

/// Malformed in MQTT 5: its properties, and AUTH.
const MALFORMED_5: &[&[u8]] = &[
    // Beyond the end of the packet, unknown, twice, of another packet.
    &[0x30, 4, 0, 1, b'a', 9],
    &[0x30, 6, 0, 1, b'a', 2, 0x7f, 0],
    &[0x30, 8, 0, 1, b'a', 4, 1, 0, 1, 0],
    &[0x30, 9, 0, 1, b'a', 5, 0x11, 0, 0, 0, 1],
    // AUTH with flags, and as if there were something to do again.
    &[0xf1, 0],
    &[0xf0, 6, 0x19, 4, 0x15, 0, 1, b'S'],
];

#[tokio::test]
async fn fault_8_malformed_packets_of_every_kind_end_their_own_connection() {
    let house = House::open().await;
    for version in BOTH {
        let more = if version == Version::V5 {
            MALFORMED_5
        } else {
            &[]
        };
        for bytes in MALFORMED.iter().chain(more) {
            let mut client = Client::connect(house.tcp(), version, "c").await;
            client.send_bytes(bytes).await;
            if version == Version::V5 {
                let last = client.receive().await;
                let Packet::Disconnect(last) = last.packet() else {
                    panic!("{bytes:x?}: {last:?}");
                };
                let malformed = [Reason::MALFORMED_PACKET, Reason::PROTOCOL_ERROR];
                assert!(malformed.contains(&last.reason), "{bytes:x?}: {last:?}");
            }
            assert!(client.receive_or_end().await.is_none(), "{bytes:x?}");
        }
    }
    assert!(house.log.messages().is_empty());
    still_serves(&house).await;
}

#[tokio::test]
async fn fault_8_noise_ends_at_most_its_own_connection() {
    let house = House::open().await;
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed as u8
    };
    for round in 0..200 {
        let mut client = match round % 2 {
            0 => Client::open(house.tcp(), Version::V5).await,
            _ => Client::connect(house.tcp(), Version::V5, "noise").await,
        };
        let noise: Vec<u8> = (0..64).map(|_| next()).collect();
        let _ = client.stream.write_all(&noise).await;
    }
    still_serves(&house).await;
}

#[tokio::test]
async fn fault_9_packets_that_only_a_server_sends_end_the_connection() {
    let house = House::open().await;
    let connack = Connack {
        session_present: false,
        code: 0,
        properties: Properties::EMPTY,
    };
    let suback = Suback {
        packet_id: 1,
        properties: Properties::EMPTY,
        codes: &[0],
    };
    let unsuback = Unsuback {
        packet_id: 1,
        properties: Properties::EMPTY,
        codes: &[0],
    };
    for version in BOTH {
        for packet in [
            Packet::Connack(connack),
            Packet::Suback(suback),
            Packet::Unsuback(unsuback),
            Packet::Pingresp,
        ] {
            let mut client = Client::connect(house.tcp(), version, "c").await;
            client.send(packet).await;
            client.expect_end(Reason::PROTOCOL_ERROR).await;
        }
    }
    still_serves(&house).await;
}

#[tokio::test]
async fn fault_9_the_first_packet_is_connect_and_there_is_no_second() {
    let house = House::open().await;
    for version in BOTH {
        let mut client = Client::open(house.tcp(), version).await;
        client.publish(message(0, 0, "a", "x")).await;
        assert!(client.receive_or_end().await.is_none());
        let mut client = Client::connect(house.tcp(), version, "c").await;
        client.send(Packet::Connect(hello(version, "c"))).await;
        client.expect_end(Reason::PROTOCOL_ERROR).await;
    }
    still_serves(&house).await;
}

#[tokio::test]
async fn fault_10_claimed_lengths_are_refused_before_their_bytes_come() {
    let house = House::open().await;
    let huge = [0x30, 0xff, 0xff, 0xff, 0x7f, 1, 2, 3];
    let long_varint = [0x30, 0xff, 0xff, 0xff, 0xff, 0x01, 1, 2, 3];
    for (bytes, reason) in [
        (&huge[..], Reason::PACKET_TOO_LARGE),
        (&long_varint[..], Reason::MALFORMED_PACKET),
    ] {
        let mut client = Client::connect(house.tcp(), Version::V5, "c").await;
        client.send_bytes(bytes).await;
        client.expect_end(reason).await;
        let mut unknown = Client::open(house.tcp(), Version::V5).await;
        let mut connect = bytes.to_vec();
        connect[0] = 0x10;
        unknown.send_bytes(&connect).await;
        assert!(unknown.receive_or_end().await.is_none());
    }
    still_serves(&house).await;
}

#[tokio::test]
async fn fault_11_a_payload_of_256_mb_is_cut_off_and_not_taken_in() {
    const CHUNK_BYTES: usize = 64 << 10;
    let house = House::open().await;
    for version in BOTH {
        let mut client = Client::connect(house.tcp(), version, "c").await;
        client.send_bytes(&[0x30, 0xff, 0xff, 0xff, 0x7f]).await;
        let chunk = vec![b'p'; CHUNK_BYTES];
        let mut sent_bytes = 0;
        while sent_bytes < 256 << 20 && client.stream.write_all(&chunk).await.is_ok() {
            sent_bytes += CHUNK_BYTES;
        }
        // What the two sockets held when it ended.
        assert!(sent_bytes < 32 << 20, "{sent_bytes} bytes were taken");
    }
    assert!(house.log.messages().is_empty());
    still_serves(&house).await;
}

#[tokio::test]
async fn fault_10_a_packet_that_comes_byte_by_byte_is_taken() {
    let house = House::open().await;
    let mut client = Client::open(house.tcp(), Version::V5).await;
    let mut out = Vec::new();
    Packet::Connect(hello(Version::V5, "c")).write(Version::V5, &mut out);
    Packet::Publish(message(1, 7, "a/b", "slow")).write(Version::V5, &mut out);
    for byte in out {
        client.send_bytes(&[byte]).await;
        tokio::task::yield_now().await;
    }
    assert!(matches!(
        client.receive().await.packet(),
        Packet::Connack(_)
    ));
    assert!(matches!(client.receive().await.packet(), Packet::Puback(ack) if ack.packet_id == 7));
}

#[tokio::test]
async fn fault_11_a_payload_at_the_limit_passes_and_one_byte_more_does_not() {
    let house = House::open().await;
    let most = (256 << 10) - 4 - 2 - 1 - 2;
    let at_limit = "p".repeat(most);
    let mut client = Client::connect(house.tcp(), Version::V311, "c").await;
    client.publish_acked(message(1, 1, "a", &at_limit)).await;
    let over = "p".repeat(most + 1);
    let mut out = Vec::new();
    Packet::Publish(message(1, 2, "a", &over)).write(Version::V311, &mut out);
    // The broker may be gone before it has taken all of it.
    let _ = client.stream.write_all(&out).await;
    client.expect_end(Reason::PACKET_TOO_LARGE).await;
    assert_eq!(house.log.records().len(), 1);
    still_serves(&house).await;
}
