//! Answers of the API, timed inside the server (`Server-Timing`).

use crate::{
    figures::Figure,
    sources::{Wide, Year},
};
use nhip_tests::{
    City,
    load::{Load, Source},
    wait,
};

const RUNS: usize = 15;

pub fn run() -> Vec<Figure> {
    vec![
        latest(),
        year("0", "merged into days, as minutes after its arrival"),
        year("86400", "just arrived, from the parts of its checkpoints"),
    ]
}

fn latest() -> Figure {
    let city = City::start();
    send(&city, 1000, 1, || Box::new(Wide));
    let path = "/api/v1/latest?limit=100000";
    let items = city.get(path)["items"].as_array().map_or(0, Vec::len);
    assert_eq!(items, 100_000);
    Figure::less(
        "latest of 100,000 datastreams, inside the server",
        median_ms(&city, path),
        "ms",
        (20.0, 5.0),
        format!("median of {RUNS}"),
    )
}

fn year(late_merge_after_s: &str, state: &str) -> Figure {
    let city = City::builder()
        .set("INGEST__CHECKPOINT_INTERVAL_S", "1")
        .set("STORE__MERGE_AFTER_S", "0")
        .set("STORE__LATE_MERGE_AFTER_S", late_merge_after_s)
        .start();
    send(&city, 1, Year::MESSAGES, || Box::new(Year));
    wait::until("the year to be packed", || {
        let store = &city.get("/api/v1/health")["store"];
        (store["open_readings"] == 0 && store["parts_due"] == 0).then_some(())
    });
    let from = Year::start_ms();
    let to = from + Year::MESSAGES * Year::READINGS * Year::STEP_MS;
    let path = format!(
        "/api/v1/series?device=year&datastream=temperature&from={from}&to={to}&points=1000"
    );
    let points = city.get(&path)["items"].as_array().map_or(0, Vec::len);
    assert!(points > 900, "{points} points");
    Figure::less(
        "a year of one-minute readings as 1,000 points",
        median_ms(&city, &path),
        "ms",
        (50.0, 10.0),
        format!("{state}; {points} points, median of {RUNS}"),
    )
}

fn send(city: &City, clients: usize, messages: u64, source: fn() -> Box<dyn Source>) {
    let load = Load {
        address: city.addresses().mqtt,
        clients,
        window: 50,
        messages,
        rate: 0,
        source,
    };
    load.run();
    city.settle();
}

/// The median of what the server says that its answer took.
pub fn median_ms(city: &City, path: &str) -> f64 {
    let address = city.addresses().http;
    let mut times: Vec<f64> = (0..RUNS)
        .map(|_| nhip_tests::http::server_ms(address, path).expect("the API answers"))
        .collect();
    times.sort_by(f64::total_cmp);
    times[RUNS / 2]
}
