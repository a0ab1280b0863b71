//! What one connection holds.

use super::{
    Message,
    link::{Sender, Wheel},
};
use std::{collections::VecDeque, time::Duration};
use tokio::time::{Instant, timeout_at};

/// How long a goodbye may take.
const GOODBYE_MAX: Duration = Duration::from_secs(1);

/// A message on its way.
#[derive(Clone, Debug)]
pub(super) struct Parcel {
    /// None for the status message.
    pub(super) message: Option<Message>,
    pub(super) order: u64,
    pub(super) written: Option<Instant>,
}

/// What one connection holds.
pub(super) struct Passage {
    sender: Sender,
    /// Handed to the link, not written yet.
    handed: VecDeque<Parcel>,
    /// Written, by packet id.
    in_flight: Vec<Option<Parcel>>,
    in_flight_len: usize,
    pub(super) connected: bool,
}

impl Passage {
    pub(super) fn new(sender: Sender, window: u16) -> Self {
        Self {
            sender,
            handed: VecDeque::new(),
            in_flight: vec![None; usize::from(window) + 2],
            in_flight_len: 0,
            connected: false,
        }
    }

    pub(super) fn outstanding(&self) -> usize {
        self.handed.len() + self.in_flight_len
    }

    pub(super) fn hand(&mut self, parcel: Parcel) {
        if let Some(message) = &parcel.message {
            let payload = message.payload.clone();
            // The link's channel is as long as the window, so it is full only when closed;
            // then the turn fails and the parcel is kept.
            drop(self.sender.publish(&message.topic, false, payload));
        }
        self.handed.push_back(parcel);
    }

    /// What it still holds: messages handed over or written, and not acknowledged.
    pub(super) fn into_messages(self) -> impl Iterator<Item = Parcel> {
        self.in_flight
            .into_iter()
            .flatten()
            .chain(self.handed)
            .filter(|parcel| parcel.message.is_some())
    }

    /// Says that the client is there.
    pub(super) fn greet(&mut self, topic: &str) {
        drop(self.sender.publish(topic, true, b"online".to_vec()));
        self.handed.push_back(Parcel {
            message: None,
            order: 0,
            written: None,
        });
    }

    pub(super) fn written(&mut self, id: u16) -> Option<&mut Parcel> {
        let parcel = self.handed.pop_front()?;
        let slot = self.in_flight.get_mut(usize::from(id))?;
        self.in_flight_len += 1;
        Some(slot.insert(parcel))
    }

    pub(super) fn arrived(&mut self, id: u16) -> Option<(Message, Instant)> {
        let parcel = self.in_flight.get_mut(usize::from(id))?.take()?;
        self.in_flight_len -= 1;
        parcel.message.zip(parcel.written)
    }

    /// Says that the client is gone, and goes: the will is for those that can't say it.
    pub(super) async fn goodbye(&self, wheel: &mut Wheel, status_topic: Option<&str>) {
        let until = Instant::now() + GOODBYE_MAX;
        if let Some(topic) = status_topic {
            drop(self.sender.publish(topic, true, b"offline".to_vec()));
        }
        if self.sender.disconnect().is_ok() {
            while let Ok(Ok(_)) = timeout_at(until, wheel.turn()).await {}
        }
    }
}
