//! A connection: what is due is put into the session, written, and what came back is taken.

use super::{Flight, Lost, OFFLINE, ONLINE, PAYLOAD_BYTES_MAX, note_unsent};
use crate::{
    ACK_TIMEOUT_US, CONNECT_TIMEOUT_US, SYNC_EVERY_US, UNDATED_SETTLE_US, UNDATED_WAIT_US,
    WRITE_TIMEOUT_US,
    command::Commands,
    flash::IN_FLIGHT_MAX,
    mqtt::{Event, Fault, How, Session, Unsent},
    platform::{Clock, Journal, LinkEvent, Platform},
    shared::Shared,
    topics::Topics,
};
use core::{convert::Infallible, pin::pin};
use embassy_futures::select::{Either3, select3};
use embedded_io_async::{Read, Write};
use heapless::Deque;

/// Without anything to send or to wait for, the link looks around so often, µs.
const IDLE_US: u64 = 3_600_000_000;
/// What is due and can't be sent yet is looked at again after so long, µs.
const RETRY_US: u64 = 250_000;

/// A connection.
pub(super) struct Up<'u, 'a, 'b, P: Platform, IO> {
    pub(super) shared: &'a Shared<'a, P>,
    pub(super) topics: &'a Topics,
    pub(super) commands: &'u mut Commands,
    pub(super) payload: &'u mut [u8; PAYLOAD_BYTES_MAX],
    pub(super) flights: &'u mut Deque<Flight, IN_FLIGHT_MAX>,
    pub(super) session: &'u mut Session<'b>,
    pub(super) stream: IO,
    /// When it began; once the broker has accepted it, when that was.
    pub(super) since_us: u64,
    pub(super) announced: bool,
    /// The answer that is on its way.
    pub(super) answering: Option<u16>,
    /// Which instrument each channel belongs to.
    pub(super) sensor_of: &'u [u8],
    /// Most bytes of a payload that the broker has not refused as too large.
    pub(super) room: usize,
    /// A batch is due, and what follows it while there are batches.
    pub(super) draining: bool,
    /// What is written now is the last.
    pub(super) leaving: bool,
}

impl From<Fault> for Lost {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused => Self::Refused,
            Fault::Lost | Fault::TooLarge => Self::Connection,
        }
    }
}

