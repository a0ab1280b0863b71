//! A whole run: put up the devices, let them send, compare.

use super::{
    Device, FormatShare, Kind, Plan,
    carrier::{Carrier, Pace},
};
use crate::{
    city::{City, Site, noise},
    faults::Faults,
    mqtt::{self, Courier, CourierError, Traffic},
    report::{Ledger, Report, VerifyConfig, verify},
};
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep_until},
};

/// A run of a fleet.
#[derive(Clone, Debug)]
pub struct Config {
    /// How many devices.
    pub devices: u32,
    /// The devices' time at the start, µs since 1970 UTC.
    pub from_us: i64,
    /// How long they measure, µs of their time.
    pub duration_us: i64,
    /// How many of their seconds one of ours is; None for as fast as it goes.
    pub speed: Option<f64>,
    /// Seconds between two measurements; the kind of station decides if None.
    pub interval_s: Option<f64>,
    /// Decides city, devices and faults.
    pub seed: u64,
    /// The boot counter of every device.
    pub boot: u64,
    /// What the names begin with.
    pub prefix: String,
    /// Devices that share a connection.
    pub devices_per_connection: u32,
    /// New connections a second.
    pub connects_per_s: u32,
    /// Part of the connections that speak MQTT 5.
    pub mqtt5: f64,
    /// What the devices write, and how many of them.
    pub formats: Vec<FormatShare>,
    /// What goes wrong.
    pub faults: Faults,
    /// How a connection behaves.
    pub courier: mqtt::Config,
    /// Where to compare; None to leave it.
    pub verify: Option<VerifyConfig>,
    /// How many readings the books may hold, all together. A run that would exceed it is
    /// cut short.
    pub ledger_readings_max: u64,
}

impl Config {
    /// The default of `ledger_readings_max`: about 700 MB of books.
    pub const LEDGER_READINGS_MAX: u64 = 50_000_000;
}

struct Returned {
    devices: Vec<Device>,
    traffic: Traffic,
    duplicate: u64,
    malformed: u64,
    end: Result<(), CourierError>,
}

/// Runs a fleet until its time is over or `stop` turns true, and reports.
pub async fn run(config: Config, stop: watch::Receiver<bool>) -> Report {
    let start = Instant::now();
    let mut report = Report::default();
    let mut config = config;
    shorten(&mut config);
    let mut traffic = Traffic::default();
    let mut ledgers: Vec<Ledger> = Vec::with_capacity(config.devices as usize);
    let mut connections = depart(&config, start, &stop).await;
    while let Some(returned) = connections.join_next().await {
        match returned {
            Ok(returned) => {
                traffic.add(&returned.traffic);
                report.duplicate += returned.duplicate;
                report.malformed_messages += returned.malformed;
                if let Err(error) = returned.end {
                    report.problem(error);
                }
                ledgers.extend(returned.devices.into_iter().map(Device::into_ledger));
            }
            Err(error) => report.problem(error),
        }
    }
    report.seconds = start.elapsed().as_secs_f64();
    ledgers.iter().for_each(|ledger| report.add_ledger(ledger));
    report.add_traffic(&traffic);
    if let Some(config) = &config.verify {
        report.verify(config, &ledgers).await;
    }
    report
}

impl Report {
    /// Compares books with what the platform returns and adds what was found.
    pub async fn verify(&mut self, config: &VerifyConfig, ledgers: &[Ledger]) {
        let verification = verify(config, ledgers).await;
        self.compared = true;
        self.platform = verification.figures;
        self.add_findings(&verification.findings);
        for problem in verification.problems {
            self.problem(problem);
        }
    }
}

