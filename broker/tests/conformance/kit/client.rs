//! A client that says what it is told to, right or wrong.

use nhip_broker::codec::{
    Ack, Connect, Filters, Frame, Packet, Place, Properties, Property, Publish, Reason, Subscribe,
    SubscribeOptions, Version, Will, frame,
};
use std::{net::SocketAddr, time::Duration};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long a test waits for what must come.
pub const PATIENCE: Duration = Duration::from_secs(10);

pub struct Client {
    pub stream: TcpStream,
    pub version: Version,
    input: Vec<u8>,
}

/// One packet from the broker.
#[derive(Debug)]
pub struct Received {
    frame: Frame,
    body: Vec<u8>,
    version: Version,
}

impl Received {
    pub fn packet(&self) -> Packet<'_> {
        Packet::read(self.version, self.frame, &self.body).unwrap()
    }

    pub fn publish(&self) -> Publish<'_> {
        match self.packet() {
            Packet::Publish(publish) => publish,
            other => panic!("expected PUBLISH, got {other:?}"),
        }
    }
}

pub fn hello(version: Version, client_id: &str) -> Connect<'_> {
    Connect {
        version,
        clean_start: true,
        keep_alive_s: 60,
        client_id,
        will: None,
        username: None,
        password: None,
        properties: Properties::EMPTY,
    }
}

/// CONNECT for a session that outlives the connection: by a minute in MQTT 5.
pub fn durable(version: Version, client_id: &str) -> Connect<'_> {
    let minute = Properties::check(&[0x11, 0, 0, 0, 60], Place::Connect).unwrap();
    Connect {
        clean_start: false,
        properties: match version {
            Version::V5 => minute,
            Version::V311 => Properties::EMPTY,
        },
        ..hello(version, client_id)
    }
}

pub fn will<'a>(topic: &'a str, payload: &'a str) -> Will<'a> {
    Will {
        qos: 1,
        retain: false,
        topic,
        payload: payload.as_bytes(),
        properties: Properties::EMPTY,
    }
}

pub fn message<'a>(qos: u8, packet_id: u16, topic: &'a str, payload: &'a str) -> Publish<'a> {
    Publish {
        dup: false,
        qos,
        retain: false,
        topic,
        packet_id,
        properties: Properties::EMPTY,
        payload: payload.as_bytes(),
    }
}

pub fn retained<'a>(packet_id: u16, topic: &'a str, payload: &'a str) -> Publish<'a> {
    Publish {
        retain: true,
        ..message(1, packet_id, topic, payload)
    }
}

pub fn qos(qos: u8) -> SubscribeOptions {
    SubscribeOptions {
        qos,
        ..SubscribeOptions::default()
    }
}

