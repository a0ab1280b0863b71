//! What a client has said, and the answers that it may expect.

use nhip_broker::codec::{Connect, Packet, Property, Publish, Version, frame, shared_filter};
use std::collections::{HashMap, HashSet, VecDeque};

/// Bytes of a packet from a client, as the broker is set up.
pub const PACKET_BYTES_MAX: usize = 4 << 10;

/// A message that the broker has sent and the client hasn't finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    Once,
    Twice,
    /// PUBREC is sent.
    Received,
}

/// Reads along what is sent on one connection.
#[derive(Debug, Default)]
pub struct Said {
    bytes: Vec<u8>,
    pub version: Option<Version>,
    pub name: String,
    /// It has said what ends the connection.
    pub over: bool,
    /// Packet ids in the order of their packets (MQTT-4.6.0-2, -3, -4).
    pub pubacks: VecDeque<u16>,
    pub pubrecs: VecDeque<u16>,
    pub pubcomps: VecDeque<u16>,
    /// With the number of filters.
    pub subacks: VecDeque<(u16, usize)>,
    pub unsubacks: VecDeque<(u16, usize)>,
    pub pings: usize,
    /// Filters that it has subscribed to, without their shares.
    pub filters: Vec<String>,
    pub held: HashMap<u16, Held>,
    /// Packet ids of a PUBREC for nothing, which is answered all the same.
    pub strays: Vec<u16>,
    /// Packet ids of what it has finished without having it. The message may have been on its
    /// way, so that there is room for another.
    pub guessed: HashSet<u16>,
    pub receive_max: usize,
    pub packet_bytes_max: usize,
    pub alias_max: u16,
    pub retains: bool,
}

impl Said {
    pub fn new() -> Self {
        Self {
            receive_max: usize::from(u16::MAX),
            packet_bytes_max: usize::MAX,
            ..Self::default()
        }
    }

    /// Whether every answer has come.
    pub fn is_answered(&self) -> bool {
        let ids = [&self.pubacks, &self.pubrecs, &self.pubcomps];
        ids.iter().all(|ids| ids.is_empty())
            && self.subacks.is_empty()
            && self.unsubacks.is_empty()
            && self.pings == 0
    }

    /// Whether the next bytes begin a packet.
    pub fn is_between_packets(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Takes note of what is being sent.
    pub fn say(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        while !self.over {
            let found = match frame(&self.bytes, PACKET_BYTES_MAX) {
                Ok(Some(found)) => found,
                Ok(None) => return,
                Err(_) => {
                    self.over = true;
                    return;
                }
            };
            let rest = self.bytes.split_off(found.bytes());
            let whole = std::mem::replace(&mut self.bytes, rest);
            let version = self.version.unwrap_or(Version::V5);
            match Packet::read(version, found, &whole[found.header_bytes..]) {
                Ok(packet) => self.note(packet),
                Err(_) => self.over = true,
            }
        }
    }

    fn note(&mut self, packet: Packet<'_>) {
        match packet {
            Packet::Connect(connect) if self.version.is_none() => self.connect(&connect),
            _ if self.version.is_none() => self.over = true,
            Packet::Publish(publish) => self.publish(&publish),
            Packet::Puback(ack) => self.finish(ack.packet_id, Held::Once),
            Packet::Pubrec(ack) if ack.reason.is_error() => {
                self.finish(ack.packet_id, Held::Twice);
            }
            Packet::Pubrec(ack) => match self.held.get_mut(&ack.packet_id) {
                Some(held @ (Held::Twice | Held::Received)) => *held = Held::Received,
                _ => self.strays.push(ack.packet_id),
            },
            Packet::Pubcomp(ack) => self.finish(ack.packet_id, Held::Received),
            Packet::Pubrel(ack) => self.pubcomps.push_back(ack.packet_id),
            Packet::Subscribe(subscribe) => {
                for (filter, _) in subscribe.filters.iter() {
                    let own = shared_filter(filter).map_or(filter, |(_, filter)| filter);
                    self.filters.push(own.to_owned());
                }
                let count = subscribe.filters.iter().count();
                self.subacks.push_back((subscribe.packet_id, count));
            }
            Packet::Unsubscribe(unsubscribe) => {
                let count = unsubscribe.filters.iter().count();
                self.unsubacks.push_back((unsubscribe.packet_id, count));
            }
            Packet::Pingreq => self.pings += 1,
            // A second CONNECT, what only a server says, AUTH and DISCONNECT.
            _ => self.over = true,
        }
    }

    fn connect(&mut self, connect: &Connect<'_>) {
        self.version = Some(connect.version);
        self.name = connect.client_id.to_owned();
        self.retains |= connect.will.is_some_and(|will| will.retain);
        for property in connect.properties.iter() {
            match property {
                Property::ReceiveMaximum(most) => self.receive_max = usize::from(most),
                Property::MaximumPacketSize(bytes) => self.packet_bytes_max = bytes as usize,
                Property::TopicAliasMaximum(most) => self.alias_max = most,
                _ => {}
            }
        }
    }

    fn publish(&mut self, publish: &Publish<'_>) {
        self.retains |= publish.retain;
        match publish.qos {
            0 => {}
            1 => self.pubacks.push_back(publish.packet_id),
            _ => self.pubrecs.push_back(publish.packet_id),
        }
    }

    fn finish(&mut self, id: u16, held: Held) {
        match self.held.get(&id) == Some(&held) {
            true => drop(self.held.remove(&id)),
            false => drop(self.guessed.insert(id)),
        }
    }
}
