//! Devices that run the firmware's code, on one core of this machine.

use crate::figures::{Figure, shown};
use nhip_tests::{City, simulator::Simulator};

const DEVICES: u32 = 10_000;
const SECONDS: u32 = 20;

pub fn run() -> Vec<Figure> {
    let city = City::start();
    let devices = DEVICES.to_string();
    let duration = format!("{SECONDS}s");
    let words = ["simulate", "--devices", &devices, "--kinds", "noise"];
    let more = ["--interval-s", "1", "--speed", "1", "--duration", &duration];
    let also = ["--threads", "1", "--faults", "none", "--no-verify"];
    let words: Vec<&str> = words.into_iter().chain(more).chain(also).collect();
    let outcome = Simulator::start(city.addresses(), &words).outcome();
    assert_eq!(outcome.code, 0, "{}", outcome.report);
    let readings = outcome.count("acknowledged") as f64;
    let cpu_s = outcome.report["node_cpu_s"].as_f64().expect("a time");
    let us = cpu_s * 1e6 / readings;
    vec![Figure::more(
        "devices that run the firmware's code on one core, a reading a second each",
        1e6 / us,
        "devices",
        (10e3, 50e3),
        format!(
            "{us:.1} µs of processor time a reading, of {} readings of {DEVICES} devices in {SECONDS} s \
             against a running platform: instruments, flash, MQTT, TCP",
            shown(readings)
        ),
    )]
}
