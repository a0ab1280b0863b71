//! Months of a device's life: outages, resets, power cuts in the middle of a write, drift.
#![allow(clippy::unwrap_used, reason = "a test fails that way")]

use nhip_node::{Channel, Config, HEALTH_CHANNELS, Node, Stop, time::ERROR_MAX_US};
use nhip_rig::{
    device::{Device, TRUE_TIME, TrueTime},
    flash::Chip,
    network::{Network, Weather},
    platform::Store,
    random::Random,
    time::{self, DAY_US, HOUR_US},
};

/// The device's table of channels.
fn channels() -> Vec<Channel> {
    TRUE_TIME.into_iter().chain(HEALTH_CHANNELS).collect()
}

/// One device's life of so many days, as a seed has it.
struct Life {
    random: Random,
    network: Network,
    device: Device,
    pages: u32,
    until_us: u64,
}

impl Life {
    fn new(seed: u64, days: u64, pages: u32) -> Self {
        let network = Network::fair();
        network.0.borrow_mut().latency_us = 40_000;
        Self {
            random: Random::new(seed),
            network,
            device: Device::default(),
            pages,
            until_us: time::now_us() + days * DAY_US,
        }
    }

    fn config() -> Config<'static> {
        Config {
            health_period_s: 3600,
            ..Config::new("gauge-1")
        }
    }

    /// One boot, until the power goes or the life ends. The weather changes meanwhile.
    fn boot(&mut self, drift_ppm: i64, ends_us: u64, cut: Option<u64>) {
        let sensors = (TrueTime { period_s: 60 },);
        let layout = Chip::layout_of(self.pages);
        let entropy = Random::new(self.random.bits());
        let parts = self
            .device
            .parts(&self.network, layout, sensors, entropy, drift_ppm);
        let chip = self.device.chip.clone();
        let (network, mut random) = (self.network.clone(), self.random.clone());
        self.random.bits();
        time::run(async move {
            let Ok(mut node) = Node::start(Self::config(), parts) else {
                // The power went while it started.
                return;
            };
            let forecast = Random::new(random.bits());
            let life = async {
                if let Some(bytes) = cut {
                    time::sleep_until(ends_us.saturating_sub(random.between(1, 120) * 1_000_000))
                        .await;
                    chip.cut_after(bytes);
                }
                time::sleep_until(ends_us).await;
            };
            let weather = weather(&network, forecast);
            let device = async {
                assert_eq!(node.run().await, Stop::Restart);
            };
            embassy_futures::select::select3(device, life, weather).await;
        });
        self.device.chip.restore();
    }

    fn live(&mut self) {
        while time::now_us() < self.until_us {
            let lasts_us = match self.random.below(4) {
                0 => self.random.between(1, 600) * 1_000_000,
                1 => self.random.between(1, 24) * HOUR_US,
                _ => self.random.between(1, 10) * DAY_US,
            };
            let ends_us = (time::now_us() + lasts_us).min(self.until_us);
            let cut = (self.random.below(3) > 0).then(|| self.random.below(400));
            let drift_ppm = self.random.between(0, 160) as i64 - 80;
            self.boot(drift_ppm, ends_us, cut);
            time::run(time::sleep(self.random.below(3600) * 1_000_000));
        }
    }

    /// A last boot with everything in order, until the queue is empty.
    fn drain(&mut self) {
        self.network.set(Weather::Fair);
        {
            let mut state = self.network.0.borrow_mut();
            state.broker.swallow_acks = false;
            state.broker.refuse = None;
            state.break_after = None;
            state.time_error_us = Some(0);
        }
        let sensors = (TrueTime { period_s: 86_400 },);
        let entropy = Random::new(self.random.bits());
        let layout = Chip::layout_of(self.pages);
        let parts = self
            .device
            .parts(&self.network, layout, sensors, entropy, 0);
        time::run(async move {
            let mut node = Node::start(Self::config(), parts).unwrap();
            let over = time::sleep(2 * HOUR_US);
            embassy_futures::select::select(node.run(), over).await;
            assert!(
                node.store().pending() < 10,
                "{} left",
                node.store().pending()
            );
        });
    }

    /// What was promised: nothing that entered the queue is missing unless counted as evicted,
    /// nothing came that was never queued, and what is dated is dated right.
    fn check(&mut self) -> Checked {
        let layout = Chip::layout_of(self.pages);
        let chip = self.device.chip.clone();
        let mut left = std::collections::BTreeSet::new();
        let mut store = nhip_node::flash::Store::mount(chip, &layout, &channels(), 1).unwrap();
        let each = |queued: nhip_node::Queued| {
            left.insert((queued.boot, queued.seq));
        };
        store.for_each_pending(each).unwrap();
        let evicted = store.evicted();
        let state = self.network.0.borrow();
        let received = Store::of("gauge-1", &state.broker.published);
        let entries = self.device.ledger.0.borrow();
        let mut missing = 0;
        for (key, (name, value)) in &entries.queued {
            match received.stored.get(key) {
                Some(stored) => {
                    assert_eq!(stored.name, *name, "{key:?}");
                    if name.starts_with("true_") {
                        assert_eq!(stored.value, f64::from(*value), "{key:?}");
                    }
                }
                None if left.contains(key) => {}
                None => missing += 1,
            }
        }
        assert!(
            missing <= evicted,
            "{missing} missing, {evicted} counted as evicted"
        );
        for (key, stored) in &received.stored {
            if stored.name == "true_second" && !stored.doubtful {
                let off_ms = stored.time_ms - stored.value as i64 * 1000;
                assert!(
                    off_ms.unsigned_abs() <= ERROR_MAX_US / 1000 + 1000,
                    "{key:?} {stored:?} off by {off_ms} ms"
                );
            }
        }
        Checked {
            queued: entries.queued.len() as u64,
            evicted,
            missing,
            received,
        }
    }
}

