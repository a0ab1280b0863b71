//! Readings of a device whose clock isn't set, or was set long ago.
#![allow(clippy::unwrap_used, reason = "a test fails that way")]

use nhip_node::{Config, Node, time::ERROR_MAX_US};
use nhip_rig::{
    device::{EVERY_MINUTE, TrueTime},
    flash::Chip,
    network::{EPOCH_US, Weather, true_unix_us},
    platform::Store,
    random::Random,
    time::{self, DAY_US, HOUR_US, MINUTE_US, SECOND_US},
    world::{NAME, World, config},
};

/// By how much the readings of true seconds are off, ms; and whether they say so.
fn errors_ms(store: &Store) -> Vec<(u64, bool)> {
    let seconds = store.stored.values();
    let seconds = seconds.filter(|stored| stored.name == "true_second");
    let off = |ms: i64, value: f64| ms.abs_diff(value as i64 * 1000);
    seconds
        .map(|stored| (off(stored.time_ms, stored.value), stored.doubtful))
        .collect()
}

#[test]
fn without_a_time_server_readings_arrive_however_short_connections_are() {
    for minutes in [15, 10, 5, 2] {
        let world = World::far();
        world.network.0.borrow_mut().time_error_us = None;
        let network = world.network.clone();
        world.boot_with(config(), EVERY_MINUTE, async move {
            for _ in 0..24 * 60 / minutes {
                time::sleep(minutes * MINUTE_US).await;
                network.reset();
            }
        });
        let (queued, stored) = (world.queued(), world.stored());
        let arrived = stored.stored.len();
        assert!(
            arrived + 40 >= queued,
            "{arrived} of {queued} at {minutes} min"
        );
        assert!(errors_ms(&stored).iter().all(|(off, _)| *off <= 2000));
    }
}

#[test]
fn a_connection_after_an_outage_gives_the_time_server_a_moment_before_ages_are_sent() {
    let world = World::far();
    let network = world.network.clone();
    network.0.borrow_mut().time_error_us = None;
    world.boot_with(config(), EVERY_MINUTE, async move {
        time::sleep(MINUTE_US).await;
        network.set(Weather::Down);
        time::sleep(6 * HOUR_US).await;
        network.0.borrow_mut().time_error_us = Some(0);
        network.set(Weather::Fair);
        time::sleep(HOUR_US).await;
    });
    let errors = errors_ms(&world.stored());
    assert!(errors.len() > 400, "{}", errors.len());
    assert!(errors.iter().all(|(off, doubtful)| *off == 0 && !doubtful));
}

