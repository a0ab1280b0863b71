//! Answers of the API over 100 million readings, in either store.

use crate::{
    figures::{Figure, shown},
    queries::median_ms,
    sources::{Year, Years},
};
use nhip_tests::{City, load::Load, questdb::QuestDb};
use serde_json::json;
use std::time::{Duration, Instant};

/// Datastreams with a year of one-minute readings: 99,864,000 readings.
const DATASTREAMS: usize = 190;
const DAY_MS: u64 = 86_400_000;
/// How long filling may take.
const FILL_MAX: Duration = Duration::from_secs(1_800);

pub fn run() -> Vec<Figure> {
    let embedded = City::builder()
        .set("STORE__LATE_MERGE_AFTER_S", "0")
        .start();
    let filled = fill(&embedded);
    let ours = answers(&embedded);
    drop(embedded);
    let questdb = QuestDb::start(&[]);
    let city = questdb.city().set("STORE__LATE_MERGE_AFTER_S", "0").start();
    let filled_there = fill(&city);
    let theirs = answers(&city);
    let notes = format!(
        "filled at {} /s, embedded {} /s",
        shown(filled_there),
        shown(filled)
    );
    let figures = theirs.into_iter().zip(ours);
    figures
        .map(|((what, bounds, there), (_, _, here))| {
            let note = format!("the embedded store {here:.1} ms; {notes}");
            Figure::less(what, there, "ms", bounds, note)
        })
        .collect()
}

/// Readings a second until all can be queried; returns when charts are drawn from hours.
fn fill(city: &City) -> f64 {
    for number in 0..DATASTREAMS {
        let position = [106.5 + number as f64 / 400.0, 10.7];
        let body = json!({"position": {"type": "Point", "coordinates": position}});
        let path = format!("/api/v1/devices/year-{number}");
        assert_eq!(city.ask("PUT", &path, Some(&body)).status, 201);
    }
    let started = Instant::now();
    let load = Load {
        address: city.addresses().mqtt,
        clients: DATASTREAMS,
        window: 20,
        messages: Year::MESSAGES,
        rate: 0,
        source: || Box::new(Years),
    };
    let sent = load.run().acknowledged * Year::READINGS;
    until(|| {
        let figures = city.get("/api/v1/reconciliation");
        figures["pending"] == 0 && figures["unread"] == 0
    });
    let rate = sent as f64 / started.elapsed().as_secs_f64();
    until(|| city.get("/api/v1/health")["store"]["parts_due"] == 0);
    rate
}

fn until(mut is_so: impl FnMut() -> bool) {
    let late = Instant::now() + FILL_MAX;
    while !is_so() {
        assert!(Instant::now() < late, "it takes too long");
        std::thread::park_timeout(Duration::from_millis(500));
    }
}

type Answer = (&'static str, (f64, f64), f64);

fn answers(city: &City) -> Vec<Answer> {
    let from = Year::start_ms();
    let to = from + Year::MESSAGES * Year::READINGS * Year::STEP_MS;
    let (day, next) = (from + 200 * DAY_MS, from + 201 * DAY_MS);
    let one = "device=year-77&datastream=temperature";
    let area = "bbox=106.6,10.6,106.7,10.8";
    [
        (
            "100 million readings: a year of one datastream as 1,000 points",
            900,
            (100.0, 20.0),
            format!("/api/v1/series?{one}&from={from}&to={to}&points=1000"),
        ),
        (
            "100 million readings: a day of one datastream as 288 points",
            280,
            (100.0, 20.0),
            format!("/api/v1/series?{one}&from={day}&to={next}&points=288"),
        ),
        (
            "100 million readings: a day of one datastream, raw",
            1440,
            (200.0, 50.0),
            format!("/api/v1/readings?{one}&from={day}&to={next}&limit=1440"),
        ),
        (
            "100 million readings: an hour of the 41 datastreams in a box, raw",
            40 * 60,
            (500.0, 100.0),
            format!(
                "/api/v1/readings?{area}&from={day}&to={}&limit=10000",
                day + DAY_MS / 24
            ),
        ),
        (
            "100 million readings: the newest of every datastream in a box",
            40,
            (20.0, 5.0),
            format!("/api/v1/latest?{area}"),
        ),
    ]
    .map(|(what, items_min, bounds, path)| {
        let items = city.get(&path)["items"].as_array().map_or(0, Vec::len);
        assert!(items >= items_min, "{what}: {items} items");
        (what, bounds, median_ms(city, &path))
    })
    .into()
}
