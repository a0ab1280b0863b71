//! A small MQTT client that says exactly the bytes a test wants, well-formed or not.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The protocol level in CONNECT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// MQTT 3.1.1.
    V4,
    /// MQTT 5.
    V5,
}

/// A packet as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Type and flags.
    pub first: u8,
    /// What follows the remaining length.
    pub body: Vec<u8>,
}

impl Packet {
    /// The packet type, 1 to 15.
    pub fn kind(&self) -> u8 {
        self.first >> 4
    }
}

/// A connection.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    /// What it speaks.
    pub version: Version,
}

impl Client {
    /// Connects with a clean session and expects to be let in.
    pub fn connect(address: SocketAddr, id: &str, version: Version) -> Self {
        Self::enter(address, &connect(id, version, 60), version)
    }

    /// Connects with a CONNECT of the test's own and expects to be let in.
    pub fn enter(address: SocketAddr, connect: &[u8], version: Version) -> Self {
        let mut client = Self::open(address, version);
        client.send(connect);
        let packet = client.receive().expect("CONNACK");
        assert_eq!((packet.kind(), packet.body[1]), (2, 0), "{packet:?}");
        client
    }

    /// Opens the connection and says nothing.
    pub fn open(address: SocketAddr, version: Version) -> Self {
        Self::try_open(address, version).expect("the listener accepts")
    }

    /// Opens the connection, if somebody listens.
    pub fn try_open(address: SocketAddr, version: Version) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream, version })
    }

    /// Sends bytes as they are. A connection that the other side has closed is no failure:
    /// tests of bad input look at what comes back.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// The next packet; an error when the connection ends or nothing comes in time.
    pub fn receive(&mut self) -> io::Result<Packet> {
        let first = self.byte()?;
        let (mut length, mut shift) = (0, 0);
        loop {
            let byte = self.byte()?;
            length |= usize::from(byte & 127) << shift;
            shift += 7;
            if byte & 128 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Packet { first, body })
    }

    /// Publishes at QoS 1 and waits for the PUBACK; the reason code, 0 in 3.1.1.
    pub fn publish(&mut self, topic: &str, payload: &[u8]) -> io::Result<u8> {
        self.send(&publish(topic, payload, Some(1), self.version, false));
        loop {
            let packet = self.receive()?;
            match packet.kind() {
                4 => return Ok(packet.body.get(2).copied().unwrap_or(0)),
                3 => {}
                _ => return Err(io::Error::other(format!("instead of PUBACK {packet:?}"))),
            }
        }
    }

    /// Subscribes to a filter and returns the code granted.
    pub fn subscribe(&mut self, filter: &str, qos: u8) -> u8 {
        let mut body = vec![0, 7];
        if self.version == Version::V5 {
            body.push(0);
        }
        text(&mut body, filter);
        body.push(qos);
        self.send(&packet(0x82, &body));
        let answer = self.receive().expect("SUBACK");
        assert_eq!(answer.kind(), 9, "{answer:?}");
        *answer.body.last().expect("a code")
    }

    /// The next message of a subscription; one of QoS 1 is acknowledged.
    pub fn message(&mut self) -> Message {
        loop {
            let packet = self.receive().expect("a message");
            if packet.kind() == 3 {
                let (message, id) = Message::read(&packet, self.version);
                if let Some(id) = id {
                    self.send(&self::packet(0x40, &id.to_be_bytes()));
                }
                return message;
            }
        }
    }

    /// Whether the other side has ended the connection (waits for it or for a packet).
    pub fn is_ended(&mut self) -> bool {
        loop {
            match self.receive() {
                // v5 says why before it closes.
                Ok(packet) if packet.kind() == 14 => {}
                Ok(_) => return false,
                Err(error) => {
                    return !matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                    );
                }
            }
        }
    }

    /// The socket, for tests that leave the protocol.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.stream.read_exact(&mut byte)?;
        Ok(byte[0])
    }
}

/// A message as a subscriber gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The topic.
    pub topic: String,
    /// The payload.
    pub payload: Vec<u8>,
    /// Whether it was retained before the subscription.
    pub retained: bool,
}

impl Message {
    fn read(packet: &Packet, version: Version) -> (Self, Option<u16>) {
        let (length, rest) = packet.body.split_at(2);
        let (topic, mut rest) = rest.split_at(usize::from(length[0]) << 8 | usize::from(length[1]));
        let mut id = None;
        if packet.first & 6 != 0 {
            id = Some(u16::from_be_bytes([rest[0], rest[1]]));
            rest = &rest[2..];
        }
        if version == Version::V5 {
            assert!(rest[0] < 128, "properties of less than 128 bytes");
            rest = &rest[1 + usize::from(rest[0])..];
        }
        let message = Self {
            topic: String::from_utf8(topic.into()).expect("a topic in UTF-8"),
            payload: rest.into(),
            retained: packet.first & 1 == 1,
        };
        (message, id)
    }
}

/// CONNECT of 3.1.1 with a clean session and a will of QoS 1.
pub fn connect_with_will(id: &str, topic: &str, payload: &str, retain: bool) -> Vec<u8> {
    let mut body = Vec::new();
    text(&mut body, "MQTT");
    body.push(4);
    body.push(0x0e | u8::from(retain) << 5);
    body.extend(60u16.to_be_bytes());
    text(&mut body, id);
    text(&mut body, topic);
    text(&mut body, payload);
    packet(0x10, &body)
}

/// CONNECT with a clean session.
pub fn connect(id: &str, version: Version, keep_alive_s: u16) -> Vec<u8> {
    let mut body = Vec::new();
    text(&mut body, "MQTT");
    body.push(if version == Version::V5 { 5 } else { 4 });
    body.push(2);
    body.extend(keep_alive_s.to_be_bytes());
    if version == Version::V5 {
        body.push(0);
    }
    text(&mut body, id);
    packet(0x10, &body)
}

/// CONNECT for a session that outlives the connection: by an hour in MQTT 5.
pub fn connect_durable(id: &str, version: Version) -> Vec<u8> {
    let mut body = Vec::new();
    text(&mut body, "MQTT");
    body.extend(match version {
        Version::V4 => &[4, 0, 0, 60][..],
        Version::V5 => &[5, 0, 0, 60, 5, 0x11, 0, 0, 0x0e, 0x10],
    });
    text(&mut body, id);
    packet(0x10, &body)
}

/// PUBLISH; a packet id makes it QoS 1.
pub fn publish(
    topic: &str,
    payload: &[u8],
    packet_id: Option<u16>,
    version: Version,
    retain: bool,
) -> Vec<u8> {
    let mut body = Vec::new();
    text(&mut body, topic);
    if let Some(id) = packet_id {
        body.extend(id.to_be_bytes());
    }
    if version == Version::V5 {
        body.push(0);
    }
    body.extend_from_slice(payload);
    let flags = u8::from(packet_id.is_some()) << 1 | u8::from(retain);
    packet(0x30 | flags, &body)
}

/// A packet with its remaining length.
pub fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut length = body.len();
    loop {
        let more = if length > 127 { 128 } else { 0 };
        bytes.push((length % 128) as u8 | more);
        length /= 128;
        if length == 0 {
            break;
        }
    }
    bytes.extend_from_slice(body);
    bytes
}

/// A text with its length in two bytes.
pub fn text(body: &mut Vec<u8>, text: &str) {
    let length = u16::try_from(text.len()).expect("a text of at most 65,535 bytes");
    body.extend(length.to_be_bytes());
    body.extend_from_slice(text.as_bytes());
}
