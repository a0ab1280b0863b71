//! MQTT packets, of both versions, one after the other.

use nhip_broker::codec::{Packet, Version, frame};

/// Whatever is accepted must survive being written and read again.
pub fn withstand(bytes: &[u8]) -> bool {
    let old = of_version(Version::V311, bytes);
    let new = of_version(Version::V5, bytes);
    old + new > 0
}

/// Gives back how many packets there were.
fn of_version(version: Version, mut bytes: &[u8]) -> usize {
    let mut packets = 0;
    while let Ok(Some(found)) = frame(bytes, 64 << 10) {
        let body = &bytes[found.header_bytes..found.bytes()];
        bytes = &bytes[found.bytes()..];
        let Ok(packet) = Packet::read(version, found, body) else {
            return packets;
        };
        packets += 1;
        let speaks = match packet {
            Packet::Connect(connect) => connect.version,
            _ => version,
        };
        if let Packet::Subscribe(subscribe) = packet {
            assert!(subscribe.filters.iter().count() > 0);
        }
        let mut written = Vec::new();
        packet.write(speaks, &mut written);
        let again = match frame(&written, 128 << 10) {
            Ok(Some(again)) => again,
            other => panic!("{packet:?} was written as {other:?}"),
        };
        assert_eq!(again.bytes(), written.len());
        let read = Packet::read(version, again, &written[again.header_bytes..]);
        assert_eq!(read, Ok(packet));
    }
    packets
}
