//! Packets as mqtt-protocol-core has them, which shares no code and no author with ours.

mod built;
mod properties;
mod shown;

pub use built::build;
pub use shown::show;

use mqtt_protocol_core::mqtt::packet::{GenericPacketTrait, Packet, v3_1_1, v5_0};
use mqtt_protocol_core::mqtt::result_code::MqttError;
use nhip_broker::codec::{Frame, Kind, Version};

/// The bytes of a packet of theirs.
pub fn write(packet: &Packet) -> Vec<u8> {
    packet.to_continuous_buffer()
}

/// Reads the packet of `frame`, whose bytes behind the fixed header are `body`; gives back how
/// many of them it took, too. The fixed header is not theirs to judge: it is read by their
/// connection, not by their packets.
pub fn read(version: Version, frame: Frame, body: &[u8]) -> Result<(Packet, usize), MqttError> {
    let kind = Kind::of(frame.first).map_err(|_| MqttError::MalformedPacket)?;
    let version = match (kind, body.get(6)) {
        (Kind::Connect, Some(4)) => Version::V311,
        (Kind::Connect, _) => Version::V5,
        _ => version,
    };
    match version {
        Version::V311 => read_old(kind, frame.first, body),
        Version::V5 => read_new(kind, frame.first, body),
    }
}

/// `packet` of a type, in the enum of all.
fn of<T: Into<Packet>>(read: Result<(T, usize), MqttError>) -> Result<(Packet, usize), MqttError> {
    read.map(|(packet, taken)| (packet.into(), taken))
}

fn read_old(kind: Kind, first: u8, body: &[u8]) -> Result<(Packet, usize), MqttError> {
    match kind {
        Kind::Connect => of(v3_1_1::Connect::parse(body)),
        Kind::Connack => of(v3_1_1::Connack::parse(body)),
        Kind::Publish => of(v3_1_1::Publish::parse(first & 15, body.into())),
        Kind::Puback => of(v3_1_1::Puback::parse(body)),
        Kind::Pubrec => of(v3_1_1::Pubrec::parse(body)),
        Kind::Pubrel => of(v3_1_1::Pubrel::parse(body)),
        Kind::Pubcomp => of(v3_1_1::Pubcomp::parse(body)),
        Kind::Subscribe => of(v3_1_1::Subscribe::parse(body)),
        Kind::Suback => of(v3_1_1::Suback::parse(body)),
        Kind::Unsubscribe => of(v3_1_1::Unsubscribe::parse(body)),
        Kind::Unsuback => of(v3_1_1::Unsuback::parse(body)),
        Kind::Pingreq => of(v3_1_1::Pingreq::parse(body)),
        Kind::Pingresp => of(v3_1_1::Pingresp::parse(body)),
        Kind::Disconnect => of(v3_1_1::Disconnect::parse(body)),
        Kind::Auth => Err(MqttError::MalformedPacket),
    }
}

fn read_new(kind: Kind, first: u8, body: &[u8]) -> Result<(Packet, usize), MqttError> {
    match kind {
        Kind::Connect => of(v5_0::Connect::parse(body)),
        Kind::Connack => of(v5_0::Connack::parse(body)),
        Kind::Publish => of(v5_0::Publish::parse(first & 15, body.into())),
        Kind::Puback => of(v5_0::Puback::parse(body)),
        Kind::Pubrec => of(v5_0::Pubrec::parse(body)),
        Kind::Pubrel => of(v5_0::Pubrel::parse(body)),
        Kind::Pubcomp => of(v5_0::Pubcomp::parse(body)),
        Kind::Subscribe => of(v5_0::Subscribe::parse(body)),
        Kind::Suback => of(v5_0::Suback::parse(body)),
        Kind::Unsubscribe => of(v5_0::Unsubscribe::parse(body)),
        Kind::Unsuback => of(v5_0::Unsuback::parse(body)),
        Kind::Pingreq => of(v5_0::Pingreq::parse(body)),
        Kind::Pingresp => of(v5_0::Pingresp::parse(body)),
        Kind::Disconnect => of(v5_0::Disconnect::parse(body)),
        Kind::Auth => of(v5_0::Auth::parse(body)),
    }
}
