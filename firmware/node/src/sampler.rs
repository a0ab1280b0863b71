//! The sampling side: measures on schedule and puts what was measured into the queue.

use crate::{
    SAMPLE_TIMEOUT_US,
    flash::StoreError,
    health,
    platform::{Clock, Journal, Platform},
    reading::{Queued, Reading, Stamp, Value},
    sensor::{SENSOR_CHANNELS_MAX, Sensors},
    shared::Shared,
};
use core::pin::pin;
use embassy_futures::select::{Either, select};
use heapless::Deque;

/// Readings that wait in RAM at most: to share a record, or while the flash doesn't take them.
pub const RING_READINGS_MAX: usize = 32;
/// How long the sampler waits before it tries a failing flash again, µs.
const RETRY_US: u64 = 5_000_000;

pub(crate) struct Sampler<'a, P: Platform> {
    pub(crate) shared: &'a Shared<'a, P>,
    pub(crate) sensors: &'a mut P::Sensors,
    pub(crate) ring: Deque<Reading, RING_READINGS_MAX>,
    /// When the ring has to be written, uptime µs.
    pub(crate) write_at_us: Option<u64>,
}

impl<P: Platform> Sampler<'_, P> {
    /// Samples for ever.
    pub(crate) async fn run(&mut self) -> ! {
        loop {
            let now = self.shared.now();
            self.shared.sampler_waits(now);
            let due = self.shared.schedule.borrow().due(now);
            if let Some(sensor) = due {
                let silent = self.sample(sensor).await;
                let (began, now) = (now, self.shared.now());
                let time = self.shared.time.borrow();
                let mut schedule = self.shared.schedule.borrow_mut();
                schedule.heard(sensor, began, now, silent);
                schedule.advance(sensor, now, &time);
                continue;
            }
            if self.write_at_us.is_some_and(|at| at <= now) {
                self.write();
                continue;
            }
            let next = self
                .shared
                .schedule
                .borrow()
                .next_us()
                .min(self.write_at_us.unwrap_or(u64::MAX));
            self.shared.sampler_waits(next);
            let wake = self.shared.wake_sampler.wait();
            if let Either::Second(()) = select(self.shared.clock.sleep_until(next), wake).await {
                let time = self.shared.time.borrow();
                self.shared
                    .schedule
                    .borrow_mut()
                    .align(self.shared.now(), &time);
            }
        }
    }

    /// Samples an instrument; whether it gave nothing at all.
    async fn sample(&mut self, sensor: usize) -> bool {
        let at_us = self.shared.now();
        let stamp = self
            .shared
            .time
            .borrow()
            .stamp(at_us, self.shared.config.resolution_ms);
        let mut values = [Value::MISSING; SENSOR_CHANNELS_MAX];
        let first = first_channel(self.sensors, sensor);
        let mut silent = false;
        if sensor == self.sensors.count() {
            let report = health::report(self.shared);
            for (channel, value) in (first..).zip(report) {
                if let Some(value) = value {
                    self.take(channel, value, stamp);
                }
            }
        } else {
            let count = self.sensors.channels(sensor).len().min(SENSOR_CHANNELS_MAX);
            let values = &mut values[..count];
            let sampling = self.sensors.sample(sensor, values);
            if self
                .shared
                .within(SAMPLE_TIMEOUT_US, pin!(sampling))
                .await
                .is_none()
            {
                // What it had written so far may be half a truth.
                values.fill(Value::MISSING);
            }
            silent = values.iter().all(|value| *value == Value::MISSING);
            for (channel, &mut value) in (first..).zip(values) {
                self.take(channel, value, stamp);
            }
        }
        let gather_us = u64::from(self.shared.config.gather_s) * 1_000_000;
        let full = self.ring.len() >= RING_READINGS_MAX / 2;
        if gather_us == 0 || full || self.shared.urgent.get() {
            self.write();
        } else if self.write_at_us.is_none() {
            self.write_at_us = Some(at_us + gather_us);
        }
        silent
    }

    fn take(&mut self, channel: usize, value: Value, stamp: Stamp) {
        if self.ring.is_full() {
            // The flash has failed for long: the oldest goes here as it would go there.
            self.ring.pop_front();
            self.shared.store.borrow_mut().lose(1);
        }
        let channel = channel as u8;
        // There is room.
        let _ = self.ring.push_back(Reading {
            channel,
            value,
            stamp,
        });
        if self.shared.thresholds.borrow_mut().crossed(channel, value) {
            self.shared.urgent.set(true);
        }
    }

    /// Puts the ring's readings into flash.
    pub(crate) fn write(&mut self) {
        self.write_at_us = None;
        let mut store = self.shared.store.borrow_mut();
        while !self.ring.is_empty() {
            let boot = store.boot();
            let from = store.next_seq();
            // What is behind the ring's seam is the next round's.
            let outcome = store.enqueue(self.ring.as_slices().0);
            let queued = (store.next_seq() - from) as usize;
            let mut journal = self.shared.journal.borrow_mut();
            for seq in from..from + queued as u64 {
                if let Some(reading) = self.ring.pop_front()
                    && let Some(channel) = self.shared.channels.get(usize::from(reading.channel))
                {
                    journal.queued(&Queued { boot, seq, reading }, channel);
                }
            }
            match outcome {
                Ok(_) => {}
                Err(StoreError::Reading) => {
                    // It can never be stored.
                    self.ring.pop_front();
                    store.lose(1);
                }
                Err(_) => {
                    self.write_at_us = Some(self.shared.now() + RETRY_US);
                    break;
                }
            }
        }
        if self.shared.unsent_since.get().is_none() && store.unsent() > 0 {
            self.shared.unsent_since.set(Some(self.shared.now()));
        }
        drop(store);
        self.shared.wake_link.signal(());
    }
}

/// The first channel of an instrument; of the health report for the number behind the last.
fn first_channel(sensors: &impl Sensors, sensor: usize) -> usize {
    (0..sensor)
        .map(|before| sensors.channels(before).len())
        .sum()
}