impl Client {
    /// A connection that has said nothing yet.
    pub async fn open(address: SocketAddr, version: Version) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            version,
            input: Vec::new(),
        }
    }

    pub async fn connect(address: SocketAddr, version: Version, client_id: &str) -> Self {
        Self::enter(address, hello(version, client_id)).await.0
    }

    /// Connects and gives back CONNACK, which must be a success.
    pub async fn enter(address: SocketAddr, connect: Connect<'_>) -> (Self, Received) {
        let mut client = Self::open(address, connect.version).await;
        client.send(Packet::Connect(connect)).await;
        let connack = client.receive().await;
        match connack.packet() {
            Packet::Connack(answer) => assert_eq!(answer.code, 0, "refused"),
            other => panic!("expected CONNACK, got {other:?}"),
        }
        (client, connack)
    }

    pub async fn send(&mut self, packet: Packet<'_>) {
        let mut out = Vec::new();
        packet.write(self.version, &mut out);
        self.send_bytes(&out).await;
    }

    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    pub async fn publish(&mut self, publish: Publish<'_>) {
        self.send(Packet::Publish(publish)).await;
    }

    /// Publishes with QoS 1 and waits for PUBACK.
    pub async fn publish_acked(&mut self, publish: Publish<'_>) -> Reason {
        self.publish(publish).await;
        let answer = self.receive().await;
        match answer.packet() {
            Packet::Puback(ack) => {
                assert_eq!(ack.packet_id, publish.packet_id);
                ack.reason
            }
            other => panic!("expected PUBACK, got {other:?}"),
        }
    }

    /// Connects and says whether its session was there.
    pub async fn come(address: SocketAddr, connect: Connect<'_>) -> (Self, bool) {
        let (client, connack) = Self::enter(address, connect).await;
        let present = matches!(connack.packet(), Packet::Connack(c) if c.session_present);
        (client, present)
    }

    /// The next packet, which must be the answer of this kind to `packet_id`.
    pub async fn expect_ack(&mut self, kind: fn(Ack<'static>) -> Packet<'static>, id: u16) {
        self.expect_answer(kind, id, Reason::SUCCESS).await;
    }

    pub async fn expect_answer(
        &mut self,
        kind: fn(Ack<'static>) -> Packet<'static>,
        id: u16,
        reason: Reason,
    ) {
        let answer = self.receive().await;
        assert_eq!(answer.packet(), kind(Ack::with(id, reason)));
    }

    pub async fn subscribe(&mut self, filter: &str, options: SubscribeOptions) -> u8 {
        self.subscribe_all(&[(filter, options)]).await[0]
    }

    pub async fn subscribe_all(&mut self, filters: &[(&str, SubscribeOptions)]) -> Vec<u8> {
        self.subscribe_with(filters, Properties::EMPTY).await
    }

    pub async fn subscribe_with(
        &mut self,
        filters: &[(&str, SubscribeOptions)],
        properties: Properties<'_>,
    ) -> Vec<u8> {
        let mut buffer = Vec::new();
        let filters = Filters::of(filters.iter().copied(), true, self.version, &mut buffer);
        self.send(Packet::Subscribe(Subscribe {
            packet_id: 77,
            properties,
            filters,
        }))
        .await;
        let answer = self.receive().await;
        match answer.packet() {
            Packet::Suback(suback) => {
                assert_eq!(suback.packet_id, 77);
                suback.codes.to_vec()
            }
            other => panic!("expected SUBACK, got {other:?}"),
        }
    }

    /// The next packet.
    pub async fn receive(&mut self) -> Received {
        match self.receive_or_end().await {
            Some(received) => received,
            None => panic!("the broker closed the connection"),
        }
    }

    /// The next packet; `None` at the end of the connection.
    pub async fn receive_or_end(&mut self) -> Option<Received> {
        tokio::time::timeout(PATIENCE, self.read_packet())
            .await
            .expect("nothing came in time")
    }

    async fn read_packet(&mut self) -> Option<Received> {
        loop {
            if let Some(frame) = frame(&self.input, usize::MAX).unwrap() {
                let packet: Vec<u8> = self.input.drain(..frame.bytes()).collect();
                return Some(Received {
                    frame,
                    body: packet[frame.header_bytes..].to_vec(),
                    version: self.version,
                });
            }
            match self.stream.read_buf(&mut self.input).await {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// Sends PINGREQ and expects PINGRESP next: nothing else was on its way before.
    pub async fn ping(&mut self) {
        self.send(Packet::Pingreq).await;
        let answer = self.receive().await;
        assert_eq!(answer.packet(), Packet::Pingresp);
    }

    /// Expects the end of the connection, after DISCONNECT with `reason` where the client
    /// speaks MQTT 5.
    pub async fn expect_end(&mut self, reason: Reason) {
        if self.version == Version::V5 {
            let last = self.receive().await;
            match last.packet() {
                Packet::Disconnect(disconnect) => {
                    assert_eq!(disconnect.reason, reason);
                    let expiry = |property| matches!(property, Property::SessionExpiry(_));
                    assert!(!disconnect.properties.iter().any(expiry));
                }
                other => panic!("expected DISCONNECT, got {other:?}"),
            }
        }
        let more = self.receive_or_end().await;
        assert!(more.is_none(), "expected the end, got {more:?}");
    }

    /// Expects CONNACK with `code` and the end.
    pub async fn expect_refused(&mut self, code: u8) {
        let answer = self.receive().await;
        match answer.packet() {
            Packet::Connack(connack) => {
                assert_eq!((connack.code, connack.session_present), (code, false));
            }
            other => panic!("expected CONNACK, got {other:?}"),
        }
        assert!(self.receive_or_end().await.is_none());
    }
}
