//! A simulated device: its parts, and the ledger of everything it queued.

use crate::{
    flash::Chip,
    network::{Network, true_unix_us},
    random::Random,
    time::VirtualClock,
};
use nhip_node::{
    Channel, Journal, LinkEvent, Parts, Platform, Queued, ResetCause, Sensor, System, Value,
    flash::Layout,
};
use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

/// The channels of an instrument whose values are the true time at which it was sampled.
pub const TRUE_TIME: [Channel; 2] = [
    Channel {
        name: "true_minute",
        unit: None,
        decimals: 0,
    },
    Channel {
        name: "true_second",
        unit: None,
        decimals: 0,
    },
];

/// Samples the true time: whatever happens to a reading, it says when it was measured.
#[derive(Clone, Copy, Debug)]
pub struct TrueTime {
    /// How often it is sampled, s.
    pub period_s: u32,
}

impl Sensor for TrueTime {
    fn channels(&self) -> &'static [Channel] {
        &TRUE_TIME
    }

    fn period_s(&self) -> u32 {
        self.period_s
    }

    async fn sample(&mut self, values: &mut [Value]) {
        let seconds = true_unix_us() / 1_000_000;
        for (value, scaled) in values.iter_mut().zip([seconds / 60, seconds]) {
            *value = Value::good(scaled as i32);
        }
    }
}

/// The true time, once a minute.
pub const EVERY_MINUTE: (TrueTime,) = (TrueTime { period_s: 60 },);

/// A name that leaves no room for a reading in a packet of 100 bytes.
pub const LONG_NAME: &str = "a-name-of-a-datastream-that-has-sixty-three-bytes-as-names-may1";

/// An instrument whose channel has the longest name.
#[derive(Clone, Copy, Debug)]
pub struct Wordy;

impl Sensor for Wordy {
    fn channels(&self) -> &'static [Channel] {
        const CHANNELS: [Channel; 1] = [Channel {
            name: LONG_NAME,
            unit: None,
            decimals: 0,
        }];
        &CHANNELS
    }

    fn period_s(&self) -> u32 {
        600
    }

    async fn sample(&mut self, values: &mut [Value]) {
        values.fill(Value::good(1));
    }
}

/// What a device queued and what its link did.
#[derive(Clone, Default)]
pub struct Ledger(pub Rc<RefCell<Entries>>);

/// The ledger's entries.
#[derive(Default)]
pub struct Entries {
    /// By boot and seq: the channel's name, the value.
    pub queued: BTreeMap<(u32, u64), (&'static str, i32)>,
    /// What the link did.
    pub link: Vec<LinkEvent>,
}

impl Journal for Ledger {
    fn queued(&mut self, queued: &Queued, channel: &Channel) {
        let entry = (channel.name, queued.reading.value.scaled);
        let key = (queued.boot, queued.seq);
        let before = self.0.borrow_mut().queued.insert(key, entry);
        assert_eq!(before, None, "{key:?} was given out twice");
    }

    fn link(&mut self, event: LinkEvent) {
        self.0.borrow_mut().link.push(event);
    }
}

/// What the board was told.
#[derive(Clone, Default)]
pub struct Lamp(pub Rc<RefCell<Board>>);

/// The state of a simulated board.
#[derive(Default)]
pub struct Board {
    /// How often the watchdog was fed.
    pub fed: u64,
    /// Whether the lamp is on.
    pub on: bool,
    /// How often it was lit.
    pub lit: u64,
}

impl System for Lamp {
    fn feed_watchdog(&mut self) {
        self.0.borrow_mut().fed += 1;
    }

    fn identify(&mut self, on: bool) {
        let mut board = self.0.borrow_mut();
        board.on = on;
        board.lit += u64::from(on);
    }

    fn reset_cause(&mut self) -> ResetCause {
        ResetCause::PowerOn
    }

    fn supply_mv(&mut self) -> Option<u32> {
        Some(3300)
    }
}

/// The platform of a simulated device with instruments of a type.
pub struct Simulated<S>(core::marker::PhantomData<S>);

impl<S: nhip_node::Sensors> Platform for Simulated<S> {
    type Flash = Chip;
    type Clock = VirtualClock;
    type Connector = Network;
    type Time = Network;
    type Entropy = Random;
    type System = Lamp;
    type Sensors = S;
    type Journal = Ledger;
}

/// What stays of a device when its power goes.
#[derive(Clone, Default)]
pub struct Device {
    /// Its flash.
    pub chip: Chip,
    /// What it queued.
    pub ledger: Ledger,
    /// Its lamp.
    pub lamp: Lamp,
}

impl Device {
    /// The parts with which it boots.
    pub fn parts<S: nhip_node::Sensors>(
        &self,
        network: &Network,
        layout: Layout,
        sensors: S,
        entropy: Random,
        drift_ppm: i64,
    ) -> Parts<Simulated<S>> {
        Parts {
            flash: self.chip.clone(),
            layout,
            clock: VirtualClock::start(drift_ppm),
            connector: network.clone(),
            time: network.clone(),
            entropy,
            system: self.lamp.clone(),
            sensors,
            journal: self.ledger.clone(),
        }
    }
}
