//! Sampling and commands over days, as the node's own ledger saw them.
#![allow(clippy::unwrap_used, reason = "a test fails that way")]

use nhip_node::{Channel, Config, Node, Sensor, Value};
use nhip_rig::{
    device::{Device, TrueTime},
    flash::Chip,
    network::{EPOCH_US, Network, true_unix_us},
    platform::Store,
    random::Random,
    time,
};

const SECOND_US: u64 = 1_000_000;
const MINUTE_US: u64 = 60 * SECOND_US;
const HOUR_US: u64 = 60 * MINUTE_US;

const NAME: &str = "gauge-1";

fn config() -> Config<'static> {
    Config {
        health_period_s: 0,
        ..Config::new(NAME)
    }
}

struct World {
    network: Network,
    device: Device,
}

impl World {
    /// With a network whose way takes 40 ms.
    fn new() -> Self {
        let network = Network::fair();
        network.0.borrow_mut().latency_us = 40_000;
        Self {
            network,
            device: Device::default(),
        }
    }

    fn boot<S: nhip_node::Sensors>(
        &self,
        config: Config<'static>,
        sensors: S,
        happens: impl Future<Output = ()>,
    ) {
        let entropy = Random::new(time::now_us());
        let parts = self
            .device
            .parts(&self.network, Chip::layout(), sensors, entropy, 0);
        time::run(async {
            let mut node = Node::start(config, parts).unwrap();
            embassy_futures::select::select(node.run(), happens).await;
        });
    }

    /// The true times at which it sampled, s.
    fn sampled_s(&self) -> Vec<i64> {
        let entries = self.device.ledger.0.borrow();
        let seconds = entries
            .queued
            .values()
            .filter(|(name, _)| *name == "true_second");
        seconds.map(|(_, value)| i64::from(*value)).collect()
    }

    fn answers(&self) -> Vec<String> {
        let state = self.network.0.borrow();
        let published = state.broker.published.iter();
        published
            .filter(|message| message.topic.ends_with("/ack"))
            .map(|message| {
                let command = message.topic.rsplit('/').nth(1).unwrap();
                format!("{command} {}", String::from_utf8_lossy(&message.payload))
            })
            .collect()
    }

    fn stored(&self) -> Store {
        Store::of(NAME, &self.network.0.borrow().broker.published)
    }
}

#[test]
fn instruments_of_any_period_are_sampled_at_every_multiple() {
    let mut random = Random::new(11);
    for (period_s, days) in [(900, 4), (3600, 10), (86_400, 10)] {
        for _ in 0..8 {
            let world = World::new();
            time::run(time::sleep(random.below(86_400) * SECOND_US));
            let over = time::sleep(days * 24 * HOUR_US);
            world.boot(config(), (TrueTime { period_s },), over);
            let sampled = world.sampled_s();
            let expected = days * 86_400 / u64::from(period_s);
            let count = sampled.len() as u64;
            assert!(
                (expected - 1..=expected + 1).contains(&count),
                "{count} of {expected} at {period_s} s"
            );
            for pair in sampled.windows(2) {
                let step = pair[1] - pair[0];
                assert_eq!(step, i64::from(period_s), "{sampled:?}");
            }
        }
    }
}

#[test]
fn the_later_of_two_periods_of_one_instrument_is_in_force() {
    let world = World::new();
    let network = world.network.clone();
    world.boot(config(), (TrueTime { period_s: 60 },), async move {
        time::sleep(MINUTE_US).await;
        let second = r#"{"id":"a","channel":"true_second","seconds":600}"#;
        network.command(NAME, "period", second);
        time::sleep(MINUTE_US).await;
        let minute = r#"{"id":"b","channel":"true_minute","seconds":10}"#;
        network.command(NAME, "period", minute);
        time::sleep(HOUR_US).await;
    });
    let sampled = world.sampled_s().len();
    assert!((355..370).contains(&sampled), "{sampled}");
}

/// Gives the minutes since the rig's beginning.
struct Ramp;

impl Sensor for Ramp {
    fn channels(&self) -> &'static [Channel] {
        const CHANNELS: [Channel; 1] = [Channel {
            name: "water_level",
            unit: Some("m"),
            decimals: 0,
        }];
        &CHANNELS
    }

    async fn sample(&mut self, values: &mut [Value]) {
        let minutes = (true_unix_us() - EPOCH_US) / MINUTE_US as i64;
        values.fill(Value::good(minutes as i32));
    }
}

#[test]
fn a_threshold_that_was_taken_away_is_not_in_force() {
    let world = World::new();
    let config = Config {
        batch_age_s: 86_400,
        batch_readings: 60,
        ..config()
    };
    let network = world.network.clone();
    let high = time::now_us() / MINUTE_US + 20;
    let set = format!(r#"{{"id":"t1","channel":"water_level","high":{high}}}"#);
    let clear = r#"{"id":"t2","channel":"water_level","low":null,"high":null}"#;
    world.boot(config, (Ramp,), async move {
        time::sleep(MINUTE_US).await;
        network.command(NAME, "threshold", &set);
        time::sleep(MINUTE_US).await;
        network.command(NAME, "threshold", clear);
        time::sleep(30 * MINUTE_US).await;
    });
    assert_eq!(world.answers().len(), 2);
    assert_eq!(world.stored().messages, 0);
}

#[test]
fn a_command_that_cannot_be_is_told_why() {
    let world = World::new();
    let network = world.network.clone();
    world.boot(
        Config::new(NAME),
        (TrueTime { period_s: 60 },),
        async move {
            time::sleep(MINUTE_US).await;
            for channel in ["rssi", "supply_voltage", "queue_free", "queue_evicted"]
                .into_iter()
                .chain(["restarts", "reset_cause", "clock_error", "uptime"])
            {
                let set = format!(r#"{{"id":"{channel}","channel":"{channel}","high":1}}"#);
                network.command(NAME, "threshold", &set);
                time::sleep(10 * SECOND_US).await;
            }
            let ninth = r#"{"id":"ninth","channel":"true_minute","high":1}"#;
            network.command(NAME, "threshold", ninth);
            time::sleep(10 * SECOND_US).await;
            network.command(NAME, "a-command-with-a-long-name", r#"{"id":"long"}"#);
            time::sleep(10 * SECOND_US).await;
            network.command(NAME, &"x".repeat(63), r#"{"id":"longer"}"#);
            time::sleep(10 * SECOND_US).await;
        },
    );
    let answers = world.answers();
    assert_eq!(answers.len(), 11, "{answers:?}");
    assert!(answers[..8].iter().all(|answer| answer.contains("done")));
    assert!(answers[8].contains("8 thresholds"), "{}", answers[8]);
    assert!(answers[9].starts_with("a-command-with-a-long-name {\"id\":\"long\""));
    assert!(answers[10].starts_with("unknown {\"id\":\"longer\",\"result\":\"refused\""));
}
