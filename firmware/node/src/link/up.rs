//! A connection that is up: what is due goes out, what came back is retired.

use super::{
    Flight, Lost, OFFLINE, ONLINE, PAYLOAD_BYTES_MAX,
    hand_over::{How, Unsent, hand_over},
    note_unsent,
};
use crate::{
    ACK_TIMEOUT_US, TRANSMIT_BYTES, UNDATED_WAIT_US, WRITE_TIMEOUT_US,
    command::Commands,
    flash::{Context, IN_FLIGHT_MAX, Message, StoreError},
    platform::{Clock, Journal, LinkEvent, Platform},
    shared::Shared,
    topics::Topics,
};
use core::pin::pin;
use embassy_futures::select::{Either3, select3};
use embedded_io_async::{Read, Write};
use heapless::Deque;
use minimq::{
    ConnectEvent, Connection, Error, Op, PeerError, QoS, ResourceError, SubscriptionOptions,
    TopicFilter,
};
use nhip_wire::compact;

/// Without anything to send or to wait for, the link looks around so often, µs.
const IDLE_US: u64 = 3_600_000_000;
/// What is due and can't be sent yet is looked at again after so long, µs.
const RETRY_US: u64 = 250_000;

/// A reading that fits into no message of the size that the broker takes is tried in one that is
/// longer by so many bytes.
const ROOM_STEP_BYTES: usize = 8;

/// Room in the session's buffer that messages with readings leave: for CONNECT, SUBSCRIBE, answers.
const RESERVED_BYTES: usize = 448;
/// What a PUBLISH has beside topic and payload: its fixed header, id and properties.
const PUBLISH_BYTES: usize = 10;

/// A connection that is up.
pub(super) struct Up<'u, 'a, 's, 'buf, P: Platform, IO> {
    pub(super) shared: &'a Shared<'a, P>,
    pub(super) topics: &'a Topics,
    pub(super) commands: &'u mut Commands,
    pub(super) payload: &'u mut [u8; PAYLOAD_BYTES_MAX],
    pub(super) flights: &'u mut Deque<Flight, IN_FLIGHT_MAX>,
    pub(super) connection: Connection<'s, 'buf, IO>,
    pub(super) since_us: u64,
    pub(super) announced: bool,
    /// The answer that is on its way.
    pub(super) answering: Option<Op>,
    /// Which instrument each channel belongs to.
    pub(super) sensor_of: &'u [u8],
    /// The session was begun anew at this end only.
    pub(super) resume: bool,
    /// Most bytes of a payload that the broker has not refused as too large.
    pub(super) room: usize,
    /// A batch is due, and what follows it while there are batches.
    pub(super) draining: bool,
}

impl<P: Platform, IO: Read + Write> Up<'_, '_, '_, '_, P, IO> {
    pub(super) async fn serve(&mut self) -> Result<core::convert::Infallible, Lost> {
        if self.connection.connect_event() == ConnectEvent::Connected {
            // The broker knows nothing of what was in flight, nor of the subscription.
            self.flights.clear();
            self.begin_anew()?;
        }
        if self.resume || self.connection.connect_event() == ConnectEvent::Connected {
            self.subscribe().await?;
        }
        // Replayed messages have all of their time again.
        let now = self.shared.now();
        self.flights
            .iter_mut()
            .for_each(|flight| flight.since_us = now);
        loop {
            self.shared.link_waits(self.shared.now());
            self.announce().await?;
            self.retire()?;
            self.answer().await?;
            self.send().await?;
            self.wait().await?;
        }
    }

    fn begin_anew(&self) -> Result<(), Lost> {
        let mut store = self.shared.store.borrow_mut();
        store.rewind().map_err(|_| Lost::Connection)?;
        note_unsent(self.shared, &store);
        Ok(())
    }

    async fn subscribe(&mut self) -> Result<(), Lost> {
        let options = SubscriptionOptions::default().maximum_qos(QoS::AtLeastOnce);
        let filters = [TopicFilter::new(&self.topics.commands).options(options)];
        let subscribing = self.connection.subscribe(&filters, &[]);
        match self
            .shared
            .within(WRITE_TIMEOUT_US, pin!(subscribing))
            .await
        {
            Some(Ok(_)) => Ok(()),
            _ => Err(Lost::Connection),
        }
    }

