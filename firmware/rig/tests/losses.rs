//! What a device couldn't send or keep is counted, ever.
#![allow(clippy::unwrap_used, reason = "a test fails that way")]

use nhip_node::{Config, RING_READINGS_MAX};
use nhip_rig::{
    device::{LONG_NAME, TrueTime, Wordy},
    time::{self, HOUR_US, MINUTE_US, SECOND_US},
    world::{NAME, World, config},
};

fn reporting() -> Config<'static> {
    Config {
        health_period_s: 900,
        ..config()
    }
}

/// What the device has said of readings that went unsent, in the order of saying.
fn reported(world: &World) -> Vec<u64> {
    let store = world.stored();
    let counts = store.stored.values();
    let counts = counts.filter(|stored| stored.name == "queue_evicted");
    counts.map(|stored| stored.value as u64).collect()
}

fn queued(world: &World, name: &str) -> u64 {
    let entries = world.device.ledger.0.borrow();
    let of = entries.queued.values().filter(|(of, _)| *of == name);
    of.count() as u64
}

#[test]
fn what_fits_into_no_message_stays_counted_over_restarts() {
    let world = World::far();
    world.network.0.borrow_mut().broker.packet_bytes_max = Some(100);
    for _ in 0..4 {
        // Its power just goes.
        world.boot(reporting(), (Wordy,), 6 * HOUR_US + 7 * MINUTE_US);
    }
    let network = world.network.clone();
    world.boot_with(reporting(), (Wordy,), async move {
        time::sleep(MINUTE_US).await;
        network.command(NAME, "reboot", r#"{"id":"r"}"#);
        time::sleep(MINUTE_US).await;
    });
    world.boot(reporting(), (Wordy,), HOUR_US);
    let reported = reported(&world);
    assert!(reported.is_sorted(), "{reported:?}");
    let (last, queued) = (*reported.last().unwrap(), queued(&world, LONG_NAME));
    // Those of the newest quarter of an hour aren't in it, and a cut may count a few twice.
    assert!(
        last + 4 >= queued && last <= queued + 5,
        "{last} of {queued}"
    );
}

#[test]
fn what_was_lost_while_the_flash_failed_stays_counted_over_restarts() {
    let world = World::far();
    let chip = world.device.chip.clone();
    let each_second = (TrueTime { period_s: 1 },);
    let network = world.network.clone();
    let (mut failed, lasts_s) = (0, 120);
    world.boot_with(reporting(), each_second, async {
        time::sleep(5 * MINUTE_US).await;
        chip.cut_after(0);
        time::sleep(lasts_s * SECOND_US).await;
        chip.restore();
        failed = lasts_s * 2;
        time::sleep(HOUR_US).await;
        network.command(NAME, "reboot", r#"{"id":"r"}"#);
        time::sleep(MINUTE_US).await;
    });
    world.boot(reporting(), each_second, HOUR_US);
    let reported = reported(&world);
    let last = *reported.last().unwrap();
    let lost = failed - RING_READINGS_MAX as u64;
    // A retry after the flash is back takes five seconds.
    assert!((lost..=lost + 12).contains(&last), "{reported:?}");
    assert!(reported.is_sorted(), "{reported:?}");
}
