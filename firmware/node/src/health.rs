//! What a device reports on itself, as readings like any others.

use crate::{
    platform::{Platform, System},
    reading::{Channel, Value},
    shared::Shared,
};
use nhip_wire::Quality;

/// The channels on which every device reports on itself, behind its instruments' own.
pub const HEALTH_CHANNELS: [Channel; 8] = [
    channel("supply_voltage", Some("V"), 3),
    channel("rssi", Some("dB[mW]"), 0),
    channel("queue_free", Some("%"), 0),
    channel("queue_evicted", Some("1"), 0),
    channel("restarts", Some("1"), 0),
    channel("reset_cause", Some("1"), 0),
    channel("clock_error", Some("s"), 3),
    channel("uptime", Some("s"), 0),
];

const fn channel(name: &'static str, unit: Option<&'static str>, decimals: u8) -> Channel {
    Channel {
        name,
        unit,
        decimals,
    }
}

/// The report; none where the board can't tell. What it says of losses is in flash before.
pub(crate) fn report<P: Platform>(
    shared: &Shared<'_, P>,
) -> [Option<Value>; HEALTH_CHANNELS.len()] {
    let (free, evicted, starts) = {
        let mut store = shared.store.borrow_mut();
        // An error leaves it in RAM, for the next report.
        let _ = store.keep_lost();
        (store.free_percent(), store.evicted(), store.starts())
    };
    let now = shared.now();
    let error_us = shared.time.borrow().error_us(now);
    let mut system = shared.system.borrow_mut();
    [
        system.supply_mv().map(i64::from),
        system.signal_dbm().map(i64::from),
        Some(free.into()),
        Some(evicted as i64),
        Some(starts.into()),
        Some(system.reset_cause() as i64),
        error_us.map(|us| us.div_ceil(1000) as i64),
        Some((now / 1_000_000) as i64),
    ]
    .map(|found| found.map(saturated))
}

/// A count that outgrows the reading stays at the largest, and says that it is doubtful.
fn saturated(value: i64) -> Value {
    match i32::try_from(value) {
        Ok(scaled) => Value::good(scaled),
        Err(_) => Value {
            scaled: i32::MAX,
            quality: Quality::Suspect,
        },
    }
}