    /// Says that the device is there: at QoS 0, for the next connection says it again.
    async fn announce(&mut self) -> Result<(), Lost> {
        if !self.announced {
            let message = (self.topics.status.as_str(), ONLINE, How::Retained);
            match hand_over(self.shared, &mut self.connection, message).await {
                Ok(_) | Err(Unsent::TooLarge) => self.announced = true,
                Err(Unsent::Full) => {}
                Err(Unsent::Broken) => return Err(Lost::Connection),
            }
        }
        Ok(())
    }

    /// Takes what was acknowledged out of the queue, oldest first.
    fn retire(&mut self) -> Result<(), Lost> {
        while let Some(flight) = self.flights.front() {
            if self.connection.is_pending(&flight.op) {
                let waited = self.shared.now() - flight.since_us;
                return match waited > ACK_TIMEOUT_US {
                    // Its PUBACK was lost, or the broker is stuck: a new connection repeats it.
                    true => Err(Lost::Connection),
                    false => Ok(()),
                };
            }
            let complete = self.connection.is_complete(&flight.op);
            self.flights.pop_front();
            if self.flights.is_empty() {
                self.shared.anew.set(false);
            }
            if complete {
                // An error leaves the mark unwritten; the readings come again after a reboot.
                let _ = self.shared.store.borrow_mut().acknowledge();
                self.shared
                    .journal
                    .borrow_mut()
                    .link(LinkEvent::Acknowledged);
            }
        }
        Ok(())
    }

    /// Sends what is due, as far as the session takes it.
    async fn send(&mut self) -> Result<(), Lost> {
        while self.may_send() {
            let Some(Message { length, readings }) = self.compose()? else {
                return Ok(());
            };
            let message = (
                self.topics.readings.as_str(),
                &self.payload[..length],
                How::Acknowledged,
            );
            let op = match hand_over(self.shared, &mut self.connection, message).await {
                Ok(Some(op)) => op,
                Ok(None) => return Err(Lost::Publishing),
                Err(Unsent::Full) => {
                    // Repeated messages of an earlier connection fill the buffer.
                    self.shared.store.borrow_mut().take_back();
                    return Ok(());
                }
                Err(Unsent::TooLarge) if self.narrow(length, readings) => continue,
                Err(Unsent::TooLarge) => return Ok(()),
                Err(Unsent::Broken) => return Err(Lost::Publishing),
            };
            note_unsent(self.shared, &self.shared.store.borrow());
            self.shared
                .journal
                .borrow_mut()
                .link(LinkEvent::Sent(readings));
            // There is room: it was asked for above.
            let _ = self.flights.push_back(Flight {
                op,
                since_us: self.shared.now(),
                bytes: PUBLISH_BYTES + self.topics.readings.len() + length,
            });
        }
        Ok(())
    }

    /// The broker takes no message of this length: the next is shorter. What can't be is given
    /// up and counted. False if that has to wait for what is in flight.
    fn narrow(&mut self, length: usize, readings: u32) -> bool {
        let mut store = self.shared.store.borrow_mut();
        if readings > 1 && length <= self.room {
            store.take_back();
            self.room = length * 7 / 8;
            return true;
        }
        if !self.flights.is_empty() {
            store.take_back();
            return false;
        }
        // It is the only message in flight.
        let _ = store.acknowledge();
        let undeliverable = self.shared.undeliverable.get() + u64::from(readings);
        self.shared.undeliverable.set(undeliverable);
        true
    }

    fn may_send(&self) -> bool {
        let in_flight: usize = self.flights.iter().map(|flight| flight.bytes).sum();
        let next = PUBLISH_BYTES + self.topics.readings.len() + PAYLOAD_BYTES_MAX;
        !self.commands.wants_restart()
            && !self.flights.is_full()
            && in_flight + next + RESERVED_BYTES <= TRANSMIT_BYTES
            && self.connection.can_publish(QoS::AtLeastOnce)
    }

    fn compose(&mut self) -> Result<Option<Message>, Lost> {
        let now = self.shared.now();
        let mut store = self.shared.store.borrow_mut();
        let unsent = store.unsent();
        let batch = unsent >= u64::from(self.shared.config.batch_readings);
        self.draining &= batch;
        if self.due_us(unsent).is_none_or(|due| now < due) {
            return Ok(None);
        }
        self.draining = batch;
        let context = Context {
            channels: self.shared.channels,
            uptime_ms: (now / 1000) as i64,
            send_undated: now - self.since_us >= UNDATED_WAIT_US,
        };
        let mut room = self.room;
        let message = loop {
            match store.compose(&mut self.payload[..room], &context) {
                // Whether the broker takes this one in a longer message is for it to say.
                Err(StoreError::Reading) if room < PAYLOAD_BYTES_MAX => {
                    room = PAYLOAD_BYTES_MAX.min(room + ROOM_STEP_BYTES);
                }
                other => break other.map_err(|_| Lost::Connection)?,
            }
        };
        if store.unsent() == 0 {
            self.shared.urgent.set(false);
        }
        if message.is_some() && !compact::is_timed(&self.payload[..]) {
            // Its ages count from now: repeated later they would be wrong.
            self.shared.anew.set(true);
        }
        Ok(message)
    }

