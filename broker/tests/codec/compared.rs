//! Packet by packet beside mqtt-protocol-core, an implementation that shares nothing with ours.

use crate::judged::{WE_REFUSE, we_may_read, we_may_refuse};
use crate::other;
use crate::packets::ingredients;
use nhip_broker::codec::{DecodeError, Packet, Version, frame, put_varint};
use proptest::{collection::vec, prelude::*, sample::Index};

fn written(version: Version, packet: Packet<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.write(version, &mut bytes);
    bytes
}

/// A change of a packet's bytes behind its fixed header.
#[derive(Clone, Debug)]
enum Change {
    Bit(Index, u8),
    Byte(Index, u8),
    Cut(Index),
    Remove(Index),
    Insert(Index, u8),
    /// The low bits of the first byte.
    Flags(u8),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Change::Bit(at, bit)),
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        (any::<Index>(), 0..48_u8).prop_map(|(at, byte)| Change::Byte(at, byte)),
        any::<Index>().prop_map(Change::Cut),
        any::<Index>().prop_map(Change::Remove),
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        (0..16_u8).prop_map(Change::Flags),
    ]
}

impl Change {
    fn make(&self, first: &mut u8, body: &mut Vec<u8>) {
        match self {
            Self::Bit(at, bit) if !body.is_empty() => {
                let at = at.index(body.len());
                body[at] ^= 1 << bit;
            }
            Self::Byte(at, byte) if !body.is_empty() => {
                let at = at.index(body.len());
                body[at] = *byte;
            }
            Self::Cut(at) => body.truncate(at.index(body.len() + 1)),
            Self::Remove(at) if !body.is_empty() => drop(body.remove(at.index(body.len()))),
            Self::Insert(at, byte) => body.insert(at.index(body.len() + 1), *byte),
            Self::Flags(flags) => *first = *first & 0xf0 | flags,
            _ => {}
        }
    }
}

/// The packet with its changes, behind a fixed header whose length is right.
fn changed(bytes: &[u8], changes: &[Change]) -> Vec<u8> {
    let found = frame(bytes, usize::MAX).unwrap().unwrap();
    let (mut first, mut body) = (found.first, bytes[found.header_bytes..].to_vec());
    for change in changes {
        change.make(&mut first, &mut body);
    }
    let mut changed = vec![first];
    put_varint(&mut changed, body.len());
    changed.extend_from_slice(&body);
    changed
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn what_we_write_another_implementation_reads_as_we_mean_it(made in ingredients()) {
        let version = made.version();
        made.make(|packet| {
            prop_assume!(we_may_read(&packet).is_none());
            let bytes = written(version, packet);
            let found = frame(&bytes, usize::MAX).unwrap().unwrap();
            let read = other::read(version, found, &bytes[found.header_bytes..]);
            prop_assert!(read.is_ok(), "{packet:?} is refused: {read:?}");
            let (theirs, taken) = read.unwrap();
            prop_assert_eq!(taken, found.body_bytes);
            other::show(&theirs, |shown| {
                prop_assert_eq!(shown, packet);
                Ok(())
            })?;
            prop_assert_eq!(other::write(&theirs), bytes);
            Ok(())
        })?;
    }

    #[test]
    fn what_another_implementation_writes_we_read_as_it_means_it(made in ingredients()) {
        let version = made.version();
        made.make(|packet| {
            // Their builders make no PUBLISH that has neither a topic nor an alias.
            let nameless = matches!(packet, Packet::Publish(p) if p.topic.is_empty()
                && !p.properties.iter().any(|property| property.id() == 0x23));
            prop_assume!(!nameless && we_may_read(&packet).is_none());
            let bytes = other::write(&other::build(version, packet));
            let found = frame(&bytes, usize::MAX).unwrap().unwrap();
            let read = Packet::read(version, found, &bytes[found.header_bytes..]);
            prop_assert_eq!(read, Ok(packet));
            prop_assert_eq!(written(version, packet), bytes);
            Ok(())
        })?;
    }

    #[test]
    fn broken_packets_are_taken_by_both_or_by_neither_or_the_specification_says_why(
        made in ingredients(),
        changes in vec(change(), 1..4),
    ) {
        let version = made.version();
        let bytes = made.make(|packet| changed(&written(version, packet), &changes));
        let verdict = compare(version, &bytes);
        prop_assert!(verdict.is_ok(), "{bytes:02x?}: {}", verdict.unwrap_err());
    }
}

/// Reads a packet twice; an error says what the specification doesn't settle.
fn compare(version: Version, bytes: &[u8]) -> Result<(), String> {
    let found = match frame(bytes, usize::MAX) {
        Ok(Some(found)) => found,
        // Fixed headers are none of their packets' business.
        Err(DecodeError::Malformed("reserved flags of the fixed header")) => return Ok(()),
        other => return Err(format!("no frame: {other:?}")),
    };
    let body = &bytes[found.header_bytes..];
    let ours = Packet::read(version, found, body);
    let theirs = other::read(version, found, body);
    let theirs = theirs.and_then(|(packet, taken)| match taken == body.len() {
        true => Ok(packet),
        // What is behind the last field is left to their caller.
        false => Err(mqtt_protocol_core::mqtt::result_code::MqttError::MalformedPacket),
    });
    match (&ours, &theirs) {
        (Err(_), Err(_)) => Ok(()),
        (Ok(ours), Ok(theirs)) => other::show(theirs, |shown| match shown == *ours {
            true => Ok(()),
            false => Err(format!("we read {ours:?}, they read {shown:?}")),
        }),
        (Err(error), Ok(theirs)) => match we_may_refuse(*error) {
            Some(_) => Ok(()),
            None => Err(format!("we refuse ({error}) what they read as {theirs:?}")),
        },
        (Ok(ours), Err(error)) => match we_may_read(ours) {
            Some(_) => Ok(()),
            None => Err(format!("they refuse ({error:?}) what we read as {ours:?}")),
        },
    }
}

#[test]
fn each_difference_is_there_and_as_it_is_judged() {
    for (error, clause, version, bytes) in WE_REFUSE {
        let found = frame(bytes, usize::MAX).unwrap().unwrap();
        let body = &bytes[found.header_bytes..];
        let ours = Packet::read(version, found, body);
        assert_eq!(ours, Err(error), "{clause}");
        let theirs = other::read(version, found, body);
        assert!(theirs.is_ok(), "{clause}: they refuse it, too");
        assert_eq!(compare(version, bytes), Ok(()));
    }
}
