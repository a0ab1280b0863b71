//! Sampling and commands over days, as the node's own ledger saw them.
#![allow(clippy::unwrap_used, reason = "a test fails that way")]

use nhip_node::{Channel, Config, ConfigError, Node, Sensor, StartError, Unwelcome, Value};
use nhip_rig::{
    device::{LONG_NAME, TrueTime, Wordy},
    flash::Chip,
    network::{EPOCH_US, Weather, true_unix_us},
    random::Random,
    time::{self, HOUR_US, MINUTE_US, SECOND_US},
    world::{NAME, World, config},
};

/// The true times at which the device sampled, s.
fn sampled_s(world: &World) -> Vec<i64> {
    let entries = world.device.ledger.0.borrow();
    let seconds = entries
        .queued
        .values()
        .filter(|(name, _)| *name == "true_second");
    seconds.map(|(_, value)| i64::from(*value)).collect()
}

fn answers(world: &World) -> Vec<String> {
    let state = world.network.0.borrow();
    let published = state.broker.published.iter();
    published
        .filter(|message| message.topic.ends_with("/ack"))
        .map(|message| {
            let command = message.topic.rsplit('/').nth(1).unwrap();
            format!("{command} {}", String::from_utf8_lossy(&message.payload))
        })
        .collect()
}

