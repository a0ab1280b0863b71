//! The foreign part of a fleet: its connections, one after the other.

use super::{Device, Plan, carrier::Carrier};
use crate::{
    city::City,
    fleet::{Config, Pace},
    mqtt::{self, Courier, CourierError, Traffic},
};
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep_until},
};

/// What a connection ended with.
pub(in super::super) struct Ended {
    pub(in super::super) devices: Vec<Device>,
    pub(in super::super) traffic: Traffic,
    pub(in super::super) duplicate: u64,
    pub(in super::super) malformed: u64,
    pub(in super::super) end: Result<(), CourierError>,
}

/// Starts the connections, a few at a time.
pub(in super::super) fn travel(
    config: &Config,
    pace: Pace,
    plans: Vec<Plan>,
    storms_us: &VecDeque<i64>,
    stop: &watch::Receiver<bool>,
) -> JoinSet<Ended> {
    let city = Arc::new(City::new(config.seed));
    let mut connections = JoinSet::new();
    let mut plans = plans.into_iter().peekable();
    let mut connection = 0;
    while plans.peek().is_some() {
        let together = config.devices_per_connection as usize;
        let devices: Vec<Device> = plans.by_ref().take(together).map(Device::new).collect();
        let courier = courier(config, connection, &devices);
        let carrier = Carrier::new(city.clone(), pace, devices, storms_us.clone());
        let pause = Duration::from_secs_f64(connection as f64 / f64::from(config.connects_per_s));
        connections.spawn(carry(courier, carrier, pace.start + pause, stop.clone()));
        connection += 1;
    }
    connections
}

fn courier(config: &Config, connection: usize, devices: &[Device]) -> Courier {
    let (client_id, status_topic) = match devices {
        [device] => {
            let name = &device.plan().name;
            (name.to_string(), Some(format!("devices/{name}/status")))
        }
        _ => (format!("{}-fleet-{connection}", config.prefix), None),
    };
    let courier = mqtt::Config {
        protocol: config.protocol(connection),
        ..config.courier.clone()
    };
    Courier::new(courier, client_id, status_topic)
}

async fn carry(
    courier: Courier,
    mut carrier: Carrier,
    from: Instant,
    stop: watch::Receiver<bool>,
) -> Ended {
    sleep_until(from).await;
    let (traffic, end) = courier.run(&mut carrier, stop).await;
    Ended {
        traffic,
        duplicate: carrier.duplicate,
        malformed: carrier.malformed,
        devices: carrier.into_devices(),
        end,
    }
}
