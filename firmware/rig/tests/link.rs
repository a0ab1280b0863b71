//! What a device does on its link, seen from the broker.
#![allow(clippy::unwrap_used, reason = "a test fails that way")]

use nhip_node::{ACK_TIMEOUT_US, Channel, Config, LinkEvent, Sensor, Stop, UNDATED_WAIT_US, Value};
use nhip_rig::{
    device::{EVERY_MINUTE, TrueTime},
    network::{EPOCH_US, Weather, true_unix_us},
    platform::Store,
    time::{self, HOUR_US, MINUTE_US, SECOND_US},
    world::{NAME, World, config},
};

const EVERY_SECOND: (TrueTime,) = (TrueTime { period_s: 1 },);

#[test]
fn a_device_says_that_it_is_there_and_sends_what_it_measured() {
    let world = World::near();
    world.boot(config(), EVERY_MINUTE, HOUR_US);
    assert_eq!(world.published("/status"), ["online"]);
    let store = world.stored();
    assert!(store.stored.len() >= 116, "{}", store.stored.len());
    assert_eq!(store.duplicates, 0);
    for stored in store
        .stored
        .values()
        .filter(|stored| stored.name == "true_second")
    {
        assert_eq!(stored.time_ms, stored.value as i64 * 1000);
        assert!(!stored.doubtful);
    }
    let aligned = store
        .stored
        .values()
        .skip(4)
        .all(|stored| stored.time_ms % 60_000 == 0);
    assert!(aligned, "samples fall on full minutes");
}

#[test]
fn a_full_batch_goes_before_it_is_old() {
    let world = World::near();
    let config = Config {
        batch_age_s: 3600,
        ..config()
    };
    world.boot(config, EVERY_SECOND, 10 * MINUTE_US);
    let store = world.stored();
    let readings = store.stored.len() as u64;
    assert!(readings >= 1180, "{readings}");
    // Two values a second, ten to a message.
    assert!(
        store.messages <= readings / 10 + 2,
        "{} messages",
        store.messages
    );
}

#[test]
fn swallowed_acknowledgements_are_sent_again_and_stored_once() {
    let world = World::near();
    world.network.0.borrow_mut().broker.swallow_acks = true;
    let network = world.network.clone();
    world.boot_with(config(), EVERY_SECOND, async move {
        time::sleep(ACK_TIMEOUT_US * 3).await;
        network.0.borrow_mut().broker.swallow_acks = false;
        time::sleep(10 * MINUTE_US).await;
    });
    let store = world.stored();
    assert!(store.duplicates > 0);
    assert!(
        store.stored.len() + 30 >= world.queued(),
        "{} of {}",
        store.stored.len(),
        world.queued()
    );
    let repeats = world
        .network
        .0
        .borrow()
        .broker
        .published
        .iter()
        .any(|message| message.dup);
    assert!(repeats, "the session repeats under the same packet id");
}

#[test]
fn what_the_broker_refuses_stays_in_the_queue() {
    let world = World::near();
    world.network.0.borrow_mut().broker.refuse = Some(0x97);
    let network = world.network.clone();
    world.boot_with(config(), EVERY_SECOND, async move {
        time::sleep(5 * MINUTE_US).await;
        network.0.borrow_mut().broker.refuse = None;
        time::sleep(20 * MINUTE_US).await;
    });
    assert!(world.happened(LinkEvent::Refused) > 1);
    let store = world.stored();
    assert!(
        store.stored.len() + 30 >= world.queued(),
        "{} of {}",
        store.stored.len(),
        world.queued()
    );
}

