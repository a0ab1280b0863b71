//! Logs to fold: single messages, and seeded ones of every kind.

use super::{Bench, MemoryLog};
use nhip_wire::envelope::{Envelope, Kind};

/// The day on which tests play, µs since 1970 UTC.
pub(crate) const DAY_US: i64 = 1_795_305_600_000_000;

/// A record of the log.
pub(crate) fn message(topic: &str, payload: &[u8], received_us: i64) -> Vec<u8> {
    let envelope = Envelope {
        kind: Kind::Published,
        retain: false,
        qos: 1,
        v5: false,
        received_us: received_us as u64,
        origin: 0,
        client: "test",
        topic,
        properties: &[],
        payload,
    };
    [&envelope.header()[..], &envelope.parts().concat()].concat()
}

/// Publishes JSON of a device on the first second of the day.
pub(crate) fn json(bench: &Bench, device: &str, payload: &str) -> u64 {
    publish(
        &bench.log,
        &format!("devices/{device}/readings/json"),
        payload,
    )
}

/// Publishes on the first second of the day.
pub(crate) fn publish(log: &MemoryLog, topic: &str, payload: &str) -> u64 {
    log.push(message(topic, payload.as_bytes(), DAY_US + 1_000_000))
}

/// Messages of every kind from a seed; the first is nobody's.
pub(crate) struct Script {
    random: u64,
    sequences: [u64; 6],
}

impl Script {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: seed.wrapping_mul(2).wrapping_add(0x9e37_79b9_7f4a_7c15),
            sequences: [0; 6],
        }
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % end
    }

    /// Fills a log with `count` messages.
    pub(crate) fn fill(&mut self, log: &MemoryLog, count: u64) {
        publish(log, "chat/hello", "nothing to measure");
        for at in 0..count {
            let received_us = DAY_US + at as i64 * 250_000;
            let device = self.below(6) as usize;
            let (topic, payload) = self.one(device, received_us);
            log.push(message(&topic, payload.as_bytes(), received_us));
        }
    }

    fn one(&mut self, device: usize, received_us: i64) -> (String, String) {
        let topic = format!("devices/d{device}/readings/json");
        let seq = self.sequence(device);
        let time_ms = received_us / 1000 - self.below(5000) as i64;
        let value = self.below(400) as f64 / 10.0;
        let payload = match self.below(16) {
            0 => "{\"readings\":".to_owned(),
            1 => format!(r#"{{"time":{time_ms},"readings":{{"a":{value},"b":"x"}}}}"#),
            2 => format!(r#"{{"readings":{{"a":{value}}}}}"#),
            3 => format!(r#"{{"boot":1,"seq":{seq},"readings":{{"temperature":99999,"a":1}}}}"#),
            4 => format!(
                r#"{{"boot":1,"seq":{seq},"time":{},"readings":{{"a":2}}}}"#,
                time_ms * 2
            ),
            5 => return ("devices/d1/status".to_owned(), "online".to_owned()),
            6 => format!(r#"{{"boot":1,"seq":{seq},"readings":{{"a":66.6,"b":1}}}}"#),
            7 => format!(
                r#"[{{"boot":1,"seq":{seq},"readings":{{"a":1}}}},{{"boot":1,"seq":{seq},"readings":{{"a":1,"c":4}}}}]"#
            ),
            8 => return uplink(device, received_us),
            9 | 10 => format!(r#"{{"time":{time_ms},"readings":{{"a":{value}}}}}"#),
            _ => format!(
                r#"{{"boot":1,"seq":{seq},"time":{},"readings":{{"a":{value},"b":2,"temperature":{{"value":300,"unit":"K"}}}}}}"#,
                (DAY_US / 1000) + seq as i64
            ),
        };
        (topic, payload)
    }

    /// The next number, one of those before again, or one with a gap.
    fn sequence(&mut self, device: usize) -> u64 {
        let chance = self.below(10);
        let back = self.below(12);
        let next = &mut self.sequences[device];
        match chance {
            0..2 => next.saturating_sub(back),
            2 => {
                *next += 3;
                *next
            }
            _ => {
                *next += 1;
                *next
            }
        }
    }
}

/// A ChirpStack uplink of one of the devices.
fn uplink(device: usize, received_us: i64) -> (String, String) {
    let topic = format!("application/1/device/e{device}/event/up");
    let payload = format!(
        r#"{{"time":"2026-11-22T00:00:00Z","deviceInfo":{{"devEui":"e{device}"}},"object":{{"x":{}}}}}"#,
        received_us % 7
    );
    (topic, payload)
}
