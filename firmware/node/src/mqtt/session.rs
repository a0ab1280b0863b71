//! A session with a broker, over one connection after the other.

use super::{
    frame::Frame,
    inbound::{Limits, Message, Packet},
    outbox::{Outbox, Unsent},
    packet::{
        self, AT_LEAST_ONCE, CONNECT, DISCONNECT, Hello, PINGREQ, PUBACK, PUBLISH, RETAIN,
        SUBSCRIBE,
    },
};
use embedded_io_async::{Read, Write};

/// Most messages that a device has in flight, and that it takes unacknowledged.
pub const RECEIVE_MAX: u16 = 8;

/// So long before its time a PINGREQ goes, and so long its answer may take, µs.
const ROUND_TRIP_US: u64 = 5_000_000;
/// Reasons from here on are refusals (2.4).
const REFUSALS: u8 = 0x80;
/// No limit of a broker's is known: none counts.
const UNLIMITED: u32 = u32::MAX;

/// How a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// At QoS 1: repeated until it is acknowledged.
    Acknowledged,
    /// At QoS 0.
    Once,
    /// At QoS 0, and the broker keeps it.
    Retained,
}

/// Why a connection is of no use any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The stream ended, the broker ended it or doesn't keep to the protocol.
    Lost,
    /// The broker refused a message or the subscription.
    Refused,
    /// What is in flight is longer, or more at a time, than the broker takes now.
    TooLarge,
}

/// What came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The connection is accepted; whether the broker still has the session.
    Open(bool),
    /// A message, which the next packet that is written acknowledges.
    Message(Message<'a>),
    /// Nothing of the user's.
    Nothing,
}

/// A session. All times are the device's uptime, µs.
pub struct Session<'b> {
    frame: Frame<'b>,
    outbox: Outbox<'b>,
    limits: Limits,
    next_id: u16,
    open: bool,
    /// The broker has accepted this device since its start: it may have the session.
    known: bool,
    subscribed: bool,
    keep_alive_s: u16,
    /// The newest packet was written then.
    written_us: u64,
    /// By when the answer to a PINGREQ has to come.
    answer_by_us: Option<u64>,
}

impl<'b> Session<'b> {
    /// With room for the longest packet that the device takes, and for those that it sends.
    pub fn new(receive: &'b mut [u8], transmit: &'b mut [u8]) -> Self {
        Self {
            frame: Frame::new(receive),
            outbox: Outbox::new(transmit),
            limits: Limits {
                receive_max: 0,
                packet_bytes_max: UNLIMITED,
                keep_alive_s: None,
            },
            next_id: 1,
            open: false,
            known: false,
            subscribed: false,
            keep_alive_s: 0,
            written_us: 0,
            answer_by_us: None,
        }
    }

    /// Begins a connection: whatever stream is written to and read from next.
    ///
    /// The first one since the start asks for a new session, as nothing of an older one is known.
    pub fn begin(&mut self, hello: &Hello<'_>) -> Result<(), Unsent> {
        self.frame.begin();
        self.outbox.hold();
        (self.open, self.answer_by_us) = (false, None);
        self.keep_alive_s = hello.keep_alive_s;
        let (clean, bytes_max) = (!self.known, self.frame.bytes_max() as u32);
        self.outbox.put(CONNECT, 0, UNLIMITED, &|to| {
            hello.write(to, clean, bytes_max, RECEIVE_MAX)
        })
    }

    /// Forgets what is in flight; the broker's session goes on.
    pub fn forget(&mut self) {
        self.outbox.clear();
    }

    /// Whether the broker has accepted the connection.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Whether the broker has confirmed the subscription, for as long as it has the session.
    pub fn is_subscribed(&self) -> bool {
        self.subscribed
    }

    /// Whether one more message may be in flight.
    pub fn may_publish(&self) -> bool {
        let max = self.limits.receive_max.min(RECEIVE_MAX);
        self.open && self.outbox.in_flight() < usize::from(max)
    }

    /// Takes a message to be written; its id, if it is to be acknowledged.
    pub fn publish(&mut self, topic: &str, payload: &[u8], how: How) -> Result<u16, Unsent> {
        let (flags, id) = match how {
            How::Acknowledged => (AT_LEAST_ONCE, self.id()),
            How::Once => (0, 0),
            How::Retained => (RETAIN, 0),
        };
        let bytes_max = self.limits.packet_bytes_max;
        self.outbox.put(PUBLISH | flags, id, bytes_max, &|to| {
            packet::publish(to, topic, id, payload)
        })?;
        Ok(id)
    }

    /// Whether the message of this id waits for its PUBACK.
    pub fn is_pending(&self, id: u16) -> bool {
        self.outbox.is_pending(id)
    }

