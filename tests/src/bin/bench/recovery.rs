//! Starting: with nothing, and with a log that has never been folded.

use crate::{figures::Figure, sources::Compact};
use nhip_tests::{City, load::Load};
use std::{fs, time::Instant};

pub fn run() -> Vec<Figure> {
    vec![empty(), whole_log()]
}

fn empty() -> Figure {
    let mut seconds: Vec<f64> = (0..5)
        .map(|_| {
            let started = Instant::now();
            let city = City::start();
            let elapsed = started.elapsed().as_secs_f64();
            drop(city);
            elapsed
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    Figure::less(
        "start with an empty folder",
        seconds[seconds.len() / 2],
        "s",
        (1.0, 0.2),
        "from the process to its ready line, median of 5".into(),
    )
}

fn whole_log() -> Figure {
    let mut city = City::start();
    let load = Load {
        address: city.addresses().mqtt,
        clients: 50,
        window: 200,
        messages: 20_000,
        rate: 0,
        source: || Box::new(Compact),
    };
    let readings = load.run().acknowledged * Compact::READINGS;
    city.kill();
    // Without the database everything has to come from the log again.
    fs::remove_dir_all(city.folder().join("db")).expect("the database's folder");
    let started = Instant::now();
    city.launch();
    let figures = city.settle();
    let elapsed = started.elapsed().as_secs_f64();
    assert_eq!(figures["stored"], readings, "{figures}");
    Figure::less(
        "recovery of a 10-million-reading log",
        elapsed,
        "s",
        (15.0, 5.0),
        format!("{readings} readings, the database removed"),
    )
}
