//! The rows of a recording, as an errand for a courier.

use super::Recording;
use crate::{
    fleet::Pace,
    mqtt::{Errand, Message, Next},
    report::Fate,
};
use std::fmt::Write;
use tokio::time::Instant;

/// A recording on its way.
pub(super) struct Playing {
    pub recording: Recording,
    pace: Pace,
    next: usize,
    told: Instant,
    /// Readings written once more since no acknowledgement had come.
    pub duplicate: u64,
}

impl Playing {
    /// Begins now. With a speed the rows leave at their times, so many times as fast.
    pub(super) fn new(mut recording: Recording, speed: Option<f64>) -> Self {
        if speed.is_some() {
            recording.sort();
        }
        let first_ms = recording.rows.first().map_or(0, |row| row.0);
        Self {
            recording,
            pace: Pace {
                start: Instant::now(),
                from_us: first_ms.saturating_mul(1_000),
                speed,
            },
            next: 0,
            told: Instant::now(),
            duplicate: 0,
        }
    }

    fn message(&self, device: u32, number: u32) -> Message {
        let recorded = &self.recording.devices[device as usize];
        let ledger = &recorded.ledger;
        let columns = &self.recording.mapping.values;
        let at = number as usize * columns.len();
        let time_ms = self.recording.rows[self.next].0;
        let mut payload = String::with_capacity(64 * columns.len());
        // Writing to a string can't fail; names need no escaping.
        let _ = write!(
            payload,
            r#"{{"boot":{},"seq":{},"time":{time_ms},"readings":{{"#,
            ledger.boot().unwrap_or_default(),
            ledger.seq(number as usize),
        );
        let mut comma = "";
        for (column, value) in columns.iter().zip(&recorded.raw[at..]) {
            if value.is_nan() {
                continue;
            }
            let name = &column.datastream;
            let _ = match &column.unit {
                Some(unit) => {
                    let unit = serde_json::Value::from(unit.as_str());
                    write!(
                        payload,
                        r#"{comma}"{name}":{{"value":{value},"unit":{unit}}}"#
                    )
                }
                None => write!(payload, r#"{comma}"{name}":{value}"#),
            };
            comma = ",";
        }
        payload.push_str("}}");
        Message {
            topic: format!("devices/{}/readings/json", ledger.device()),
            payload: payload.into_bytes(),
            token: u64::from(device) << 32 | u64::from(number),
        }
    }

    fn settle(&mut self, token: u64, fate: Fate) {
        let (device, number) = split(token);
        self.recording.devices[device].ledger.settle(number, fate);
    }
}

impl Errand for Playing {
    fn next(&mut self, now: Instant) -> Next {
        let Some(&(time_ms, device, number)) = self.recording.rows.get(self.next) else {
            return Next::Done;
        };
        let time_us = time_ms.saturating_mul(1_000);
        if time_us > self.pace.now_us(now) {
            return Next::At(self.pace.instant(time_us));
        }
        if now.saturating_duration_since(self.told).as_secs() >= 2 {
            self.told = now;
            tracing::info!(
                sent = self.next,
                of = self.recording.rows.len(),
                "replaying"
            );
        }
        let message = self.message(device, number);
        self.next += 1;
        Next::Send(message)
    }

    fn acknowledged(&mut self, token: u64) {
        self.settle(token, Fate::Acknowledged);
    }

    fn refused(&mut self, token: u64, reason: &str) {
        tracing::warn!(reason, "a recorded reading was refused");
        self.settle(token, Fate::Refused);
    }

    fn written_again(&mut self, token: u64) {
        let (device, number) = split(token);
        self.duplicate += self.recording.devices[device].ledger.readings(number);
    }
}

/// The device of a message, and its number in the device's book.
fn split(token: u64) -> (usize, usize) {
    ((token >> 32) as usize, token as u32 as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::Mapping;
    use std::time::Duration;

    const CSV: &str = "origin,temp,time_hour\nA,50,2013-01-01T01:00:00Z\nA,NA,2013-01-01T02:00:00Z\nB,32,2013-01-01T00:00:00Z\n";

    fn playing(speed: Option<f64>) -> Playing {
        let mut mapping = Mapping::nyc_weather().unwrap();
        mapping.values.truncate(1);
        Playing::new(
            Recording::read(CSV.as_bytes(), false, mapping, 9, 100).unwrap(),
            speed,
        )
    }

    #[tokio::test(start_paused = true)]
    async fn at_once_keeps_the_order_of_the_file_and_its_units() {
        let mut playing = playing(None);
        let Next::Send(message) = playing.next(Instant::now()) else {
            panic!("a row is due");
        };
        assert_eq!(message.topic, "devices/a/readings/json");
        assert_eq!(
            String::from_utf8(message.payload).unwrap(),
            r#"{"boot":9,"seq":0,"time":1357002000000,"readings":{"temperature":{"value":50,"unit":"[degF]"}}}"#
        );
        assert!(matches!(playing.next(Instant::now()), Next::Send(_)));
        assert!(matches!(playing.next(Instant::now()), Next::Done));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pace_sends_each_row_at_its_time() {
        let mut playing = playing(Some(60.0));
        let start = Instant::now();
        assert!(matches!(playing.next(start), Next::Send(m) if m.topic.contains("/b/")));
        let Next::At(second) = playing.next(start) else {
            panic!("the second row is an hour later");
        };
        assert_eq!((second - start).as_secs(), 60);
        let later = start + Duration::from_secs(61);
        assert!(matches!(playing.next(later), Next::Send(m) if m.topic.contains("/a/")));
    }

    #[tokio::test(start_paused = true)]
    async fn an_acknowledgement_goes_into_the_book() {
        let mut playing = playing(None);
        while let Next::Send(message) = playing.next(Instant::now()) {
            playing.acknowledged(message.token);
        }
        let ledgers = playing.recording.ledgers();
        assert_eq!(
            ledgers
                .map(|ledger| ledger.totals().acknowledged)
                .sum::<u64>(),
            2
        );
    }
}
