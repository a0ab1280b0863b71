//! Into QuestDB through the whole platform, beside its own client with the same rows.

use crate::{
    bridge,
    figures::{Figure, shown},
    queries::median_ms,
    sources::{Compact, Json, START_MS, Year},
};
use ::questdb::ingress::{ProtocolVersion, Sender, SenderBuilder, TimestampMicros};
use nhip_tests::{
    City,
    load::{Load, Source},
    questdb::QuestDb,
    wait,
};
use std::time::{Duration, Instant};

const MIB: f64 = (1 << 20) as f64;
const CLIENTS: u64 = 50;
/// Rows of a request of the client alone: as many as the platform's at most.
const ROWS: u64 = 60_000;

pub fn run() -> Vec<Figure> {
    let raw = raw_rate(4_000_000);
    let compact = platform_rate(|| Box::new(Compact), 8_000, Compact::READINGS);
    let json = json_rate();
    let bridged = bridge::rate(CLIENTS as usize, 10_000, || Box::new(Json));
    let mut figures = vec![
        Figure::more(
            "MQTT into QuestDB, compact, ten readings a message, against its client alone",
            compact / raw,
            "×",
            (0.5, 0.9),
            format!(
                "{} /s; its client {} /s, in sync",
                shown(compact),
                shown(raw)
            ),
        ),
        Figure::more(
            "the same, JSON, one reading a message",
            json / raw,
            "×",
            (0.1, 0.3),
            format!("{} /s", shown(json)),
        ),
        Figure::more(
            "the same, against mosquitto and a bridge that subscribes and sends line protocol",
            json / bridged,
            "×",
            (1.0, 3.0),
            format!(
                "the bridge {} /s, nothing of it durable before QuestDB",
                shown(bridged)
            ),
        ),
    ];
    figures.extend(outage(json));
    figures.push(year());
    figures
}

/// Of these the outage alone.
pub fn drain() -> Vec<Figure> {
    outage(json_rate())
}

fn json_rate() -> f64 {
    platform_rate(|| Box::new(Json), 20_000, 1)
}

/// Rows of the platform's table, by QuestDB's own client on one connection.
fn raw_rate(rows: u64) -> f64 {
    let questdb = QuestDb::start(&[]);
    // The platform makes the tables.
    let city = questdb.city().start();
    let made = "SELECT count() FROM tables() WHERE table_name = 'readings'";
    wait::until("the tables", || {
        questdb.number(made).filter(|tables| *tables == 1)
    });
    drop(city);
    let address = questdb.server.http();
    let (host, port) = address
        .trim_start_matches("http://")
        .split_once(':')
        .expect("host and port");
    let mut sender = SenderBuilder::new(::questdb::ingress::Protocol::Http, host, port)
        .protocol_version(ProtocolVersion::V2)
        .and_then(|builder| builder.build())
        .expect("a client");
    let started = Instant::now();
    for first in (0..rows).step_by(ROWS as usize) {
        send(&mut sender, first..first + ROWS);
    }
    rows as f64 / started.elapsed().as_secs_f64()
}

fn send(sender: &mut Sender, numbers: std::ops::Range<u64>) {
    let mut buffer = sender.new_buffer();
    for number in numbers {
        let (series, seq) = (number % CLIENTS, number / CLIENTS);
        let time_us = (START_MS + seq * 1000) as i64 * 1000;
        let mut row = || -> ::questdb::Result<()> {
            buffer
                .table("readings")?
                .symbol("quality", "good")?
                .column_i64("series", series as i64)?
                .column_i64("boot", 1)?
                .column_i64("seq", seq as i64)?
                .column_f64("value", (seq % 150) as f64 / 10.0)?
                .column_ts("received", TimestampMicros::new(time_us + 5000))?
                .at(TimestampMicros::new(time_us))
        };
        row().expect("a row");
    }
    sender.flush(&mut buffer).expect("the server takes it");
}

fn platform_rate(source: fn() -> Box<dyn Source>, messages: u64, readings: u64) -> f64 {
    let questdb = QuestDb::start(&[]);
    let city = questdb.city().start();
    let started = Instant::now();
    let outcome = load(&city, messages, 0, source).run();
    let figures = city.settle();
    let elapsed = started.elapsed();
    assert_eq!(
        figures["stored"],
        outcome.acknowledged * readings,
        "{figures}"
    );
    (outcome.acknowledged * readings) as f64 / elapsed.as_secs_f64()
}

fn load(city: &City, messages: u64, rate: u64, source: fn() -> Box<dyn Source>) -> Load {
    Load {
        address: city.addresses().mqtt,
        clients: CLIENTS as usize,
        window: 200,
        messages,
        rate,
        source,
    }
}

/// The server away under full load: the platform's memory, and how fast it catches up against
/// the rate `live` at which such readings come in while the server is there.
fn outage(live: f64) -> Vec<Figure> {
    let mut questdb = QuestDb::start(&[]);
    let city = questdb.city().start();
    load(&city, 1_000, 0, || Box::new(Json)).run();
    city.settle();
    questdb.server.kill();
    let outcome = load(&city, 240_000, 0, || Box::new(Json)).run();
    let memory = city.resident_bytes() as f64 / MIB;
    questdb.server.restart();
    let back = Instant::now();
    city.settle();
    let drain = outcome.acknowledged as f64 / back.elapsed().as_secs_f64();
    vec![
        Figure::less(
            "resident memory while QuestDB is away under full load",
            memory,
            "MiB",
            (300.0, 150.0),
            format!("{} readings waiting in the log", outcome.acknowledged),
        ),
        Figure::more(
            "drain after the outage, against the rate at which such readings come in live",
            drain / live,
            "×",
            (1.5, 3.0),
            format!("{} /s, live {} /s", shown(drain), shown(live)),
        ),
    ]
}

fn year() -> Figure {
    let questdb = QuestDb::start(&[]);
    let city = questdb.city().set("STORE__LATE_MERGE_AFTER_S", "0").start();
    let sent = Load {
        clients: 1,
        ..load(&city, Year::MESSAGES, 0, || Box::new(Year))
    };
    sent.run();
    city.settle();
    let deadline = Instant::now() + Duration::from_secs(600);
    while city.get("/api/v1/health")["store"]["parts_due"] != 0 {
        assert!(Instant::now() < deadline, "the hours are not counted");
        std::thread::park_timeout(Duration::from_millis(200));
    }
    let from = Year::start_ms();
    let to = from + Year::MESSAGES * Year::READINGS * Year::STEP_MS;
    let path = format!(
        "/api/v1/series?device=year&datastream=temperature&from={from}&to={to}&points=1000"
    );
    let points = city.get(&path)["items"].as_array().map_or(0, Vec::len);
    assert!(points > 900, "{points} points");
    Figure::less(
        "a year of one-minute readings in QuestDB as 1,000 points, through the API",
        median_ms(&city, &path),
        "ms",
        (100.0, 20.0),
        format!("{points} points"),
    )
}
