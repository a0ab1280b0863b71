//! A whole run: put up the devices, let them send, compare.

use super::{
    Config, Format, Pace, Plan,
    foreign::{self, Device},
    node,
};
use crate::{
    city::{City, Site, noise},
    mqtt::Traffic,
    reach::{ReachError, reach},
    report::{Audit, Comparison, Ledger, QueueAudit, QueueLedger, Report, VerifyConfig, verify},
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, time::Instant};

/// Runs a fleet until its time is over or `stop` turns true, and reports. An error is that
/// there is no platform in the first place.
pub async fn run(mut config: Config, stop: watch::Receiver<bool>) -> Result<Report, ReachError> {
    config.shorten();
    let http = config.verify.as_ref().map(|verify| verify.address);
    let mut stopped = stop.clone();
    tokio::select! {
        reached = reach(config.courier.address, http, config.connect_s_max) => reached?,
        _ = stopped.wait_for(|stop| *stop) => return Ok(Report::default()),
    }
    let pace = Pace {
        start: Instant::now(),
        from_us: config.from_us,
        speed: config.speed,
    };
    let mut report = Report::default();
    let mut traffic = Traffic::default();
    let (foreigners, nodes) = plans(&config);
    let storms_us = storms(&config);
    let unix_storms = storms_us.iter().map(|us| config.from_us + *us as i64);
    let mut connections = foreign::travel(&config, pace, foreigners, &unix_storms.collect(), &stop);
    let fleet = fleet(&config, pace, storms_us);
    let queues = live(&mut report, &mut traffic, &fleet, nodes, &stop).await;
    let mut ledgers: Vec<Ledger> = Vec::new();
    while let Some(ended) = connections.join_next().await {
        match ended {
            Ok(ended) => {
                traffic.add(&ended.traffic);
                report.duplicate += ended.duplicate;
                report.malformed_messages += ended.malformed;
                if let Err(error) = ended.end {
                    report.problem(error);
                }
                ledgers.extend(ended.devices.into_iter().map(Device::into_ledger));
            }
            Err(error) => report.problem(error),
        }
    }
    report.seconds = pace.start.elapsed().as_secs_f64();
    ledgers.iter().for_each(|ledger| report.add_ledger(ledger));
    report.add_traffic(&traffic);
    if let Some(verify) = &config.verify {
        let queues = queues
            .iter()
            .map(|ledger| Box::new(QueueAudit::new(ledger)) as Box<dyn Audit + Send>);
        let audits = Comparison::all(&ledgers, verify.tolerance).chain(queues);
        report.verify(verify, audits).await;
    }
    Ok(report)
}

impl Report {
    /// Compares books with what the platform returns and adds what was found.
    pub async fn verify<'a>(
        &mut self,
        config: &VerifyConfig,
        audits: impl IntoIterator<Item = Box<dyn Audit + Send + 'a>>,
    ) {
        let verification = verify(config, audits).await;
        self.compared = true;
        self.platform = verification.figures;
        self.add_findings(&verification.findings);
        for problem in verification.problems {
            self.problem(problem);
        }
    }
}

/// Lets the devices live that run the firmware's code. Gives their books.
async fn live(
    report: &mut Report,
    traffic: &mut Traffic,
    fleet: &node::Fleet,
    plans: Vec<node::Plan>,
    stop: &watch::Receiver<bool>,
) -> Vec<QueueLedger> {
    let ended = node::live(fleet, plans, stop).await;
    report.node_cpu_s = ended.cpu_s;
    let mut queues = Vec::with_capacity(ended.lived.len());
    for device in ended.lived {
        traffic.add(&device.traffic);
        report.power_cuts += device.power_cuts;
        report.flash_bytes += device.flash_bytes;
        report.add_queue(&device.ledger);
        queues.push(device.ledger);
    }
    ended.problems.iter().for_each(|p| report.problem(p));
    queues
}

fn fleet(config: &Config, pace: Pace, storms_us: Vec<u64>) -> node::Fleet {
    node::Fleet {
        mqtt: config.courier.address,
        city: Arc::new(City::new(config.seed)),
        pace,
        behind_us: config.now_us.saturating_sub(config.from_us).max(0) as u64,
        storms_us,
        give_up_after: Duration::from_secs(config.courier.give_up_s_max),
        connects_per_s: config.connects_per_s,
        threads: config.threads,
    }
}

/// The devices, foreign ones and those that run the firmware's code: the kinds take turns, the
/// places are drawn around the city's centre.
fn plans(config: &Config) -> (Vec<Plan>, Vec<node::Plan>) {
    let (mut foreigners, mut nodes) = (Vec::new(), Vec::new());
    for k in 0..config.devices {
        let kind = config.kinds[k as usize % config.kinds.len()];
        let seed = noise::hash(config.seed, &[i64::from(k), 0x64_6576]);
        let draw = |axis: i64| noise::unit(seed, &[axis]) - 0.5;
        let name = format!("{}-{}-{k:05}", config.prefix, kind.slug()).into();
        let site = Site::new(106.69 + 0.4 * draw(1), 10.79 + 0.4 * draw(2), seed);
        let period_s = config.interval_s.unwrap_or(kind.interval_s());
        match config.format(k) {
            Format::Compact => nodes.push(node::Plan {
                name,
                kind,
                site,
                period_s,
                faults: config.faults.clone(),
                seed,
                run: config.from_us.unsigned_abs(),
                duration_us: config.duration_us.unsigned_abs(),
            }),
            format => foreigners.push(Plan {
                name,
                kind,
                site,
                format,
                boot: config.boot,
                interval_s: f64::from(period_s),
                faults: config.faults.clone(),
                seed,
                from_us: config.from_us,
                to_us: config.from_us + config.duration_us,
            }),
        }
    }
    (foreigners, nodes)
}

/// When the whole fleet loses its connections, µs behind the start in the devices' time.
fn storms(config: &Config) -> Vec<u64> {
    let hours = config.duration_us as f64 / 3.6e9;
    let count = (config.faults.storm_per_hour * hours).round() as i64;
    let mut storms: Vec<u64> = (0..count)
        .map(|k| {
            let part = noise::unit(config.seed ^ 0x73_746f, &[k]);
            (part * config.duration_us as f64) as u64
        })
        .collect();
    storms.sort_unstable();
    storms
}