    /// When what is unsent is to be sent, uptime µs.
    fn due_us(&self, unsent: u64) -> Option<u64> {
        let since = self.shared.unsent_since.get().filter(|_| unsent > 0)?;
        if self.shared.urgent.get() || self.draining {
            return Some(since);
        }
        let age_us = u64::from(self.shared.config.batch_age_s) * 1_000_000;
        let spread_us = self.shared.spread_us;
        let old_us = age_us.saturating_sub(spread_us);
        Some(
            match unsent >= u64::from(self.shared.config.batch_readings) {
                true => since + spread_us.min(age_us),
                false => since + old_us,
            },
        )
    }

    /// Answers a command that came; restarts where one asks for it.
    async fn answer(&mut self) -> Result<(), Lost> {
        if let Some(op) = self.answering
            && !self.connection.is_pending(&op)
        {
            self.answering = None;
            self.commands.answered(0);
        }
        // One at a time is repeated until it arrives. Others overtake it, unrepeated, where the next
        // command would find no room for its answer.
        let free = self.answering.is_none() && self.connection.can_publish(QoS::AtLeastOnce);
        let index = usize::from(self.answering.is_some());
        let device = self.shared.config.device;
        if (free || self.commands.is_crowded())
            && let Some((topic, payload)) = self.commands.answer_at(index, device, self.payload)
        {
            let how = match free {
                true => How::Acknowledged,
                false => How::Once,
            };
            match hand_over(self.shared, &mut self.connection, (topic, payload, how)).await {
                Ok(Some(op)) => self.answering = Some(op),
                Ok(None) | Err(Unsent::TooLarge) => self.commands.answered(index),
                Err(Unsent::Full) => {}
                Err(Unsent::Broken) => return Err(Lost::Connection),
            }
        }
        let quiet = self.flights.is_empty() && self.answering.is_none();
        if self.commands.wants_restart() && (quiet || self.commands.must_restart(self.shared.now()))
        {
            let _ = self.shared.store.borrow_mut().mark();
            // The broker publishes no will after an orderly end.
            let message = (self.topics.status.as_str(), OFFLINE, How::Retained);
            let _ = hand_over(self.shared, &mut self.connection, message).await;
            let _ = self
                .shared
                .within(WRITE_TIMEOUT_US, pin!(self.connection.disconnect()))
                .await;
            return Err(Lost::Restart);
        }
        Ok(())
    }

    /// Waits for the broker, for something to send, or for the next time at which either is due.
    async fn wait(&mut self) -> Result<(), Lost> {
        let now = self.shared.now();
        let until = self.next_us(now);
        self.shared.link_waits(until);
        let polled = select3(
            self.connection.poll(),
            self.shared.wake_link.wait(),
            self.shared.clock.sleep_until(until),
        )
        .await;
        match polled {
            Either3::First(Ok(Some(message))) => {
                self.commands.receive(self.shared, self.sensor_of, &message);
                if self.shared.resettle.take() {
                    self.commands.apply(self.shared, self.sensor_of);
                }
                Ok(())
            }
            Either3::First(Err(Error::Peer(PeerError::Rejected(_)))) => Err(Lost::Refused),
            Either3::First(Err(error)) => {
                if let Error::Resource(ResourceError::PacketTooLarge) = error {
                    // A broker that takes less than the one before.
                    self.shared.anew.set(true);
                }
                Err(Lost::Connection)
            }
            _ => Ok(()),
        }
    }

    fn next_us(&self, now: u64) -> u64 {
        let unsent = self.shared.store.borrow().unsent();
        let sending = self.due_us(unsent).map(|due| due.max(now + RETRY_US));
        let retry = self
            .flights
            .front()
            .map(|flight| flight.since_us + ACK_TIMEOUT_US + 1);
        [sending, retry]
            .into_iter()
            .flatten()
            .fold(now + IDLE_US, u64::min)
    }
}