/// What became of a life's readings.
struct Checked {
    queued: u64,
    evicted: u64,
    missing: u64,
    received: Store,
}

/// Outages, black holes, swallowed acknowledgements, a broker that forgets, a time server that
/// is away.
async fn weather(network: &Network, mut random: Random) {
    loop {
        network.set(Weather::Fair);
        {
            let mut state = network.0.borrow_mut();
            state.broker.swallow_acks = false;
            state.broker.refuse = None;
            state.time_error_us = Some(0);
        }
        time::sleep(random.between(1, 36) * HOUR_US).await;
        match random.below(8) {
            0 => network.set(Weather::BlackHole),
            1 | 2 => network.set(Weather::Down),
            3 => network.0.borrow_mut().broker.swallow_acks = true,
            4 => network.0.borrow_mut().broker.refuse = Some(0x97),
            5 => network.0.borrow_mut().broker.forget(),
            6 => network.0.borrow_mut().break_after = Some(random.between(1, 5_000)),
            _ => network.0.borrow_mut().time_error_us = None,
        }
        let lasts_us = match random.below(3) {
            0 => random.between(1, 600) * 1_000_000,
            1 => random.between(1, 12) * HOUR_US,
            _ => random.between(1, 4) * DAY_US,
        };
        time::sleep(lasts_us).await;
    }
}

#[test]
fn three_months_lose_nothing_that_was_queued() {
    for seed in 0..4 {
        let mut life = Life::new(seed, 90, 14);
        life.live();
        life.drain();
        let Checked {
            queued,
            evicted,
            received,
            ..
        } = life.check();
        assert!(queued > 100_000, "{queued}");
        eprintln!(
            "seed {seed}: {queued} queued, {evicted} evicted, {} stored, {} duplicates, {} messages, {} B flash",
            received.stored.len(),
            received.duplicates,
            received.messages,
            life.device.chip.written(),
        );
    }
}

#[test]
fn a_small_queue_counts_what_it_evicts() {
    for seed in 10..14 {
        let mut life = Life::new(seed, 30, 3);
        life.live();
        life.drain();
        let Checked {
            queued, evicted, ..
        } = life.check();
        assert!(queued > 50_000 && evicted > 0, "{queued} {evicted}");
    }
}

/// Where nothing but the network fails, both sides know what was acknowledged, and so the count of
/// evictions is that of the missing readings.
#[test]
fn outages_cost_exactly_what_is_counted() {
    for seed in 20..24 {
        let mut life = Life::new(seed, 30, 3);
        life.network.0.borrow_mut().latency_us = 0;
        let layout = Chip::layout_of(life.pages);
        let sensors = (TrueTime { period_s: 60 },);
        let entropy = Random::new(life.random.bits());
        let parts = life
            .device
            .parts(&life.network, layout, sensors, entropy, 0);
        let (network, mut random) = (life.network.clone(), life.random.clone());
        let until_us = life.until_us;
        time::run(async move {
            let mut node = Node::start(Life::config(), parts).unwrap();
            let outages = async {
                while time::now_us() < until_us {
                    network.set(Weather::Down);
                    time::sleep(random.between(1, 36) * HOUR_US).await;
                    network.set(Weather::Fair);
                    time::sleep(random.between(1, 12) * HOUR_US).await;
                }
            };
            embassy_futures::select::select(node.run(), outages).await;
        });
        life.drain();
        let checked = life.check();
        assert!(checked.evicted > 1_000, "{}", checked.evicted);
        assert_eq!(checked.missing, checked.evicted, "seed {seed}");
    }
}
