//! One rumqttc connection, 3.1.1 or 5, seen through the few events that a courier needs.
//!
//! rumqttc doesn't say which publish got which packet id. It does take requests in the order
//! in which they were made, and tells the packet id of each as it is written; so the n-th
//! `Written` of a connection is the n-th message handed to it. A link lives for one connection
//! only: rumqttc drops what it still holds when the server has no session, so what is
//! unacknowledged is kept by the courier, not here.

use rumqttc::{AsyncClient, EventLoop, MqttOptions, NetworkOptions, QoS, v5};
use std::{net::SocketAddr, time::Duration};

/// The version of MQTT that a device speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Protocol {
    /// MQTT 3.1.1.
    #[default]
    #[value(name = "3.1.1", alias = "4")]
    V4,
    /// MQTT 5.
    #[value(name = "5")]
    V5,
}

/// How a client introduces itself.
#[derive(Clone, Debug)]
pub(super) struct Introduction<'a> {
    pub address: SocketAddr,
    pub client_id: &'a str,
    pub protocol: Protocol,
    pub keep_alive: Duration,
    pub window: u16,
    pub packet_bytes_max: usize,
    /// Topic of the will; its message is `offline`, retained, QoS 1.
    pub will_topic: Option<&'a str>,
}

/// The half that takes messages.
pub(super) enum Sender {
    V4(AsyncClient),
    V5(v5::AsyncClient),
}

/// The half that turns the wheel.
pub(super) enum Wheel {
    V4(Box<EventLoop>),
    V5(Box<v5::EventLoop>),
}

/// What happened on the connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The server let the client in.
    Connected,
    /// The next message was written under this packet id.
    Written(u16),
    /// The server acknowledged this packet id.
    Acknowledged(u16),
    /// The server refused the message of this packet id (MQTT 5 reason code).
    Refused(u16, String),
    /// Nothing that matters here.
    Other,
}

/// The channel between courier and link is full or closed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

pub(super) fn open(introduction: &Introduction<'_>) -> (Sender, Wheel) {
    match introduction.protocol {
        Protocol::V4 => open_v4(introduction),
        Protocol::V5 => open_v5(introduction),
    }
}

fn open_v4(with: &Introduction<'_>) -> (Sender, Wheel) {
    let mut options = MqttOptions::new(
        with.client_id,
        with.address.ip().to_string(),
        with.address.port(),
    );
    options
        .set_keep_alive(with.keep_alive)
        .set_clean_session(true)
        .set_inflight(with.window)
        .set_max_packet_size(with.packet_bytes_max, with.packet_bytes_max);
    if let Some(topic) = with.will_topic {
        options.set_last_will(rumqttc::LastWill::new(
            topic,
            "offline",
            QoS::AtLeastOnce,
            true,
        ));
    }
    let (client, mut wheel) = AsyncClient::new(options, usize::from(with.window) + 1);
    wheel.network_options = nodelay();
    (Sender::V4(client), Wheel::V4(Box::new(wheel)))
}

fn open_v5(with: &Introduction<'_>) -> (Sender, Wheel) {
    let mut options = v5::MqttOptions::new(
        with.client_id,
        with.address.ip().to_string(),
        with.address.port(),
    );
    options
        .set_keep_alive(with.keep_alive)
        .set_clean_start(true)
        .set_outgoing_inflight_upper_limit(with.window)
        .set_max_packet_size(u32::try_from(with.packet_bytes_max).ok());
    if let Some(topic) = with.will_topic {
        let will = v5::mqttbytes::v5::LastWill::new(
            topic,
            "offline",
            v5::mqttbytes::QoS::AtLeastOnce,
            true,
            None,
        );
        options.set_last_will(will);
    }
    options.set_network_options(nodelay());
    let (client, wheel) = v5::AsyncClient::new(options, usize::from(with.window) + 1);
    (Sender::V5(client), Wheel::V5(Box::new(wheel)))
}

/// A device's small messages must not wait for the acknowledgement of the last one's bytes.
fn nodelay() -> NetworkOptions {
    let mut options = NetworkOptions::new();
    options.set_tcp_nodelay(true);
    options
}

impl Sender {
    /// Hands over a QoS 1 message.
    pub(super) fn publish(&self, topic: &str, retain: bool, payload: Vec<u8>) -> Result<(), Full> {
        match self {
            Self::V4(client) => client
                .try_publish(topic, QoS::AtLeastOnce, retain, payload)
                .map_err(|_| Full),
            Self::V5(client) => client
                .try_publish(topic, v5::mqttbytes::QoS::AtLeastOnce, retain, payload)
                .map_err(|_| Full),
        }
    }

    /// Says goodbye, so that the will stays unsaid.
    pub(super) fn disconnect(&self) -> Result<(), Full> {
        match self {
            Self::V4(client) => client.try_disconnect().map_err(|_| Full),
            Self::V5(client) => client.try_disconnect().map_err(|_| Full),
        }
    }
}

impl Wheel {
    /// The next event, or why the connection ended. Not to be cancelled half-way: a written
    /// packet could wait unflushed.
    pub(super) async fn turn(&mut self) -> Result<Event, String> {
        match self {
            Self::V4(wheel) => wheel.poll().await.map(read_v4).map_err(|e| e.to_string()),
            Self::V5(wheel) => wheel.poll().await.map(read_v5).map_err(|e| e.to_string()),
        }
    }
}

fn read_v4(event: rumqttc::Event) -> Event {
    match event {
        rumqttc::Event::Incoming(rumqttc::Packet::ConnAck(_)) => Event::Connected,
        rumqttc::Event::Incoming(rumqttc::Packet::PubAck(ack)) => Event::Acknowledged(ack.pkid),
        rumqttc::Event::Outgoing(rumqttc::Outgoing::Publish(pkid)) => Event::Written(pkid),
        _ => Event::Other,
    }
}

fn read_v5(event: v5::Event) -> Event {
    use v5::mqttbytes::v5::{Packet, PubAckReason};
    match event {
        v5::Event::Incoming(Packet::ConnAck(_)) => Event::Connected,
        v5::Event::Incoming(Packet::PubAck(ack)) => match ack.reason {
            PubAckReason::Success | PubAckReason::NoMatchingSubscribers => {
                Event::Acknowledged(ack.pkid)
            }
            reason => Event::Refused(ack.pkid, format!("{reason:?}")),
        },
        v5::Event::Outgoing(rumqttc::Outgoing::Publish(pkid)) => Event::Written(pkid),
        _ => Event::Other,
    }
}
