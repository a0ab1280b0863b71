//! What a reading costs: bytes of flash, page erasures, bytes on the wire.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test")]

use nhip_node::{Channel, Config, Node, Sensor, Value};
use nhip_rig::{
    device::Device,
    flash::Chip,
    network::Network,
    random::Random,
    time::{self, DAY_US},
};

/// A river: a level that changes by some millimetres from sample to sample.
struct River {
    random: Random,
    level_mm: i32,
}

impl Sensor for River {
    fn channels(&self) -> &'static [Channel] {
        const CHANNELS: [Channel; 1] = [Channel {
            name: "water_level",
            unit: Some("m"),
            decimals: 3,
        }];
        &CHANNELS
    }

    async fn sample(&mut self, values: &mut [Value]) {
        self.level_mm += self.random.between(0, 20) as i32 - 10;
        values.fill(Value::good(self.level_mm));
    }
}

struct Cost {
    flash_bytes: f64,
    erasures_a_year: f64,
    wire_bytes: f64,
}

/// Thirty days of one reading a minute.
fn measure(config: Config<'static>) -> Cost {
    let network = Network::fair();
    let device = Device::default();
    let days = 30;
    let river = River {
        random: Random::new(7),
        level_mm: 1200,
    };
    let parts = device.parts(&network, Chip::layout(), (river,), Random::new(1), 20);
    time::run(async {
        let mut node = Node::start(config, parts).unwrap();
        embassy_futures::select::select(node.run(), time::sleep(days * DAY_US)).await;
    });
    let readings = device.ledger.0.borrow().queued.len() as f64;
    let state = network.0.borrow();
    Cost {
        flash_bytes: device.chip.written() as f64 / readings,
        erasures_a_year: device.chip.erased_pages() as f64 * 365.0 / days as f64,
        wire_bytes: state.broker.bytes.0 as f64 / readings,
    }
}

fn config() -> Config<'static> {
    Config {
        health_period_s: 0,
        batch_age_s: 600,
        keep_alive_s: 3600,
        ..Config::new("gauge-00001")
    }
}

#[test]
fn one_reading_a_minute_written_at_once() {
    let cost = measure(config());
    eprintln!(
        "at once: {:.1} B flash a reading, {:.0} page erasures a year, {:.1} B on the wire",
        cost.flash_bytes, cost.erasures_a_year, cost.wire_bytes
    );
    assert!(cost.flash_bytes <= 24.0);
    assert!(cost.erasures_a_year < 3000.0);
    assert!(cost.wire_bytes <= 14.0);
}

#[test]
fn one_reading_a_minute_gathered_for_two_minutes() {
    let cost = measure(Config {
        gather_s: 119,
        ..config()
    });
    eprintln!(
        "gathered: {:.1} B flash a reading, {:.0} page erasures a year, {:.1} B on the wire",
        cost.flash_bytes, cost.erasures_a_year, cost.wire_bytes
    );
    assert!(cost.flash_bytes <= 14.0);
    assert!(cost.erasures_a_year < 2000.0);
}
