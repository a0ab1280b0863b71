//! Many devices of one broker, and two of one name.
#![allow(clippy::unwrap_used, reason = "a test fails that way")]

use nhip_node::{LinkEvent, Node};
use nhip_rig::{
    device::{Device, TrueTime},
    flash::Chip,
    platform::Store,
    random::Random,
    time::{self, HOUR_US, MINUTE_US, SECOND_US},
    world::{NAME, World, config},
};
use std::collections::BTreeMap;

#[test]
fn a_fleet_that_lost_its_broker_does_not_come_back_in_one_second() {
    let mut by_second: BTreeMap<u32, u32> = BTreeMap::new();
    for device in 0..200 {
        let world = World::far();
        time::run(time::sleep(device * 7919 * SECOND_US));
        let network = world.network.clone();
        world.boot_with(config(), (TrueTime { period_s: 60 },), async move {
            time::sleep(5 * MINUTE_US).await;
            // The broker restarts, and is up again at once.
            network.reset();
            time::sleep(MINUTE_US).await;
        });
        let entries = world.device.ledger.0.borrow();
        let down = entries.link.iter().find_map(|event| match event {
            LinkEvent::Down(ms) => Some(*ms),
            _ => None,
        });
        *by_second.entry(down.unwrap() / 1000).or_default() += 1;
    }
    let most = by_second.values().max().unwrap();
    assert!(by_second.len() >= 14 && *most <= 30, "{by_second:?}");
    let last = by_second.keys().next_back().unwrap();
    assert!(*last <= 16, "{by_second:?}");
}

/// Two devices of one name, of which each takes the other's connection over; then each alone.
fn twins(with_clock: bool) {
    let world = World::far();
    if !with_clock {
        world.network.0.borrow_mut().time_error_us = None;
    }
    let other = Device::default();
    let parts = |device: &Device, seed| {
        let sensors = (TrueTime { period_s: 60 },);
        device.parts(
            &world.network,
            Chip::layout(),
            sensors,
            Random::new(seed),
            0,
        )
    };
    time::run(async {
        let mut one = Node::start(config(), parts(&world.device, 1)).unwrap();
        let mut two = Node::start(config(), parts(&other, 2)).unwrap();
        let over = time::sleep(24 * HOUR_US);
        embassy_futures::select::select3(one.run(), two.run(), over).await;
    });
    let queued = |device: &Device| device.ledger.0.borrow().queued.len();
    let both = queued(&world.device) + queued(&other);
    let connects = world.network.0.borrow().broker.connects;
    assert!((20..1500).contains(&connects), "{connects}");
    let arrived = world.stored().stored.len();
    assert!(arrived + 240 >= both, "{arrived} of {both}");
    for (device, seed) in [(&world.device, 3), (&other, 4)] {
        time::run(async {
            let mut node = Node::start(config(), parts(device, seed)).unwrap();
            embassy_futures::select::select(node.run(), time::sleep(HOUR_US)).await;
        });
    }
    let store = Store::of(NAME, &world.network.0.borrow().broker.published);
    let mut missing = 0;
    for device in [&world.device, &other] {
        for (key, (name, value)) in &device.ledger.0.borrow().queued {
            match store.stored.get(key) {
                None => missing += 1,
                Some(stored) => {
                    let same = stored.name == *name && stored.value == f64::from(*value);
                    assert!(same, "{key:?} {stored:?}");
                }
            }
        }
    }
    let all = queued(&world.device) + queued(&other);
    // Only the newest batch of each may still wait; and nothing came that neither had queued.
    assert!(missing <= 8, "{missing} of {all}");
    assert_eq!(store.stored.len(), all - missing);
}

#[test]
fn two_devices_of_one_name_take_each_other_over_and_lose_nothing() {
    twins(true);
}

#[test]
fn two_devices_of_one_name_lose_nothing_without_a_clock_either() {
    twins(false);
}