#[test]
fn what_crosses_a_threshold_goes_at_once_though_the_clock_is_not_set() {
    let world = World::far();
    world.network.0.borrow_mut().time_error_us = None;
    let network = world.network.clone();
    let config = Config {
        batch_age_s: 3600,
        batch_readings: 60,
        ..config()
    };
    let crosses_min = (true_unix_us() / MINUTE_US as i64) + 33;
    world.boot_with(config, (TrueTime { period_s: 10 },), async move {
        time::sleep(30 * MINUTE_US).await;
        network.reset();
        time::sleep(SECOND_US).await;
        let high = crosses_min - 1;
        let threshold = format!(r#"{{"id":"t","channel":"true_minute","high":{high}}}"#);
        network.command(NAME, "threshold", &threshold);
        time::sleep(40 * MINUTE_US).await;
    });
    let crossed_us = (crosses_min * MINUTE_US as i64 - EPOCH_US) as u64;
    let state = world.network.0.borrow();
    let readings = state.broker.published.iter();
    let sent_us = readings
        .filter(|message| message.topic.ends_with("compact"))
        .map(|message| message.at_us)
        .find(|at_us| *at_us >= crossed_us);
    let late_us = sent_us.unwrap() - crossed_us;
    assert!(late_us <= 11 * SECOND_US, "{late_us} µs late");
}

/// A device that can't reach anything for days, with a crystal that runs fast by so much.
fn undated(days: u64, drift_ppm: i64, restarts: bool) -> Store {
    let world = World::far();
    world.network.set(Weather::Down);
    let network = world.network.clone();
    let parts = |drift_ppm| {
        let sensors = (TrueTime { period_s: 600 },);
        let entropy = Random::new(5);
        world
            .device
            .parts(&world.network, Chip::layout(), sensors, entropy, drift_ppm)
    };
    time::run(async {
        let mut node = Node::start(config(), parts(drift_ppm)).unwrap();
        let happens = async {
            time::sleep(days * DAY_US).await;
            network.set(Weather::Fair);
            network.0.borrow_mut().broker.refuse = restarts.then_some(0x97);
            time::sleep(2 * HOUR_US).await;
        };
        embassy_futures::select::select(node.run(), happens).await;
    });
    if restarts {
        world.network.0.borrow_mut().broker.refuse = None;
        time::run(async {
            let mut node = Node::start(config(), parts(0)).unwrap();
            embassy_futures::select::select(node.run(), time::sleep(2 * HOUR_US)).await;
        });
    }
    world.stored()
}

#[test]
fn readings_that_were_undated_for_long_are_doubtful_once_the_drift_may_be_too_much() {
    for (days, drift_ppm) in [(1, 80), (3, -80), (7, 80)] {
        for restarts in [false, true] {
            let store = undated(days, drift_ppm, restarts);
            let errors = errors_ms(&store);
            assert!(errors.len() as u64 >= days * 144, "{}", errors.len());
            let mut exact = errors.iter().filter(|(_, doubtful)| !doubtful);
            // Samples are rounded to the second.
            let bound_ms = ERROR_MAX_US / 1000 + 500;
            let worst = exact.clone().max();
            assert!(
                exact.all(|(off, _)| *off <= bound_ms),
                "{days} d {restarts}: {worst:?}"
            );
            // Half a day at 100 ppm is below it.
            let exact = errors.iter().filter(|(_, doubtful)| !doubtful).count();
            assert!(exact >= 72, "{exact} of {}", errors.len());
        }
    }
}

#[test]
fn what_is_queued_when_the_clock_is_stepped_is_doubtful() {
    for lie_s in [3600, -3600] {
        let world = World::far();
        let network = world.network.clone();
        network.0.borrow_mut().time_error_us = Some(lie_s * SECOND_US as i64);
        world.boot_with(config(), EVERY_MINUTE, async move {
            time::sleep(SECOND_US).await;
            // Nothing leaves the queue meanwhile.
            network.0.borrow_mut().broker.refuse = Some(0x97);
            time::sleep(90 * MINUTE_US).await;
            network.0.borrow_mut().time_error_us = Some(0);
            time::sleep(3 * HOUR_US).await;
            network.0.borrow_mut().broker.refuse = None;
            time::sleep(HOUR_US).await;
        });
        let errors = errors_ms(&world.stored());
        let wrong = errors.iter().filter(|(off, _)| *off > 5000).count();
        assert!(wrong >= 80, "{wrong} were dated by the lie of {lie_s} s");
        let said = errors.iter().filter(|(off, doubt)| *off > 5000 && *doubt);
        assert_eq!(said.count(), wrong, "{lie_s}");
    }
}

#[test]
fn a_time_server_that_jumps_back_is_followed_when_it_insists() {
    let world = World::far();
    let network = world.network.clone();
    world.boot_with(config(), EVERY_MINUTE, async move {
        time::sleep(30 * MINUTE_US).await;
        network.0.borrow_mut().time_error_us = Some(-3600 * 1_000_000);
        time::sleep(3 * HOUR_US).await;
    });
    let store = world.stored();
    let mut seconds = store.stored.values();
    let last = seconds
        .rfind(|stored| stored.name == "true_second")
        .unwrap();
    assert_eq!(last.time_ms - last.value as i64 * 1000, -3_600_000);
    assert!(store.stored.len() + 6 >= world.queued());
    // One reading a minute, though the clock has shown an hour twice.
    let sampled = errors_ms(&store).len();
    assert!((205..=212).contains(&sampled), "{sampled}");
}