/// Cuts a run to what the books may hold.
fn shorten(config: &mut Config) {
    let each_s: f64 = Kind::ALL
        .iter()
        .map(|kind| {
            let interval_s = config.interval_s.unwrap_or(f64::from(kind.interval_s()));
            kind.properties().len() as f64 / interval_s
        })
        .sum::<f64>()
        / Kind::ALL.len() as f64;
    let readings = each_s * f64::from(config.devices) * config.duration_us as f64 / 1e6;
    let part = config.ledger_readings_max as f64 / readings;
    if part < 1.0 {
        config.duration_us = (config.duration_us as f64 * part) as i64;
        tracing::warn!(
            seconds = config.duration_us / 1_000_000,
            ledger_readings_max = config.ledger_readings_max,
            "cut short: the devices' books can't hold more readings"
        );
    }
}

/// Starts the connections, a few at a time.
async fn depart(
    config: &Config,
    start: Instant,
    stop: &watch::Receiver<bool>,
) -> JoinSet<Returned> {
    let city = Arc::new(City::new(config.seed));
    let pace = Pace {
        start,
        from_us: config.from_us,
        speed: config.speed,
    };
    let storms = storms(config);
    let mut connections = JoinSet::new();
    let first: Vec<u32> = (0..config.devices)
        .step_by(config.devices_per_connection as usize)
        .collect();
    for (connection, first) in first.into_iter().enumerate() {
        let last = (first + config.devices_per_connection).min(config.devices);
        let devices: Vec<Device> = (first..last)
            .map(|k| Device::new(plan(config, k)))
            .collect();
        let status_topic =
            (devices.len() == 1).then(|| format!("devices/{}/status", devices[0].plan().name));
        let client_id = match &devices[..] {
            [device] => device.plan().name.to_string(),
            _ => format!("{}-fleet-{connection}", config.prefix),
        };
        let courier = Courier::new(
            mqtt::Config {
                protocol: config.protocol(connection),
                ..config.courier.clone()
            },
            client_id,
            status_topic,
        );
        let carrier = Carrier::new(city.clone(), pace, devices, storms.clone());
        let pause = Duration::from_secs_f64(connection as f64 / f64::from(config.connects_per_s));
        connections.spawn(travel(courier, carrier, start + pause, stop.clone()));
    }
    connections
}

async fn travel(
    courier: Courier,
    mut carrier: Carrier,
    from: Instant,
    stop: watch::Receiver<bool>,
) -> Returned {
    sleep_until(from).await;
    let (traffic, end) = courier.run(&mut carrier, stop).await;
    Returned {
        traffic,
        duplicate: carrier.duplicate,
        malformed: carrier.malformed,
        devices: carrier.into_devices(),
        end,
    }
}

/// Device number `k`: the kinds take turns, the places are drawn around the city's centre.
fn plan(config: &Config, k: u32) -> Plan {
    let kind = Kind::ALL[k as usize % Kind::ALL.len()];
    let seed = noise::hash(config.seed, &[i64::from(k), 0x64_6576]);
    let draw = |axis: i64| noise::unit(seed, &[axis]) - 0.5;
    Plan {
        name: format!("{}-{}-{k:05}", config.prefix, kind.slug()).into(),
        kind,
        site: Site::new(106.69 + 0.4 * draw(1), 10.79 + 0.4 * draw(2), seed),
        format: config.format(k),
        boot: config.boot,
        interval_s: config.interval_s.unwrap_or(f64::from(kind.interval_s())),
        faults: config.faults.clone(),
        seed,
        from_us: config.from_us,
        to_us: config.from_us + config.duration_us,
    }
}

/// When the whole fleet loses its connections, in the devices' time.
fn storms(config: &Config) -> VecDeque<i64> {
    let hours = config.duration_us as f64 / 3.6e9;
    let count = (config.faults.storm_per_hour * hours).round() as i64;
    let mut storms: Vec<i64> = (0..count)
        .map(|k| {
            let part = noise::unit(config.seed ^ 0x73_746f, &[k]);
            config.from_us + (part * config.duration_us as f64) as i64
        })
        .collect();
    storms.sort_unstable();
    storms.into()
}
