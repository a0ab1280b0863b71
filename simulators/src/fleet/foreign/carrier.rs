//! The devices of one connection, as an errand for a courier.

use super::Device;
use crate::{
    city::City,
    fleet::Pace,
    mqtt::{Errand, Message, Next},
};
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;

/// The devices of one connection.
pub(crate) struct Carrier {
    city: Arc<City>,
    pace: Pace,
    devices: Vec<Device>,
    /// Devices by the time at which they can send next.
    due: BinaryHeap<Reverse<(i64, usize)>>,
    /// Messages to be sent now, once more or malformed.
    ready: VecDeque<Message>,
    /// Instants at which the whole fleet loses its connections, soonest first.
    storms_us: VecDeque<i64>,
    /// Readings written once more, on purpose or since no acknowledgement had come.
    pub duplicate: u64,
    /// Messages sent that are no readings.
    pub malformed: u64,
}

/// The token of messages that are no readings.
const MALFORMED: u64 = u64::MAX;
const STORM_PAUSE: Duration = Duration::from_millis(200);

impl Carrier {
    pub(crate) fn new(
        city: Arc<City>,
        pace: Pace,
        devices: Vec<Device>,
        storms_us: VecDeque<i64>,
    ) -> Self {
        let mut carrier = Self {
            city,
            pace,
            due: BinaryHeap::with_capacity(devices.len()),
            devices,
            ready: VecDeque::new(),
            storms_us,
            duplicate: 0,
            malformed: 0,
        };
        for device in 0..carrier.devices.len() {
            carrier.schedule(device);
        }
        carrier
    }

    pub(crate) fn into_devices(self) -> Vec<Device> {
        self.devices
    }

    fn schedule(&mut self, device: usize) {
        if let Some(time_us) = self.devices[device].sendable_us() {
            self.due.push(Reverse((time_us, device)));
        }
    }

    /// What a device whose time has come sends, if it sends anything.
    fn measure(&mut self, device: usize) -> Option<Message> {
        if let Some(mut malformed) = self.devices[device].malformed() {
            malformed.token = MALFORMED;
            self.malformed += 1;
            self.ready.push_back(malformed);
        }
        let mut message = self.devices[device].measure(&self.city)?.message;
        message.token = token(device, message.token);
        Some(message)
    }
}

impl Errand for Carrier {
    fn next(&mut self, now: Instant) -> Next {
        let now_us = self.pace.now_us(now);
        if self.storms_us.front().is_some_and(|storm| *storm <= now_us) {
            self.storms_us.pop_front();
            return Next::Drop(STORM_PAUSE);
        }
        if let Some(message) = self.ready.pop_front() {
            return Next::Send(message);
        }
        while let Some(&Reverse((time_us, device))) = self.due.peek() {
            if time_us > now_us {
                return Next::At(self.pace.instant(time_us));
            }
            self.due.pop();
            let message = self.measure(device);
            self.schedule(device);
            if let Some(message) = message {
                return Next::Send(message);
            }
        }
        self.ready.pop_front().map_or(Next::Done, Next::Send)
    }

    fn acknowledged(&mut self, token: u64) {
        let Some((device, number)) = split(token) else {
            return;
        };
        if self.devices[device].acknowledged(number)
            && let Some(mut again) = self.devices[device].again(number)
        {
            self.duplicate += again.readings;
            again.message.token = token;
            self.ready.push_back(again.message);
        }
    }

    fn refused(&mut self, token: u64, reason: &str) {
        if let Some((device, number)) = split(token) {
            tracing::debug!(device = %self.devices[device].plan().name, number, reason, "refused");
            self.devices[device].refused(number);
        }
    }

    fn written_again(&mut self, token: u64) {
        if let Some((device, number)) = split(token) {
            self.duplicate += self.devices[device].ledger().readings(number);
        }
    }
}

fn token(device: usize, number: u64) -> u64 {
    (device as u64) << 32 | number
}

fn split(token: u64) -> Option<(usize, usize)> {
    (token != MALFORMED).then_some(((token >> 32) as usize, token as u32 as usize))
}

#[cfg(test)]
mod tests;
