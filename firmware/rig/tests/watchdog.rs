//! When the watchdog is fed, and when not.
#![allow(clippy::unwrap_used, reason = "a test fails that way")]

use nhip_node::{Clock, FEED_EVERY_US, Node, Parts, Platform, STALL_US};
use nhip_rig::{
    device::{Lamp, Ledger, TrueTime},
    flash::Chip,
    network::{Network, Weather},
    random::Random,
    time::{self, HOUR_US, MINUTE_US, SECOND_US, VirtualClock},
    world::{World, config},
};
use std::{cell::Cell, rc::Rc};

/// A clock of which longer waits never end from some moment on, as those of a timer that was lost.
struct Lossy {
    clock: VirtualClock,
    losing: Rc<Cell<bool>>,
    lost: fn(u64) -> bool,
}

impl Clock for Lossy {
    fn uptime_us(&self) -> u64 {
        self.clock.uptime_us()
    }

    async fn sleep_until(&self, uptime_us: u64) {
        let long = uptime_us > self.uptime_us() + SHORT_US;
        if self.losing.get() && long && (self.lost)(uptime_us) {
            core::future::pending().await
        }
        self.clock.sleep_until(uptime_us).await;
    }
}

struct Stuck;

impl Platform for Stuck {
    type Flash = Chip;
    type Clock = Lossy;
    type Connector = Network;
    type Time = Network;
    type Entropy = Random;
    type System = Lamp;
    type Sensors = (TrueTime,);
    type Journal = Ledger;
}

/// How often it was fed in the ten minutes before and behind the moment at which timers get lost.
fn fed(weather: Weather, lost: fn(u64) -> bool) -> (u64, u64) {
    let world = World::far();
    world.network.set(weather);
    // Nobody asks for the time with success, so samples fall on full minutes of uptime.
    world.network.0.borrow_mut().time_error_us = None;
    let parts = world.device.parts(
        &world.network,
        Chip::layout(),
        (TrueTime { period_s: 60 },),
        Random::new(1),
        0,
    );
    let losing = Rc::new(Cell::new(false));
    let parts: Parts<Stuck> = Parts {
        flash: parts.flash,
        layout: parts.layout,
        clock: Lossy {
            clock: parts.clock,
            losing: losing.clone(),
            lost,
        },
        connector: parts.connector,
        time: parts.time,
        entropy: parts.entropy,
        system: parts.system,
        sensors: parts.sensors,
        journal: parts.journal,
    };
    let lamp = world.device.lamp.clone();
    time::run(async {
        let mut node = Node::start(config(), parts).unwrap();
        let happens = async {
            time::sleep(10 * MINUTE_US).await;
            let before = lamp.0.borrow().fed;
            losing.set(true);
            // The waits that have begun still end.
            time::sleep(11 * MINUTE_US + STALL_US + FEED_EVERY_US).await;
            let hung = lamp.0.borrow().fed;
            time::sleep(10 * MINUTE_US).await;
            (before, lamp.0.borrow().fed - hung)
        };
        match embassy_futures::select::select(node.run(), happens).await {
            embassy_futures::select::Either::Second(fed) => fed,
            embassy_futures::select::Either::First(stop) => panic!("{stop:?}"),
        }
    })
}

const SHORT_US: u64 = 6 * SECOND_US;

#[test]
fn the_watchdog_is_not_fed_when_sampling_hangs() {
    let (before, after) = fed(Weather::Fair, |until_us| until_us % MINUTE_US == 0);
    assert!(before >= 290, "{before}");
    assert_eq!(after, 0);
}

#[test]
fn the_watchdog_is_not_fed_when_the_link_hangs() {
    // Its pauses between two tries never end.
    let (before, after) = fed(Weather::Down, |until_us| until_us % MINUTE_US != 0);
    assert!(before >= 290, "{before}");
    assert_eq!(after, 0);
}

#[test]
fn the_watchdog_is_fed_in_time_whatever_the_network_does() {
    for weather in [Weather::Fair, Weather::Down, Weather::BlackHole] {
        let world = World::far();
        world.network.set(weather);
        let lamp = world.device.lamp.clone();
        let longest_us = Rc::new(Cell::new(0));
        let longest = longest_us.clone();
        let sensors = (TrueTime { period_s: 60 },);
        world.boot_with(config(), sensors, async move {
            let (mut fed, mut at_us) = (0, time::now_us());
            let begin_us = at_us;
            while time::now_us() - begin_us < HOUR_US {
                time::sleep(50_000).await;
                let now_fed = lamp.0.borrow().fed;
                if now_fed != fed {
                    (fed, at_us) = (now_fed, time::now_us());
                }
                longest.set(longest.get().max(time::now_us() - at_us));
            }
        });
        let longest_us = longest_us.get();
        assert!(longest_us <= FEED_EVERY_US + 200_000, "{longest_us} µs");
    }
}
