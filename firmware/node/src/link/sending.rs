//! Which readings are sent when, and in messages of which size.

use super::{Flight, Lost, PAYLOAD_BYTES_MAX, note_unsent, up::Up};
use crate::{
    TRANSMIT_BYTES,
    flash::{Context, Message, StoreError},
    mqtt::{How, Unsent},
    platform::{Journal, LinkEvent, Platform},
};
use embedded_io_async::{Read, Write};
use nhip_wire::compact;

/// A reading that fits into no message of the size that the broker takes is tried in one that is
/// longer by so many bytes.
const ROOM_STEP_BYTES: usize = 8;

/// Room in the session's buffer that messages with readings leave: for CONNECT, SUBSCRIBE, answers.
const RESERVED_BYTES: usize = 448;
/// What a PUBLISH has beside topic and payload: its fixed header, id and properties.
const PUBLISH_BYTES: usize = 10;

impl<P: Platform, IO: Read + Write> Up<'_, '_, '_, P, IO> {
    /// Sends what is due, as far as the session takes it.
    pub(super) fn send(&mut self) -> Result<(), Lost> {
        while self.may_send() {
            let Some(Message { length, readings }) = self.compose()? else {
                return Ok(());
            };
            let payload = &self.payload[..length];
            let sent = self
                .session
                .publish(&self.topics.readings, payload, How::Acknowledged);
            let id = match sent {
                Ok(id) => id,
                Err(Unsent::Full) => {
                    // Repeated messages of an earlier connection fill the buffer.
                    self.shared.store.borrow_mut().take_back();
                    return Ok(());
                }
                Err(Unsent::TooLarge) if self.narrow(length, readings) => continue,
                Err(Unsent::TooLarge) => return Ok(()),
            };
            note_unsent(self.shared, &self.shared.store.borrow());
            self.shared
                .journal
                .borrow_mut()
                .link(LinkEvent::Sent(readings));
            // There is room: it was asked for above.
            let _ = self.flights.push_back(Flight {
                id,
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
        // It is the only message in flight. Counted before it may be marked as gone.
        store.lose(readings);
        let _ = store.acknowledge();
        true
    }

    fn may_send(&self) -> bool {
        let in_flight: usize = self.flights.iter().map(|flight| flight.bytes).sum();
        let next = PUBLISH_BYTES + self.topics.readings.len() + PAYLOAD_BYTES_MAX;
        self.shared.leave_by_us().is_none()
            && !self.flights.is_full()
            && in_flight + next + RESERVED_BYTES <= TRANSMIT_BYTES
            && self.session.may_publish()
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
            send_undated: self.may_send_undated(now),
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

    /// Whether it is time to send readings without a time. After an outage the time server has a
    /// moment first, whatever waits.
    fn may_send_undated(&self, now_us: u64) -> bool {
        let waited = now_us >= self.shared.undated_at_us.get();
        let settled = self
            .shared
            .settled_at_us
            .get()
            .is_some_and(|at_us| now_us >= at_us);
        settled && (waited || self.shared.urgent.get())
    }

    /// When what is unsent is to be sent, uptime µs.
    pub(super) fn due_us(&self, unsent: u64) -> Option<u64> {
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
}
