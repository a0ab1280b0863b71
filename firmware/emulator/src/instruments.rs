//! Instruments whose every value can be told from every other.

use crate::{
    ledger::{Ledger, Line},
    world::WorldClock,
};
use core::cell::RefCell;
use nhip_node::{Channel, Sensor, Value};

/// The world outside of the device.
#[derive(Debug)]
pub struct World {
    /// What happened.
    pub ledger: Ledger,
    /// When.
    pub clock: WorldClock,
}

/// Counts the lines of the ledger: no value comes twice, over all of a device's lives.
pub struct Counter<'w> {
    world: &'w RefCell<World>,
    channels: &'static [Channel; 1],
    period_s: u32,
    factor: i32,
}

const COUNT: [Channel; 1] = [Channel {
    name: "count",
    unit: None,
    decimals: 0,
}];
const LEVEL: [Channel; 1] = [Channel {
    name: "level",
    unit: Some("m"),
    decimals: 3,
}];

impl<'w> Counter<'w> {
    /// `count`, without a unit.
    pub fn count(world: &'w RefCell<World>, period_s: u32) -> Self {
        Self {
            world,
            channels: &COUNT,
            period_s,
            factor: 1,
        }
    }

    /// `level`, every minute, in metres with three decimals: the count in threes.
    pub fn level(world: &'w RefCell<World>) -> Self {
        Self {
            world,
            channels: &LEVEL,
            period_s: 60,
            factor: 3,
        }
    }

    fn measure(&self) -> Option<i32> {
        let mut world = self.world.borrow_mut();
        let scaled = i32::try_from(world.ledger.lines().ok()?).ok()? * self.factor;
        let now_cs = world.clock.now_cs().ok()?;
        let mut line = Line::about("measured");
        line.number(now_cs)
            .word(self.channels[0].name)
            .number(scaled.into());
        world.ledger.add(&line).ok()?;
        Some(scaled)
    }
}

impl Sensor for Counter<'_> {
    fn channels(&self) -> &'static [Channel] {
        self.channels
    }

    fn period_s(&self) -> u32 {
        self.period_s
    }

    async fn sample(&mut self, values: &mut [Value]) {
        if let (Some(value), Some(scaled)) = (values.first_mut(), self.measure()) {
            *value = Value::good(scaled);
        }
    }
}