#[test]
fn a_network_that_swallows_everything_is_noticed() {
    let world = World::near();
    let network = world.network.clone();
    world.boot_with(config(), EVERY_MINUTE, async move {
        time::sleep(10 * MINUTE_US).await;
        network.set(Weather::BlackHole);
        time::sleep(HOUR_US).await;
        network.set(Weather::Fair);
        // Whoever still waits on the old connection waits for ever: only a new one helps.
        time::sleep(20 * MINUTE_US).await;
    });
    let store = world.stored();
    assert!(
        store.stored.len() + 6 >= world.queued(),
        "{} of {}",
        store.stored.len(),
        world.queued()
    );
    assert!(world.network.0.borrow().broker.connects >= 2);
}

#[test]
fn waits_between_tries_grow_and_end_with_a_stable_connection() {
    let world = World::near();
    world.network.set(Weather::Down);
    world.boot(config(), EVERY_MINUTE, 2 * HOUR_US);
    let entries = world.device.ledger.0.borrow();
    let waits: Vec<_> = entries
        .link
        .iter()
        .map(|event| match event {
            LinkEvent::Down(ms) => *ms,
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(waits.len() < 60, "{}", waits.len());
    assert!((1_000..=16_000).contains(&waits[0]) && waits.iter().all(|wait| *wait <= 300_000));
}

#[test]
fn before_the_clock_is_set_readings_wait_and_are_dated_exactly_afterwards() {
    let world = World::near();
    world.network.0.borrow_mut().time_error_us = None;
    let network = world.network.clone();
    world.boot_with(config(), EVERY_SECOND, async move {
        time::sleep(5 * MINUTE_US).await;
        assert_eq!(
            Store::of(NAME, &network.0.borrow().broker.published).messages,
            0
        );
        network.0.borrow_mut().time_error_us = Some(0);
        time::sleep(5 * MINUTE_US).await;
    });
    let store = world.stored();
    assert!(store.stored.len() > 1000);
    for (key, stored) in &store.stored {
        if stored.name == "true_second" {
            assert_eq!(stored.time_ms, stored.value as i64 * 1000, "{key:?}");
            assert!(!stored.doubtful);
        }
    }
}

#[test]
fn without_a_clock_for_long_readings_are_sent_with_their_age_and_doubtful() {
    let world = World::near();
    world.network.0.borrow_mut().time_error_us = None;
    world.boot(config(), EVERY_MINUTE, UNDATED_WAIT_US + 20 * MINUTE_US);
    let store = world.stored();
    assert!(store.stored.len() > 30);
    for stored in store
        .stored
        .values()
        .filter(|stored| stored.name == "true_second")
    {
        assert!(stored.doubtful);
        assert!(
            (stored.time_ms - stored.value as i64 * 1000).abs() <= 1000,
            "{stored:?}"
        );
    }
}

#[test]
fn a_time_server_that_jumps_is_followed_when_it_insists() {
    let world = World::near();
    let network = world.network.clone();
    world.boot_with(config(), EVERY_MINUTE, async move {
        time::sleep(30 * MINUTE_US).await;
        network.0.borrow_mut().time_error_us = Some(3600 * 1_000_000);
        time::sleep(3 * HOUR_US).await;
    });
    let store = world.stored();
    let jumped = |ms: i64, value: f64| ms - value as i64 * 1000 == 3_600_000;
    let last = store
        .stored
        .values()
        .rfind(|stored| stored.name == "true_second")
        .unwrap();
    assert!(jumped(last.time_ms, last.value), "{last:?}");
    assert!(store.stored.len() + 6 >= world.queued());
}

#[test]
fn a_period_is_set_answered_kept_and_not_set_twice() {
    let world = World::near();
    let network = world.network.clone();
    let payload = r#"{"id":"op-17","channel":"true_minute","seconds":10}"#;
    world.boot_with(config(), EVERY_MINUTE, async move {
        time::sleep(5 * MINUTE_US).await;
        network.command(NAME, "period", payload);
        time::sleep(10 * MINUTE_US).await;
    });
    assert_eq!(
        world.published("/period/ack"),
        [r#"{"id":"op-17","result":"done"}"#]
    );
    let before = world.queued();
    assert!((120..=150).contains(&before), "{before}");
    // The power goes; the device keeps to it, and a repeated command changes nothing.
    let network = world.network.clone();
    world.boot_with(config(), EVERY_MINUTE, async move {
        network.command(NAME, "period", payload);
        time::sleep(10 * MINUTE_US).await;
    });
    assert_eq!(world.published("/period/ack").len(), 2);
    let after = world.queued() - before;
    assert!((118..=124).contains(&after), "{after}");
}

#[test]
fn a_command_during_an_outage_is_carried_out_afterwards() {
    let world = World::near();
    let network = world.network.clone();
    world.boot_with(config(), EVERY_MINUTE, async move {
        time::sleep(5 * MINUTE_US).await;
        network.set(Weather::Down);
        network.command(
            NAME,
            "period",
            r#"{"id":"op-18","channel":"true_second","seconds":5}"#,
        );
        time::sleep(30 * MINUTE_US).await;
        assert_eq!(network.0.borrow().broker.connects, 1);
        network.set(Weather::Fair);
        time::sleep(10 * MINUTE_US).await;
    });
    assert_eq!(
        world.published("/period/ack"),
        [r#"{"id":"op-18","result":"done"}"#]
    );
}

#[test]
fn what_is_out_of_range_or_unknown_is_refused_with_a_reason() {
    let world = World::near();
    let network = world.network.clone();
    world.boot_with(config(), EVERY_MINUTE, async move {
        time::sleep(MINUTE_US).await;
        for (command, payload) in [
            (
                "period",
                r#"{"id":"1","channel":"true_minute","seconds":0}"#,
            ),
            ("period", r#"{"id":"2","channel":"nothing","seconds":5}"#),
            (
                "threshold",
                r#"{"id":"3","channel":"true_minute","high":1.5}"#,
            ),
            ("explode", r#"{"id":"4"}"#),
            ("reboot", "now!"),
        ] {
            network.command(NAME, command, payload);
            time::sleep(MINUTE_US).await;
        }
    });
    let answers = world.published("/ack");
    assert_eq!(answers.len(), 5, "{answers:?}");
    assert!(
        answers.iter().all(|answer| answer.contains("\"refused\"")),
        "{answers:?}"
    );
    assert!(answers[0].contains("1 to 86400"));
    assert_eq!(world.happened(LinkEvent::Connected), 1, "nothing rebooted");
}

/// Gives what the true time in minutes since the rig's beginning is.
struct Ramp;

impl Sensor for Ramp {
    fn channels(&self) -> &'static [Channel] {
        const CHANNELS: [Channel; 1] = [Channel {
            name: "water_level",
            unit: Some("m"),
            decimals: 3,
        }];
        &CHANNELS
    }

    async fn sample(&mut self, values: &mut [Value]) {
        let minutes = (true_unix_us() - EPOCH_US) / MINUTE_US as i64;
        values.fill(Value::good(minutes as i32));
    }
}

#[test]
fn a_value_that_crosses_a_threshold_is_sent_at_once() {
    let world = World::near();
    let config = Config {
        batch_age_s: 86_400,
        batch_readings: 60,
        ..config()
    };
    let network = world.network.clone();
    let begun_min = time::now_us() / MINUTE_US;
    let high = begun_min + 20;
    let threshold = format!(
        r#"{{"id":"t1","channel":"water_level","high":{}.{:03}}}"#,
        high / 1000,
        high % 1000
    );
    world.boot_with(config, (Ramp,), async move {
        time::sleep(MINUTE_US).await;
        network.command(NAME, "threshold", &threshold);
        time::sleep(18 * MINUTE_US).await;
        assert_eq!(
            Store::of(NAME, &network.0.borrow().broker.published).messages,
            0
        );
        time::sleep(3 * MINUTE_US).await;
        let store = Store::of(NAME, &network.0.borrow().broker.published);
        assert_eq!(store.messages, 1);
        let last = store.stored.values().next_back().unwrap();
        assert_eq!((last.value * 1000.0).round() as u64, high + 1);
        time::sleep(30 * MINUTE_US).await;
        assert_eq!(
            Store::of(NAME, &network.0.borrow().broker.published).messages,
            1
        );
    });
}

#[test]
fn a_reboot_is_answered_before_it_happens_and_happens_once() {
    let world = World::near();
    let network = world.network.clone();
    let stop = world.boot_with(config(), EVERY_SECOND, async move {
        time::sleep(5 * MINUTE_US).await;
        network.command(NAME, "reboot", r#"{"id":"r1"}"#);
        time::sleep(5 * MINUTE_US).await;
    });
    assert_eq!(stop, Some(Stop::Restart));
    assert_eq!(
        world.published("/reboot/ack"),
        [r#"{"id":"r1","result":"done"}"#]
    );
    let network = world.network.clone();
    let again = world.boot_with(config(), EVERY_SECOND, async move {
        network.command(NAME, "reboot", r#"{"id":"r1"}"#);
        time::sleep(5 * MINUTE_US).await;
    });
    assert_eq!(again, None, "the command is known");
    assert_eq!(world.published("/reboot/ack").len(), 2);
    let store = world.stored();
    assert_eq!(
        store.duplicates, 0,
        "an orderly restart sends nothing twice"
    );
    assert!(store.stored.len() + 30 >= world.queued());
}

#[test]
fn identify_lights_the_lamp_for_a_while() {
    let world = World::near();
    let (network, lamp) = (world.network.clone(), world.device.lamp.clone());
    world.boot_with(config(), EVERY_MINUTE, async move {
        time::sleep(MINUTE_US).await;
        network.command(NAME, "identify", r#"{"id":"i1","seconds":30}"#);
        time::sleep(10 * SECOND_US).await;
        assert!(lamp.0.borrow().on);
        time::sleep(30 * SECOND_US).await;
        assert!(!lamp.0.borrow().on);
    });
}

/// An instrument on a bus that hangs.
struct Hanging;

impl Sensor for Hanging {
    fn channels(&self) -> &'static [Channel] {
        const CHANNELS: [Channel; 1] = [Channel {
            name: "noise",
            unit: None,
            decimals: 0,
        }];
        &CHANNELS
    }

    async fn sample(&mut self, _values: &mut [Value]) {
        core::future::pending().await
    }
}

#[test]
fn an_instrument_that_hangs_is_missing_and_nothing_else_stops() {
    let world = World::near();
    world.boot(
        config(),
        (Hanging, TrueTime { period_s: 60 }),
        30 * MINUTE_US,
    );
    let entries = world.device.ledger.0.borrow();
    let of = |name: &str| {
        entries
            .queued
            .values()
            .filter(|(of, _)| *of == name)
            .count()
    };
    assert!(of("noise") >= 29 && of("true_minute") >= 29);
    assert!(world.device.lamp.0.borrow().fed >= 30 * 60 / 2 - 2);
}

#[test]
fn a_device_reports_on_itself() {
    let world = World::near();
    let config = Config {
        health_period_s: 60,
        ..config()
    };
    world.boot(config, EVERY_MINUTE, 30 * MINUTE_US);
    let store = world.stored();
    let last = |name: &str| {
        store
            .stored
            .values()
            .rfind(|stored| stored.name == name)
            .map(|s| s.value)
    };
    assert_eq!(last("supply_voltage"), Some(3.3));
    assert_eq!(last("restarts"), Some(1.0));
    assert_eq!(last("reset_cause"), Some(1.0));
    assert_eq!(last("queue_evicted"), Some(0.0));
    assert!(last("queue_free").unwrap() > 90.0);
    assert!(last("clock_error").unwrap() < 0.5);
    assert!(last("uptime").unwrap() >= 28.0 * 60.0);
    assert_eq!(
        last("rssi"),
        None,
        "a board without a radio says nothing of it"
    );
}
