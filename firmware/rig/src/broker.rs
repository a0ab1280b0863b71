//! A broker in RAM for MQTT 5, as much of it as a device uses: it keeps everything.

use crate::time::now_us;
use std::collections::{BTreeMap, VecDeque};

const CONNECT: u8 = 1;
const PUBLISH: u8 = 3;
const PUBACK: u8 = 4;
const SUBSCRIBE: u8 = 8;
const PINGREQ: u8 = 12;
const DISCONNECT: u8 = 14;

/// A message that a device published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// When it came, true time, µs.
    pub at_us: u64,
    /// Under which topic.
    pub topic: String,
    /// What.
    pub payload: Vec<u8>,
    /// Whether the device said that it may have sent it before.
    pub dup: bool,
}

#[derive(Default)]
struct Session {
    /// Messages for the device that it didn't acknowledge.
    outbox: VecDeque<Outgoing>,
    next_id: u16,
    subscribed: bool,
    /// Retained messages say so also when they were published just now.
    as_published: bool,
    /// Which of the broker's connections is this device's.
    connection: u64,
}

struct Outgoing {
    id: u16,
    topic: String,
    payload: Vec<u8>,
    retained: bool,
}

impl Session {
    fn push(&mut self, topic: &str, payload: &[u8], retained: bool) {
        self.next_id += 1;
        self.outbox.push_back(Outgoing {
            id: self.next_id,
            topic: topic.into(),
            payload: payload.into(),
            retained,
        });
    }
}

/// The broker's memory.
#[derive(Default)]
pub struct Broker {
    sessions: BTreeMap<String, Session>,
    retained: BTreeMap<String, Vec<u8>>,
    /// Everything that was published, in the order in which it came.
    pub published: Vec<Published>,
    /// Whether it keeps its acknowledgements to itself.
    pub swallow_acks: bool,
    /// A reason code of 0x80 and above with which it refuses readings.
    pub refuse: Option<u8>,
    /// The longest packet that it says it takes.
    pub packet_bytes_max: Option<u32>,
    /// The longest PUBLISH that came.
    pub longest: usize,
    /// Bytes that came from devices, and how many went to them.
    pub bytes: (u64, u64),
    /// Connections that were accepted.
    pub connects: u64,
}

/// One connection's side of the broker.
#[derive(Default)]
pub struct Peer {
    client: Option<String>,
    connection: u64,
    received: Vec<u8>,
    /// What is to be written to the device.
    pub outgoing: VecDeque<u8>,
    /// Whether the connection is to be closed.
    pub closed: bool,
}

impl Broker {
    /// Takes bytes from a device.
    pub fn receive(&mut self, peer: &mut Peer, bytes: &[u8]) {
        self.bytes.0 += bytes.len() as u64;
        peer.received.extend_from_slice(bytes);
        let taken_over = |sessions: &BTreeMap<String, Session>, peer: &Peer| {
            let of = peer.client.as_ref().and_then(|client| sessions.get(client));
            of.is_some_and(|session| session.connection != peer.connection)
        };
        if taken_over(&self.sessions, peer) {
            peer.closed = true;
            return;
        }
        while let Some((kind, flags, body)) = next_packet(&mut peer.received) {
            if self.packet(peer, kind, flags, &body).is_none() {
                peer.closed = true;
                return;
            }
        }
    }

    /// Sends a message to a device, now or when it comes back.
    pub fn send(&mut self, device: &str, topic: &str, payload: &[u8]) {
        let session = self.sessions.entry(device.into()).or_default();
        session.push(topic, payload, false);
    }

    /// As [`Self::send`], and keeps it for every later subscription.
    pub fn retain(&mut self, device: &str, topic: &str, payload: &[u8]) {
        self.retained.insert(topic.into(), payload.into());
        if let Some(session) = self.sessions.get_mut(device) {
            session.push(topic, payload, session.as_published);
        }
    }

    /// Forgets all sessions, as a broker does that lost its disk.
    pub fn forget(&mut self) {
        self.sessions.clear();
    }

    /// Writes what waits for a device that is connected.
    pub fn deliver(&mut self, peer: &mut Peer) {
        let Some(session) = peer
            .client
            .as_ref()
            .and_then(|client| self.sessions.get_mut(client))
        else {
            return;
        };
        if session.connection != peer.connection {
            // Another of this name has taken over.
            peer.closed = true;
            return;
        }
        if !session.subscribed {
            return;
        }
        for message in &session.outbox {
            let mut body = text(&message.topic);
            body.extend_from_slice(&message.id.to_be_bytes());
            body.push(0);
            body.extend_from_slice(&message.payload);
            put(&mut peer.outgoing, 0x32 | u8::from(message.retained), &body);
        }
        // Repeated on the next connection until acknowledged, not on this one.
        session.subscribed = session.outbox.is_empty();
    }

