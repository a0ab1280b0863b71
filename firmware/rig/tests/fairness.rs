//! Instruments beside others that are silent.
#![allow(clippy::unwrap_used, reason = "a test fails that way")]

use nhip_node::{Channel, Config, Sensor, Sensors, Value};
use nhip_rig::{
    device::TrueTime,
    time::{self, DAY_US, HOUR_US, MINUTE_US, SECOND_US},
    world::{NAME, World, config},
};

/// An instrument that never answers, after it has written half of its values.
struct Silent<const N: usize>(u32);

impl<const N: usize> Sensor for Silent<N> {
    fn channels(&self) -> &'static [Channel] {
        const NAMES: [[Channel; 2]; 8] = [
            [named("silent_0"), named("other_0")],
            [named("silent_1"), named("other_1")],
            [named("silent_2"), named("other_2")],
            [named("silent_3"), named("other_3")],
            [named("silent_4"), named("other_4")],
            [named("silent_5"), named("other_5")],
            [named("silent_6"), named("other_6")],
            [named("silent_7"), named("other_7")],
        ];
        &NAMES[N]
    }

    fn period_s(&self) -> u32 {
        self.0
    }

    async fn sample(&mut self, values: &mut [Value]) {
        values[0] = Value::good(7);
        core::future::pending().await
    }
}

const fn named(name: &'static str) -> Channel {
    Channel {
        name,
        unit: None,
        decimals: 0,
    }
}

/// An instrument that says after a while of its own that there is nothing.
struct Slow;

impl Sensor for Slow {
    fn channels(&self) -> &'static [Channel] {
        const CHANNELS: [Channel; 1] = [named("slow")];
        &CHANNELS
    }

    fn period_s(&self) -> u32 {
        1
    }

    async fn sample(&mut self, _values: &mut [Value]) {
        time::sleep(3 * SECOND_US).await;
    }
}

fn count(world: &World, name: &str) -> u64 {
    let entries = world.device.ledger.0.borrow();
    let of = entries.queued.values().filter(|(of, _)| *of == name);
    of.count() as u64
}

fn a_day(sensors: impl Sensors) -> World {
    let world = World::far();
    let config = Config {
        health_period_s: 60,
        ..config()
    };
    world.boot(config, sensors, DAY_US);
    world
}

const GOOD: TrueTime = TrueTime { period_s: 60 };

#[test]
fn silent_instruments_of_any_period_do_not_keep_the_others_from_their_turn() {
    let two = (Silent::<0>(5), Silent::<1>(5), GOOD);
    let three = (Silent::<0>(10), Silent::<1>(10), Silent::<2>(10), GOOD);
    let four = (
        (Silent::<0>(15)),
        Silent::<1>(15),
        Silent::<2>(15),
        Silent::<3>(1),
        GOOD,
    );
    let seven = (
        Silent::<0>(1),
        Silent::<1>(1),
        Silent::<2>(1),
        Silent::<3>(1),
        Silent::<4>(1),
        Silent::<5>(1),
        Silent::<6>(30),
        GOOD,
    );
    for world in [a_day(two), a_day(three), a_day(four), a_day(seven)] {
        for name in ["true_second", "uptime"] {
            let sampled = count(&world, name);
            assert!(sampled >= 1435, "{name}: {sampled} of 1440");
        }
    }
}

#[test]
fn silent_instruments_take_a_quarter_of_the_time_together_and_share_it() {
    let silent = (Silent::<0>(10), Silent::<1>(1), Silent::<2>(10), GOOD);
    let world = a_day(silent);
    let names = ["silent_0", "silent_1", "silent_2"];
    let asked = names.map(|name| count(&world, name));
    let all: u64 = asked.iter().sum();
    // Each takes five seconds.
    assert!(5 * all <= 86_400 / 4 + 15, "{asked:?}");
    assert!(asked.iter().all(|one| *one >= 1400), "{asked:?}");
}

#[test]
fn an_instrument_of_a_second_goes_on_beside_silent_ones() {
    let each_second = TrueTime { period_s: 1 };
    let world = a_day((Silent::<0>(5), Silent::<1>(5), Slow, each_second));
    let sampled = count(&world, "true_second");
    assert!(sampled >= 86_400 * 7 / 10, "{sampled} of 86,400");
}

#[test]
fn a_command_cannot_make_silent_instruments_keep_the_others_from_their_turn() {
    let world = World::far();
    let network = world.network.clone();
    let config = Config {
        health_period_s: 900,
        ..config()
    };
    world.boot_with(
        config,
        (Silent::<0>(60), Silent::<1>(60), GOOD),
        async move {
            time::sleep(HOUR_US).await;
            for (id, channel) in [("a", "silent_0"), ("b", "silent_1")] {
                let often = format!(r#"{{"id":"{id}","channel":"{channel}","seconds":5}}"#);
                network.command(NAME, "period", &often);
                time::sleep(MINUTE_US).await;
            }
            time::sleep(23 * HOUR_US).await;
        },
    );
    let (good, health) = (count(&world, "true_second"), count(&world, "uptime"));
    assert!(good >= 1435 && health >= 95, "{good} {health}");
}

#[test]
fn what_an_instrument_had_written_before_it_took_too_long_is_not_kept() {
    let world = World::far();
    world.boot(config(), (Silent::<0>(60), GOOD), HOUR_US);
    let entries = world.device.ledger.0.borrow();
    let mut half = entries.queued.values().filter(|(of, _)| *of == "silent_0");
    assert!(half.all(|(_, value)| *value == 0), "a half-written value");
    assert!(count(&world, "silent_0") >= 59);
}