    /// Asks for what is published under a filter, at QoS 1.
    pub fn subscribe(&mut self, filter: &str) -> Result<(), Unsent> {
        let id = self.id();
        self.outbox
            .put(SUBSCRIBE, 0, self.limits.packet_bytes_max, &|to| {
                packet::subscribe(to, filter, id)
            })
    }

    /// Ends the session's connection in order: the broker publishes no will.
    pub fn disconnect(&mut self) -> Result<(), Unsent> {
        self.outbox.put(DISCONNECT, 0, UNLIMITED, &|_| Some(()))
    }

    /// Whether there is something to write.
    pub fn has_unwritten(&self) -> bool {
        self.outbox.unwritten().is_some()
    }

    /// Writes what there is. If the future is dropped, so must be the stream.
    pub async fn write<IO: Write>(&mut self, io: &mut IO) -> Result<(), Fault> {
        while let Some(bytes) = self.outbox.unwritten() {
            match io.write(bytes).await {
                Ok(count) if count > 0 => self.outbox.wrote(count),
                _ => return Err(Fault::Lost),
            }
        }
        io.flush().await.map_err(|_| Fault::Lost)
    }

    /// What there was is written.
    pub fn written(&mut self, now_us: u64) {
        self.written_us = now_us;
    }

    /// When [`Self::tend`] has something to do.
    pub fn due_us(&self) -> u64 {
        self.answer_by_us.unwrap_or(match self.keep_alive_us() {
            0 => u64::MAX,
            us => self.written_us + us - ROUND_TRIP_US.min(us / 2),
        })
    }

    /// Sends a PINGREQ when it is time, and says so when none was answered.
    pub fn tend(&mut self, now_us: u64) -> Result<(), Fault> {
        if !self.open || now_us < self.due_us() {
            return Ok(());
        }
        if self.answer_by_us.is_some() {
            return Err(Fault::Lost);
        }
        self.answer_by_us = Some(now_us + ROUND_TRIP_US);
        self.outbox
            .put(PINGREQ, 0, UNLIMITED, &|_| Some(()))
            .map_err(|_| Fault::Lost)
    }

    /// Waits until a packet is there. Dropping the future loses nothing if that is so of the
    /// stream's reads.
    pub async fn read<IO: Read>(&mut self, io: &mut IO) -> Result<(), Fault> {
        self.frame.read(io).await
    }

    /// Takes the packet that [`Self::read`] has found.
    pub fn take(&mut self) -> Result<Event<'_>, Fault> {
        let (first, body, whole) = self.frame.packet();
        let packet = Packet::read(first, body, whole).ok_or(Fault::Lost)?;
        match packet {
            Packet::Connack(present, limits) if !self.open => {
                (self.open, self.known, self.limits) = (true, true, limits);
                self.subscribed &= present;
                if !present {
                    self.outbox.clear();
                }
                let (bytes_max, messages_max) = (limits.packet_bytes_max, limits.receive_max);
                match self.outbox.repeat(bytes_max, messages_max) {
                    true => Ok(Event::Open(present)),
                    false => Err(Fault::TooLarge),
                }
            }
            _ if !self.open => Err(Fault::Lost),
            Packet::Connack(..) => Err(Fault::Lost),
            Packet::Publish(message, id) => {
                if let Some(id) = id {
                    let acknowledge = self
                        .outbox
                        .put(PUBACK, 0, UNLIMITED, &|to| to.bytes(&id.to_be_bytes()));
                    acknowledge.map_err(|_| Fault::Lost)?;
                }
                Ok(message.map_or(Event::Nothing, Event::Message))
            }
            // What isn't in flight was acknowledged before.
            Packet::Puback(id, reason) if self.outbox.acknowledge(id) => accepted(reason),
            Packet::Puback(..) => Ok(Event::Nothing),
            Packet::Suback(reason) => {
                self.subscribed = reason < REFUSALS;
                accepted(reason)
            }
            Packet::Pingresp => {
                self.answer_by_us = None;
                Ok(Event::Nothing)
            }
        }
    }

    /// A number that no message in flight has.
    fn id(&mut self) -> u16 {
        loop {
            let id = self.next_id;
            self.next_id = id.checked_add(1).unwrap_or(1);
            if !self.outbox.is_pending(id) {
                return id;
            }
        }
    }

    fn keep_alive_us(&self) -> u64 {
        let seconds = self.limits.keep_alive_s.unwrap_or(self.keep_alive_s);
        u64::from(seconds) * 1_000_000
    }
}

fn accepted<'a>(reason: u8) -> Result<Event<'a>, Fault> {
    match reason < REFUSALS {
        true => Ok(Event::Nothing),
        false => Err(Fault::Refused),
    }
}
