//! What the front door counts.

use crate::codec::Reason;
use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// Figures of the front door. Labels take few values, never a name that a client chose.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// `nhip_mqtt_connections`: clients connected now.
    pub connections: IntGauge,
    /// `nhip_mqtt_sessions`: sessions, connected or not, a second ago at most.
    pub sessions: IntGauge,
    /// `nhip_mqtt_publishes_total`: publishes accepted from clients.
    pub publishes: IntCounter,
    /// `nhip_mqtt_delivered_total`: messages encoded for subscribers.
    pub delivered: IntCounter,
    /// `nhip_mqtt_received_bytes_total`: bytes read from clients that were let in.
    pub received_bytes: IntCounter,
    /// `nhip_mqtt_sent_bytes_total`: bytes written to them.
    pub sent_bytes: IntCounter,
    /// `nhip_mqtt_throttled_total`: times that a client was not read since it sent too much.
    pub throttled: IntCounter,
    /// `nhip_mqtt_refused_total{reason}`: connections, publishes and filters refused.
    pub refused: IntCounterVec,
    /// `nhip_mqtt_disconnects_total{reason}`: connections that the broker ended.
    pub disconnects: IntCounterVec,
    /// `nhip_mqtt_dropped_total{reason}`: messages not delivered to a subscriber.
    pub dropped: IntCounterVec,
    /// `nhip_mqtt_retained`: retained messages.
    pub retained: IntGauge,
    /// `nhip_mqtt_outgoing_bytes`: memory of what is on its way to clients, bytes.
    pub outgoing_bytes: IntGauge,
    /// `nhip_mqtt_sessions_trimmed_total`: sessions ended since the log had let go of what
    /// they had not got.
    pub sessions_trimmed: IntCounter,
    /// `nhip_mqtt_sessions_behind_total`: times that a session went over to reading the log.
    pub sessions_behind: IntCounter,
    /// `nhip_mqtt_router_rebuilds_total`: routers replaced after a failure.
    pub router_rebuilds: IntCounter,
}

impl Metrics {
    /// Makes the figures and registers them.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let by_reason = |name: &str, help: &str| {
            let counter = IntCounterVec::new(Opts::new(name, help), &["reason"])?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        Ok(Self {
            connections: gauge("nhip_mqtt_connections", "MQTT clients connected")?,
            sessions: gauge("nhip_mqtt_sessions", "MQTT sessions, connected or not")?,
            publishes: counter(
                "nhip_mqtt_publishes_total",
                "Publishes accepted from clients",
            )?,
            delivered: counter("nhip_mqtt_delivered_total", "Messages sent to subscribers")?,
            received_bytes: counter("nhip_mqtt_received_bytes_total", "Bytes read from clients")?,
            sent_bytes: counter("nhip_mqtt_sent_bytes_total", "Bytes written to clients")?,
            throttled: counter(
                "nhip_mqtt_throttled_total",
                "Times that a client above its rate was not read",
            )?,
            refused: by_reason("nhip_mqtt_refused_total", "Requests of clients refused")?,
            disconnects: by_reason("nhip_mqtt_disconnects_total", "Connections ended by us")?,
            dropped: by_reason("nhip_mqtt_dropped_total", "Messages not delivered")?,
            retained: gauge("nhip_mqtt_retained", "Retained messages")?,
            outgoing_bytes: gauge(
                "nhip_mqtt_outgoing_bytes",
                "Memory of messages on their way to clients, bytes",
            )?,
            sessions_trimmed: counter(
                "nhip_mqtt_sessions_trimmed_total",
                "Sessions older than the log",
            )?,
            sessions_behind: counter(
                "nhip_mqtt_sessions_behind_total",
                "Sessions that fell behind and read the log",
            )?,
            router_rebuilds: counter("nhip_mqtt_router_rebuilds_total", "Routers replaced")?,
        })
    }

    /// Messages that a subscriber did not get, for whatever reason.
    pub(crate) fn dropped_messages(&self) -> u64 {
        let each = Drop::ALL.iter().map(|reason| {
            let counter = self.dropped.with_label_values(&[reason.name()]);
            counter.get()
        });
        each.sum()
    }

    pub(crate) fn refuse(&self, reason: Reason) {
        self.refused.with_label_values(&[reason.name()]).inc();
    }

    pub(crate) fn drop(&self, reason: Drop, messages: u64) {
        self.dropped
            .with_label_values(&[reason.name()])
            .inc_by(messages);
    }
}

/// Why a message did not reach a subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drop {
    /// QoS 0 and the subscriber reads too slowly.
    Slow,
    /// Not in the log, QoS 1 or 2, and the subscriber's queue is full.
    QueueFull,
    /// There is no room for a will that was to be retained, which is published all the same.
    RetainedFull,
    /// The fan-out is behind.
    FanoutBehind,
    /// Larger than the subscriber takes.
    TooLarge,
    /// Its expiry has passed.
    Expired,
    /// One or more that can't be made again: the log is trimmed.
    Trimmed,
}

impl Drop {
    const ALL: [Self; 7] = [
        Self::Slow,
        Self::QueueFull,
        Self::RetainedFull,
        Self::FanoutBehind,
        Self::TooLarge,
        Self::Expired,
        Self::Trimmed,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Slow => "subscriber_slow",
            Self::QueueFull => "session_queue_full",
            Self::RetainedFull => "retained_full",
            Self::FanoutBehind => "fanout_behind",
            Self::TooLarge => "packet_too_large",
            Self::Expired => "expired",
            Self::Trimmed => "log_trimmed",
        }
    }
}
