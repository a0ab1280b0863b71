//! Commands that come twice, late, or beside many others.
#![allow(clippy::unwrap_used, reason = "a test fails that way")]

use nhip_node::{Channel, Config, ConfigError, Node, Sensor, StartError, Stop, Value};
use nhip_rig::{
    device::{EVERY_MINUTE, TrueTime},
    flash::Chip,
    random::Random,
    time::{self, HOUR_US, MINUTE_US, SECOND_US},
    world::{NAME, World, config},
};
use std::{cell::Cell, rc::Rc};

/// Readings of an hour in which nothing else happens.
fn sampled_in_an_hour(world: &World) -> usize {
    let before = world.queued();
    world.boot(config(), EVERY_MINUTE, HOUR_US);
    (world.queued() - before) / 2
}

fn period(id: &str, seconds: u32) -> String {
    format!(r#"{{"id":"{id}","channel":"true_second","seconds":{seconds}}}"#)
}

#[test]
fn a_retained_command_does_not_revert_a_newer_one_after_a_restart() {
    let world = World::near();
    let network = world.network.clone();
    world.boot_with(config(), EVERY_MINUTE, async move {
        time::sleep(MINUTE_US).await;
        network.retain_command(NAME, "period", &period("retained", 10));
        time::sleep(MINUTE_US).await;
        network.command(NAME, "period", &period("newer", 120));
        for id in 0..20 {
            time::sleep(SECOND_US).await;
            let identify = format!(r#"{{"id":"i{id}","seconds":0}}"#);
            network.command(NAME, "identify", &identify);
        }
        time::sleep(MINUTE_US).await;
    });
    for _ in 0..3 {
        let sampled = sampled_in_an_hour(&world);
        assert!((29..=32).contains(&sampled), "{sampled}");
    }
    let answers = world.published("/period/ack");
    let known = answers.iter().filter(|answer| answer.contains("retained"));
    assert!(known.count() >= 4, "{answers:?}");
}

#[test]
fn a_retained_command_that_was_refused_is_not_carried_out_later() {
    let world = World::near();
    let network = world.network.clone();
    let set =
        |id: &str, channel: &str| format!(r#"{{"id":"{id}","channel":"{channel}","high":1}}"#);
    let health = Config {
        health_period_s: 900,
        ..config()
    };
    world.boot_with(health, EVERY_MINUTE, async move {
        time::sleep(MINUTE_US).await;
        for channel in ["rssi", "supply_voltage", "queue_free", "queue_evicted"]
            .into_iter()
            .chain(["restarts", "reset_cause", "clock_error", "uptime"])
        {
            network.command(NAME, "threshold", &set(channel, channel));
            time::sleep(10 * SECOND_US).await;
        }
        network.retain_command(NAME, "threshold", &set("ninth", "true_minute"));
        time::sleep(10 * SECOND_US).await;
        network.command(NAME, "threshold", r#"{"id":"away","channel":"rssi"}"#);
        time::sleep(MINUTE_US).await;
    });
    world.boot(config(), EVERY_MINUTE, HOUR_US);
    let answers = world.published("/threshold/ack");
    let ninth: Vec<_> = answers.iter().filter(|it| it.contains("ninth")).collect();
    assert_eq!(ninth.len(), 2, "{answers:?}");
    assert!(
        ninth.iter().all(|it| it.contains("8 thresholds")),
        "{ninth:?}"
    );
}

#[test]
fn a_retained_command_reaches_a_device_that_was_off_and_is_carried_out_once() {
    let world = World::near();
    let identify = r#"{"id":"find","seconds":60}"#;
    world.network.retain_command(NAME, "identify", identify);
    for _ in 0..3 {
        world.boot(config(), EVERY_MINUTE, 5 * MINUTE_US);
    }
    assert_eq!(world.device.lamp.0.borrow().lit, 1);
    assert_eq!(world.published("/identify/ack").len(), 3);
}

#[test]
fn a_command_that_comes_again_is_answered_and_carried_out_once() {
    let world = World::near();
    let network = world.network.clone();
    let identify = r#"{"id":"find","seconds":60}"#;
    world.boot_with(config(), EVERY_MINUTE, async move {
        for _ in 0..3 {
            time::sleep(2 * MINUTE_US).await;
            network.command(NAME, "identify", identify);
        }
        time::sleep(MINUTE_US).await;
    });
    assert_eq!(world.device.lamp.0.borrow().lit, 1);
    assert_eq!(world.published("/identify/ack").len(), 3);
}

#[test]
fn refused_commands_do_not_make_a_device_forget_those_it_carried_out() {
    let world = World::near();
    let network = world.network.clone();
    let stop = world.boot_with(config(), EVERY_MINUTE, async move {
        time::sleep(MINUTE_US).await;
        network.command(NAME, "reboot", r#"{"id":"once"}"#);
        time::sleep(MINUTE_US).await;
    });
    assert_eq!(stop, Some(Stop::Restart));
    let network = world.network.clone();
    let stop = world.boot_with(config(), EVERY_MINUTE, async move {
        for id in 0..40 {
            time::sleep(SECOND_US).await;
            network.command(NAME, "period", &period(&format!("no{id}"), 0));
            network.command(NAME, "explode", &format!(r#"{{"id":"bad{id}"}}"#));
        }
        time::sleep(MINUTE_US).await;
        network.command(NAME, "reboot", r#"{"id":"once"}"#);
        time::sleep(MINUTE_US).await;
    });
    assert_eq!(stop, None, "it is known");
    assert_eq!(world.published("/reboot/ack").len(), 2);
    assert_eq!(world.published("/period/ack").len(), 40);
}

#[test]
fn ids_of_which_a_short_hash_is_the_same_are_two_ids() {
    // Their FNV-1a of 32 bits is the same.
    let world = World::near();
    let network = world.network.clone();
    world.boot_with(config(), EVERY_MINUTE, async move {
        time::sleep(MINUTE_US).await;
        network.command(NAME, "period", &period("costarring", 600));
        time::sleep(MINUTE_US).await;
        network.command(NAME, "period", &period("liquid", 5));
        time::sleep(HOUR_US).await;
    });
    assert!(world.queued() / 2 >= 700, "{}", world.queued() / 2);
}

#[test]
fn channels_of_which_the_hash_is_the_same_are_refused_at_the_start() {
    struct Twins;
    impl Sensor for Twins {
        fn channels(&self) -> &'static [Channel] {
            const fn named(name: &'static str) -> Channel {
                Channel {
                    name,
                    unit: None,
                    decimals: 0,
                }
            }
            const CHANNELS: [Channel; 2] = [named("costarring"), named("liquid")];
            &CHANNELS
        }

        async fn sample(&mut self, _values: &mut [Value]) {}
    }
    let world = World::far();
    let entropy = Random::new(1);
    let parts = world
        .device
        .parts(&world.network, Chip::layout(), (Twins,), entropy, 0);
    let refused = Node::start(config(), parts).err();
    let expected = StartError::Config(ConfigError::Channel("liquid"));
    assert_eq!(refused, Some(expected));
}

#[test]
fn a_restart_comes_after_thirty_seconds_at_the_latest_whatever_the_link_does() {
    for (cut_every_s, down) in [(10, false), (7, true), (3600, false)] {
        let world = World::far();
        let network = world.network.clone();
        let commanded_us = Rc::new(Cell::new(0));
        let commanded = commanded_us.clone();
        let each_second = (TrueTime { period_s: 1 },);
        let stop = world.boot_with(config(), each_second, async move {
            time::sleep(MINUTE_US).await;
            network.0.borrow_mut().broker.swallow_acks = true;
            for _ in 0..60 {
                time::sleep(10 * SECOND_US).await;
                network.reset();
            }
            time::sleep(10 * MINUTE_US).await;
            network.command(NAME, "reboot", r#"{"id":"r"}"#);
            loop {
                time::sleep(20_000).await;
                let state = network.0.borrow();
                let mut answered = state.broker.published.iter();
                if answered.any(|message| message.topic.ends_with("reboot/ack")) {
                    break;
                }
            }
            commanded.set(time::now_us());
            if down {
                network.set(nhip_rig::network::Weather::BlackHole);
            }
            loop {
                time::sleep(cut_every_s * SECOND_US).await;
                network.reset();
            }
        });
        assert_eq!(stop, Some(Stop::Restart));
        let took_us = time::now_us() - commanded_us.get();
        assert!(took_us <= 30 * SECOND_US, "{took_us} µs");
    }
}

#[test]
fn a_threshold_is_in_force_after_a_restart() {
    let world = World::near();
    let slow = Config {
        batch_age_s: 86_400,
        batch_readings: 60,
        ..config()
    };
    let network = world.network.clone();
    let minutes = nhip_rig::network::true_unix_us() / MINUTE_US as i64;
    let threshold = format!(
        r#"{{"id":"t","channel":"true_minute","high":{}}}"#,
        minutes + 20
    );
    world.boot_with(slow, EVERY_MINUTE, async move {
        time::sleep(MINUTE_US).await;
        network.command(NAME, "threshold", &threshold);
        time::sleep(MINUTE_US).await;
    });
    assert_eq!(world.stored().messages, 0);
    world.boot(slow, EVERY_MINUTE, 15 * MINUTE_US);
    assert_eq!(world.stored().messages, 0);
    world.boot(slow, EVERY_MINUTE, 5 * MINUTE_US);
    assert!(world.stored().messages >= 1, "it was crossed");
}