#[test]
fn instruments_of_any_period_are_sampled_at_every_multiple() {
    let mut random = Random::new(11);
    for (period_s, days) in [(900, 4), (3600, 10), (86_400, 10)] {
        for _ in 0..8 {
            let world = World::far();
            time::run(time::sleep(random.below(86_400) * SECOND_US));
            let over = time::sleep(days * 24 * HOUR_US);
            world.boot_with(config(), (TrueTime { period_s },), over);
            let sampled = sampled_s(&world);
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
    let world = World::far();
    let network = world.network.clone();
    world.boot_with(config(), (TrueTime { period_s: 60 },), async move {
        time::sleep(MINUTE_US).await;
        let second = r#"{"id":"a","channel":"true_second","seconds":600}"#;
        network.command(NAME, "period", second);
        time::sleep(MINUTE_US).await;
        let minute = r#"{"id":"b","channel":"true_minute","seconds":10}"#;
        network.command(NAME, "period", minute);
        time::sleep(HOUR_US).await;
    });
    let sampled = sampled_s(&world).len();
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
    let world = World::far();
    let config = Config {
        batch_age_s: 86_400,
        batch_readings: 60,
        ..config()
    };
    let network = world.network.clone();
    let high = time::now_us() / MINUTE_US + 20;
    let set = format!(r#"{{"id":"t1","channel":"water_level","high":{high}}}"#);
    let clear = r#"{"id":"t2","channel":"water_level","low":null,"high":null}"#;
    world.boot_with(config, (Ramp,), async move {
        time::sleep(MINUTE_US).await;
        network.command(NAME, "threshold", &set);
        time::sleep(MINUTE_US).await;
        network.command(NAME, "threshold", clear);
        time::sleep(30 * MINUTE_US).await;
    });
    assert_eq!(answers(&world).len(), 2);
    assert_eq!(world.stored().messages, 0);
}

#[test]
fn a_command_that_cannot_be_is_told_why() {
    let world = World::far();
    let network = world.network.clone();
    world.boot_with(
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
    let answers = answers(&world);
    assert_eq!(answers.len(), 11, "{answers:?}");
    assert!(answers[..8].iter().all(|answer| answer.contains("done")));
    assert!(answers[8].contains("8 thresholds"), "{}", answers[8]);
    assert!(answers[9].starts_with("a-command-with-a-long-name {\"id\":\"long\""));
    assert!(answers[10].starts_with("unknown {\"id\":\"longer\",\"result\":\"refused\""));
}

#[test]
fn every_command_of_an_outage_is_answered() {
    let world = World::far();
    let network = world.network.clone();
    world.boot_with(config(), (TrueTime { period_s: 60 },), async move {
        time::sleep(5 * MINUTE_US).await;
        network.set(Weather::Down);
        for id in 0..20 {
            let period = format!(
                r#"{{"id":"c{id}","channel":"true_second","seconds":{}}}"#,
                30 + id
            );
            network.command(NAME, "period", &period);
        }
        time::sleep(5 * MINUTE_US).await;
        network.set(Weather::Fair);
        time::sleep(30 * MINUTE_US).await;
    });
    let answers = answers(&world);
    for id in 0..20 {
        let answer = format!(r#"period {{"id":"c{id}","result":"done"}}"#);
        assert!(answers.contains(&answer), "{answer} is not in {answers:?}");
    }
}

#[test]
fn a_command_that_is_longer_than_the_device_takes_is_refused_and_costs_no_connection() {
    let world = World::far();
    // The rig's latency is that of each read, and this takes many.
    world.network.0.borrow_mut().latency_us = 0;
    let network = world.network.clone();
    world.boot_with(config(), (TrueTime { period_s: 60 },), async move {
        time::sleep(5 * MINUTE_US).await;
        let pad = "x".repeat(65_000);
        network.command(NAME, "identify", &format!(r#"{{"id":"i","pad":"{pad}"}}"#));
        time::sleep(2 * HOUR_US).await;
    });
    let answers = answers(&world);
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(answers[0].contains("250 bytes"), "{answers:?}");
    assert_eq!(world.network.0.borrow().broker.connects, 1);
    assert!(world.stored().stored.len() >= 240);
}

#[test]
fn ages_are_those_at_the_time_of_sending_also_when_it_is_repeated() {
    let world = World::far();
    world.network.0.borrow_mut().time_error_us = None;
    let network = world.network.clone();
    world.boot_with(config(), (TrueTime { period_s: 60 },), async move {
        time::sleep(30 * MINUTE_US).await;
        // A message is on its way when the network swallows everything.
        network.set(Weather::BlackHole);
        time::sleep(5 * MINUTE_US).await;
        network.set(Weather::Down);
        let identify = r#"{"id":"i1","seconds":1}"#;
        network.command(NAME, "identify", identify);
        time::sleep(3 * HOUR_US).await;
        network.set(Weather::Fair);
        time::sleep(30 * MINUTE_US).await;
    });
    let store = world.stored();
    assert!(store.stored.len() > 400, "{}", store.stored.len());
    for (key, stored) in &store.stored {
        if stored.name == "true_second" {
            let off_s = stored.time_ms / 1000 - stored.value as i64;
            assert!(off_s.abs() <= 2, "{key:?} is off by {off_s} s");
        }
    }
    // The broker kept the command, though the messages in flight were put together anew.
    let answer = r#"identify {"id":"i1","result":"done"}"#;
    assert_eq!(answers(&world).first().map(String::as_str), Some(answer));
}

#[test]
fn an_orderly_restart_says_that_the_device_is_off_line() {
    let world = World::far();
    let network = world.network.clone();
    world.boot_with(config(), (TrueTime { period_s: 60 },), async move {
        time::sleep(5 * MINUTE_US).await;
        network.command(NAME, "reboot", r#"{"id":"r"}"#);
        time::sleep(5 * MINUTE_US).await;
    });
    let state = world.network.0.borrow();
    let last = state.broker.published.last().unwrap();
    assert!(last.topic.ends_with("/status"), "{last:?}");
    assert_eq!(last.payload, b"offline");
}

#[test]
fn a_fleet_of_one_period_does_not_send_in_one_second() {
    let mut seconds = std::collections::BTreeSet::new();
    for device in 0..20 {
        let world = World::far();
        time::run(time::sleep(device * 7919 % 3600 * SECOND_US));
        let config = Config::new(NAME);
        world.boot_with(config, (TrueTime { period_s: 60 },), time::sleep(HOUR_US));
        let state = world.network.0.borrow();
        let last = state.broker.published.last().unwrap();
        seconds.insert((EPOCH_US as u64 + last.at_us) / SECOND_US % 60);
        let sampled = sampled_s(&world);
        // Before the clock was set, one may have been taken at a multiple of uptime.
        let mut dated = sampled.iter().skip(1);
        assert!(dated.all(|second| second % 60 == 0), "{sampled:?}");
    }
    assert!(seconds.len() >= 10, "{seconds:?}");
}

#[test]
fn messages_are_as_small_as_the_broker_wants_them() {
    let world = World::far();
    world.network.0.borrow_mut().broker.packet_bytes_max = Some(100);
    let over = time::sleep(6 * HOUR_US);
    world.boot_with(config(), (TrueTime { period_s: 60 }, Wordy), over);
    let store = world.stored();
    let of = |name| {
        let stored = store.stored.values();
        stored.filter(|stored| stored.name == name).count()
    };
    assert!(of("true_second") >= 355, "{}", of("true_second"));
    assert_eq!(of(LONG_NAME), 0);
    let longest = world.network.0.borrow().broker.longest;
    assert!(longest <= 100, "{longest}");
}

#[test]
fn what_fits_into_no_message_is_counted() {
    let world = World::far();
    world.network.0.borrow_mut().broker.packet_bytes_max = Some(100);
    let config = Config {
        health_period_s: 900,
        ..config()
    };
    world.boot_with(config, (Wordy,), time::sleep(6 * HOUR_US));
    let store = world.stored();
    let mut counts = store.stored.values();
    let last = counts.rfind(|stored| stored.name == "queue_evicted");
    assert!(last.unwrap().value >= 30.0, "{last:?}");
}

#[test]
fn a_unit_that_leaves_no_room_is_refused_at_the_start() {
    struct Verbose;
    const UNIT: &str = match core::str::from_utf8(&[b'u'; nhip_node::UNIT_BYTES_MAX + 1]) {
        Ok(unit) => unit,
        Err(_) => "",
    };
    impl Sensor for Verbose {
        fn channels(&self) -> &'static [Channel] {
            const CHANNELS: [Channel; 1] = [Channel {
                name: "verbose",
                unit: Some(UNIT),
                decimals: 0,
            }];
            &CHANNELS
        }

        async fn sample(&mut self, _values: &mut [Value]) {}
    }
    let world = World::far();
    let parts = world.device.parts(
        &world.network,
        Chip::layout(),
        (Verbose,),
        Random::new(1),
        0,
    );
    let refused = Node::start(config(), parts).err();
    let expected = StartError::Config(ConfigError::Channel("verbose"));
    assert_eq!(refused, Some(expected));
}

#[test]
fn what_a_lie_of_the_time_server_dated_is_doubtful_or_dated_again() {
    let far_s: i64 = 12 * 365 * 86_400;
    for lie_s in [-3600, far_s, -56 * 365 * 86_400, -58 * 365 * 86_400] {
        let world = World::far();
        let network = world.network.clone();
        network.0.borrow_mut().time_error_us = Some(lie_s * 1_000_000);
        world.boot_with(config(), (TrueTime { period_s: 60 },), async move {
            time::sleep(MINUTE_US).await;
            network.set(Weather::Down);
            time::sleep(20 * MINUTE_US).await;
            network.0.borrow_mut().time_error_us = Some(0);
            time::sleep(MINUTE_US).await;
            network.set(Weather::Fair);
            time::sleep(3 * HOUR_US).await;
        });
        let store = world.stored();
        let seconds = store.stored.values();
        let seconds = seconds.filter(|stored| stored.name == "true_second");
        let wrong: Vec<_> = seconds
            .filter(|stored| (stored.time_ms / 1000 - stored.value as i64).abs() > 5)
            .collect();
        let queued = sampled_s(&world).len();
        assert!((200..=204).contains(&queued), "{queued} at {lie_s}");
        if lie_s < -3600 {
            assert!(wrong.is_empty(), "{lie_s}: {wrong:?}");
        }
        // A device with one time server can't tell an hour from a lie before it is contradicted.
        let unflagged = wrong.iter().filter(|stored| !stored.doubtful).count();
        assert!(unflagged <= 60, "{unflagged} at {lie_s}");
    }
}

#[test]
fn a_lie_of_twenty_minutes_does_not_move_a_proven_clock() {
    let world = World::far();
    let network = world.network.clone();
    world.boot_with(config(), (TrueTime { period_s: 60 },), async move {
        time::sleep(12 * HOUR_US - 5 * MINUTE_US).await;
        for _ in 0..2 {
            network.0.borrow_mut().time_error_us = Some(3600 * 1_000_000);
            time::sleep(20 * MINUTE_US).await;
            network.0.borrow_mut().time_error_us = Some(0);
            time::sleep(4 * HOUR_US).await;
        }
    });
    let store = world.stored();
    for (key, stored) in &store.stored {
        if stored.name == "true_second" {
            let off_s = stored.time_ms / 1000 - stored.value as i64;
            assert!(off_s.abs() <= 1, "{key:?} is off by {off_s} s");
        }
    }
}

#[test]
fn a_time_server_that_does_not_want_to_be_asked_is_asked_less() {
    for (kiss, most) in [(Unwelcome::SoOften, 8), (Unwelcome::AtAll, 1)] {
        let world = World::far();
        let network = world.network.clone();
        network.0.borrow_mut().kiss = Some(kiss);
        world.boot_with(config(), (TrueTime { period_s: 60 },), async move {
            time::sleep(2 * HOUR_US).await;
            let asked = network.0.borrow().asked;
            assert!(asked <= most, "{kiss:?}: {asked} questions");
            network.0.borrow_mut().kiss = None;
            time::sleep(25 * HOUR_US).await;
        });
        // It is believed again once it says a time.
        let store = world.stored();
        let last = store.stored.values().rfind(|stored| !stored.doubtful);
        assert!(last.is_some(), "{kiss:?}");
    }
}
