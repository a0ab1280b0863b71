//! A station's instruments: the city's models, with what goes wrong in an instrument.

use super::{drive::DeviceTime, time};
use crate::{
    city::{City, Property, Site},
    faults::{DeviceFaults, Faults},
    fleet::Kind,
};
use nhip_node::{Channel, HEALTH_CHANNELS, Sensors, Value};
use std::{
    cell::RefCell,
    rc::Rc,
    sync::{Arc, LazyLock},
};

/// What a kind of station measures, as a device's table of channels.
fn channels(kind: Kind) -> &'static [Channel] {
    static TABLES: LazyLock<[Vec<Channel>; 6]> = LazyLock::new(|| {
        Kind::ALL.map(|kind| {
            let channel = |property: &Property| Channel {
                name: property.name(),
                unit: Some(property.unit()),
                decimals: property.decimals(),
            };
            kind.properties().iter().map(channel).collect()
        })
    });
    &TABLES[kind as usize]
}

/// The whole table of channels of a device of that kind.
pub(in super::super) fn health_and(kind: Kind) -> Arc<[Channel]> {
    let measured = channels(kind).iter().copied();
    measured.chain(HEALTH_CHANNELS).collect()
}

/// The instruments of one station, all of which are read at once.
pub(super) struct Station {
    pub(super) kind: Kind,
    pub(super) period_s: u32,
    pub(super) site: Site,
    pub(super) city: Arc<City>,
    pub(super) time: Rc<DeviceTime>,
    /// What goes wrong in the instruments, over all boots.
    pub(super) faults: Rc<RefCell<DeviceFaults>>,
}

/// What goes wrong in instruments; the rest goes wrong elsewhere in a device.
pub(super) fn of_instruments(faults: &Faults) -> Faults {
    Faults {
        dropout_per_hour: faults.dropout_per_hour,
        dropout_s: faults.dropout_s,
        stuck_per_hour: faults.stuck_per_hour,
        stuck_s: faults.stuck_s,
        spike: faults.spike,
        out_of_range: faults.out_of_range,
        ..Faults::default()
    }
}

impl Sensors for Station {
    fn count(&self) -> usize {
        1
    }

    fn channels(&self, sensor: usize) -> &'static [Channel] {
        match sensor {
            0 => channels(self.kind),
            _ => &[],
        }
    }

    fn period_s(&self, _sensor: usize) -> u32 {
        self.period_s
    }

    async fn sample(&mut self, _sensor: usize, values: &mut [Value]) {
        let unix_us = self.time.unix_us(time::now_us());
        let properties = self.kind.properties();
        let mut measured = [0.0; 8];
        for (value, property) in measured.iter_mut().zip(properties) {
            *value = self.city.read(*property, &self.site, unix_us);
        }
        let measured = &mut measured[..properties.len()];
        let mut faults = self.faults.borrow_mut();
        if faults.disturb(unix_us, properties, measured).is_none() {
            return;
        }
        for ((value, measured), property) in values.iter_mut().zip(measured).zip(properties) {
            let scale = 10_f64.powi(property.decimals().into());
            *value = Value::good((*measured * scale).round() as i32);
        }
    }
}