impl<P: Platform, IO: Read + Write> Up<'_, '_, '_, P, IO> {
    pub(super) async fn serve(&mut self) -> Result<Infallible, Lost> {
        loop {
            self.shared.link_waits(self.shared.now());
            if self.session.is_open() {
                self.announce();
                self.retire()?;
                self.answer();
                self.send()?;
                self.session.tend(self.shared.now())?;
            } else if self.shared.now() >= self.since_us + CONNECT_TIMEOUT_US {
                return Err(Lost::Connection);
            }
            let written = self.write().await;
            if self.leaving {
                return Err(Lost::Restart);
            }
            written?;
            self.wait().await?;
        }
    }

    async fn write(&mut self) -> Result<(), Lost> {
        if self.session.has_unwritten() {
            let shared = self.shared;
            let written = shared
                .within(WRITE_TIMEOUT_US, pin!(self.session.write(&mut self.stream)))
                .await;
            written.ok_or(Lost::Connection)??;
            self.session.written(self.shared.now());
        }
        Ok(())
    }

    /// The broker has accepted the connection.
    fn open(&mut self, resumed: bool) -> Result<(), Lost> {
        let now = self.shared.now();
        self.since_us = now;
        let undated_at_us = &self.shared.undated_at_us;
        undated_at_us.set(undated_at_us.get().min(now + UNDATED_WAIT_US));
        // Once an hour at most: connections that all are short are used at once.
        let settled_at_us = &self.shared.settled_at_us;
        if settled_at_us
            .get()
            .is_none_or(|at_us| now >= at_us + SYNC_EVERY_US)
        {
            settled_at_us.set(Some(now + UNDATED_SETTLE_US));
        }
        self.shared.journal.borrow_mut().link(LinkEvent::Connected);
        if !resumed {
            // The broker knows nothing of what was in flight.
            self.flights.clear();
            let mut store = self.shared.store.borrow_mut();
            store.rewind().map_err(|_| Lost::Connection)?;
            note_unsent(self.shared, &store);
        }
        if !self.session.is_subscribed() {
            let asked = self.session.subscribe(&self.topics.commands);
            asked.map_err(|_| Lost::Connection)?;
        }
        // Replayed messages have all of their time again.
        for flight in self.flights.iter_mut() {
            flight.since_us = now;
        }
        Ok(())
    }

    /// Says that the device is there: at QoS 0, for the next connection says it again.
    fn announce(&mut self) {
        if !self.announced {
            let said = self
                .session
                .publish(&self.topics.status, ONLINE, How::Retained);
            self.announced = said != Err(Unsent::Full);
        }
    }

    /// Takes what was acknowledged out of the queue, oldest first.
    fn retire(&mut self) -> Result<(), Lost> {
        while let Some(flight) = self.flights.front() {
            if self.session.is_pending(flight.id) {
                let waited = self.shared.now() - flight.since_us;
                return match waited > ACK_TIMEOUT_US {
                    // Its PUBACK was lost, or the broker is stuck: a new connection repeats it.
                    true => Err(Lost::Connection),
                    false => Ok(()),
                };
            }
            self.flights.pop_front();
            if self.flights.is_empty() {
                self.shared.anew.set(false);
            }
            // An error leaves the mark unwritten; the readings come again after a reboot.
            let _ = self.shared.store.borrow_mut().acknowledge();
            self.shared
                .journal
                .borrow_mut()
                .link(LinkEvent::Acknowledged);
        }
        Ok(())
    }

    /// Answers a command that came; restarts where one asks for it.
    fn answer(&mut self) {
        if let Some(id) = self.answering
            && !self.session.is_pending(id)
        {
            self.answering = None;
            self.commands.answered(0);
        }
        // One at a time is repeated until it arrives. Others overtake it, unrepeated, where the next
        // command would find no room for its answer.
        let free = self.answering.is_none() && self.session.may_publish();
        let index = usize::from(self.answering.is_some());
        let device = self.shared.config.device;
        if (free || self.commands.is_crowded())
            && let Some((topic, payload)) = self.commands.answer_at(index, device, self.payload)
        {
            let how = match free {
                true => How::Acknowledged,
                false => How::Once,
            };
            match self.session.publish(topic, payload, how) {
                Ok(id) if free => self.answering = Some(id),
                Ok(_) | Err(Unsent::TooLarge) => self.commands.answered(index),
                Err(Unsent::Full) => {}
            }
        }
        let quiet = self.flights.is_empty() && self.answering.is_none();
        let give_up_us = self.shared.leave_by_us();
        if give_up_us.is_some_and(|by_us| quiet || self.shared.now() >= by_us) {
            // The broker publishes no will after an orderly end.
            let _ = self
                .session
                .publish(&self.topics.status, OFFLINE, How::Retained);
            let _ = self.session.disconnect();
            self.leaving = true;
        }
    }

    /// Waits for the broker, for something to send, or for the next time at which either is due.
    async fn wait(&mut self) -> Result<(), Lost> {
        let until = self.next_us(self.shared.now());
        self.shared.link_waits(until);
        let read = select3(
            self.session.read(&mut self.stream),
            self.shared.wake_link.wait(),
            self.shared.clock.sleep_until(until),
        )
        .await;
        match read {
            Either3::First(read) => {
                read?;
                self.take()
            }
            _ => Ok(()),
        }
    }

    fn take(&mut self) -> Result<(), Lost> {
        match self.session.take() {
            Ok(Event::Open(resumed)) => self.open(resumed),
            Ok(Event::Message(message)) => {
                self.commands.receive(self.shared, self.sensor_of, &message);
                if self.shared.resettle.take() {
                    self.commands.apply(self.shared, self.sensor_of);
                }
                Ok(())
            }
            Ok(Event::Nothing) => Ok(()),
            Err(fault) => {
                if fault == Fault::TooLarge {
                    // A broker that takes less than the one before.
                    self.shared.anew.set(true);
                }
                Err(fault.into())
            }
        }
    }

    fn next_us(&self, now: u64) -> u64 {
        if !self.session.is_open() {
            return self.since_us + CONNECT_TIMEOUT_US;
        }
        let unsent = self.shared.store.borrow().unsent();
        let sending = self.due_us(unsent).map(|due| due.max(now + RETRY_US));
        let retry = self
            .flights
            .front()
            .map(|flight| flight.since_us + ACK_TIMEOUT_US + 1);
        let leaving = self.shared.leave_by_us();
        [sending, retry, leaving, Some(self.session.due_us())]
            .into_iter()
            .flatten()
            .fold(now + IDLE_US, u64::min)
    }
}