    fn packet(&mut self, peer: &mut Peer, kind: u8, flags: u8, body: &[u8]) -> Option<()> {
        match kind {
            CONNECT => self.connect(peer, body)?,
            PUBLISH => self.publish(peer, flags, body)?,
            PUBACK => {
                let id = u16::from_be_bytes([*body.first()?, *body.get(1)?]);
                let session = self.sessions.get_mut(peer.client.as_ref()?)?;
                session.outbox.retain(|known| known.id != id);
                session.subscribed = true;
            }
            SUBSCRIBE => {
                let session = self.sessions.get_mut(peer.client.as_ref()?)?;
                session.subscribed = true;
                session.as_published = body.last()? & 8 != 0;
                let of_device = format!("devices/{}/commands/", peer.client.as_ref()?);
                for (topic, payload) in &self.retained {
                    if topic.starts_with(&of_device) {
                        session.push(topic, payload, true);
                    }
                }
                put(&mut peer.outgoing, 0x90, &[body[0], body[1], 0, 1]);
            }
            PINGREQ => put(&mut peer.outgoing, 0xd0, &[]),
            DISCONNECT => peer.closed = true,
            _ => return None,
        }
        Some(())
    }

    fn connect(&mut self, peer: &mut Peer, body: &[u8]) -> Option<()> {
        let clean = body.get(7)? & 2 != 0;
        let (properties, rest) = varint(body.get(10..)?)?;
        let client = take_text(&mut rest.get(properties..)?)?;
        if clean {
            // A new session, but what was sent for the device while it was off stays here.
            let kept = self.sessions.remove(&client).map(|session| session.outbox);
            self.sessions.insert(
                client.clone(),
                Session {
                    outbox: kept.unwrap_or_default(),
                    ..Session::default()
                },
            );
        }
        let present = !clean && self.sessions.contains_key(&client);
        self.connects += 1;
        let session = self.sessions.entry(client.clone()).or_default();
        session.subscribed = present;
        session.connection = self.connects;
        (peer.client, peer.connection) = (Some(client), self.connects);
        let mut answer = vec![u8::from(present), 0, 0];
        if let Some(bytes) = self.packet_bytes_max {
            answer[2] = 5;
            answer.push(0x27);
            answer.extend_from_slice(&bytes.to_be_bytes());
        }
        put(&mut peer.outgoing, 0x20, &answer);
        Some(())
    }

    fn publish(&mut self, peer: &mut Peer, flags: u8, mut body: &[u8]) -> Option<()> {
        peer.client.as_ref()?;
        self.longest = self.longest.max(2 + body.len());
        let topic = take_text(&mut body)?;
        let qos = flags >> 1 & 3;
        let id = match qos {
            0 => None,
            _ => {
                let (id, rest) = body.split_first_chunk::<2>()?;
                body = rest;
                Some(*id)
            }
        };
        let (properties, rest) = varint(body)?;
        let payload = rest.get(properties..)?.to_vec();
        let refused = self.refuse.filter(|_| topic.contains("/readings/"));
        if refused.is_none() {
            self.published.push(Published {
                at_us: now_us(),
                topic,
                payload,
                dup: flags & 8 != 0,
            });
        }
        if let Some([high, low]) = id
            && !self.swallow_acks
        {
            match refused {
                None => put(&mut peer.outgoing, 0x40, &[high, low]),
                Some(reason) => put(&mut peer.outgoing, 0x40, &[high, low, reason, 0]),
            }
        }
        Some(())
    }
}

fn next_packet(received: &mut Vec<u8>) -> Option<(u8, u8, Vec<u8>)> {
    let (&first, rest) = received.split_first()?;
    let (length, left) = varint(rest)?;
    let body = left.get(..length)?.to_vec();
    let used = received.len() - left.len() + length;
    received.drain(..used);
    Some((first >> 4, first & 15, body))
}

fn varint(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0;
    for (at, &byte) in bytes.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * at);
        if byte < 0x80 {
            return Some((value, &bytes[at + 1..]));
        }
    }
    None
}

fn take_text(body: &mut &[u8]) -> Option<String> {
    let (length, rest) = body.split_first_chunk::<2>()?;
    let length = usize::from(u16::from_be_bytes(*length));
    let text = String::from_utf8(rest.get(..length)?.to_vec()).ok()?;
    *body = &rest[length..];
    Some(text)
}

fn text(text: &str) -> Vec<u8> {
    let mut bytes = (text.len() as u16).to_be_bytes().to_vec();
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

fn put(out: &mut VecDeque<u8>, first: u8, body: &[u8]) {
    out.push_back(first);
    let mut length = body.len();
    loop {
        let more = length > 127;
        out.push_back((length & 0x7f) as u8 | u8::from(more) << 7);
        length >>= 7;
        if !more {
            break;
        }
    }
    out.extend(body);
}
