//! A fleet of simulated devices and the platform, each checking the other.

use nhip_tests::{
    City,
    city::{Addresses, assert_adds_up},
    simulator::{Outcome, Simulator},
    wait,
};
use serde_json::Value;
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
};

const PROMISES: [&str; 3] = ["missing", "extra", "different"];

#[test]
fn a_harsh_day_and_a_kill_lose_nothing_and_double_nothing() {
    let mut city = City::builder()
        .set("INGEST__CHECKPOINT_ROWS", "5000")
        .start();
    let words = [
        ["simulate", "--devices"],
        ["300", "--duration"],
        ["1h", "--speed"],
        ["360", "--faults"],
        ["harsh", "--fault"],
        ["storm_per_hour=3", "--fault"],
        ["power_cut_per_hour=2", "--formats"],
    ];
    let words = words.into_iter().flatten();
    let words: Vec<&str> = words.chain(["compact", "--prefix", "fleet"]).collect();
    let outcome = killed_in_the_middle(&mut city, &words);
    // Each device by itself and again after each storm, most of them after the kill as well.
    assert!(outcome.count("connections") > 300 * 4, "{}", outcome.report);
    assert!(outcome.count("power_cuts") > 300, "{}", outcome.report);
    assert!(outcome.count("queued") > 50_000, "{}", outcome.report);
    assert_figures_agree(&outcome, &city.settle());
    assert_every_device_said_goodbye(&city);
}

#[test]
fn a_harsh_day_and_a_kill_of_foreign_devices_lose_nothing_and_double_nothing() {
    let mut city = City::builder()
        .set("INGEST__CHECKPOINT_ROWS", "5000")
        .start();
    let words = [
        ["simulate", "--devices"],
        ["300", "--duration"],
        ["1h", "--speed"],
        ["360", "--faults"],
        ["harsh", "--fault"],
        ["storm_per_hour=3", "--fault"],
        ["malformed=0.01", "--formats"],
    ];
    let words = words.into_iter().flatten();
    let formats = "json=0.6,senml-json=0.2,senml-cbor=0.2";
    let words: Vec<&str> = words.chain([formats, "--prefix", "foreign"]).collect();
    let outcome = killed_in_the_middle(&mut city, &words);
    assert!(outcome.count("connections") > 300 * 4, "{}", outcome.report);
    assert_figures_agree(&outcome, &city.settle());
    assert_every_device_said_goodbye(&city);
}

/// Runs a fleet and kills the platform when it has some of the readings.
fn killed_in_the_middle(city: &mut City, words: &[&str]) -> Outcome {
    let mut simulator = Simulator::start(city.addresses(), words);
    wait::until("half of the readings", || {
        let figures = city.get("/api/v1/reconciliation");
        (figures["received"].as_u64()? > 20_000).then_some(())
    });
    city.kill_and_launch();
    assert!(simulator.is_running(), "killed behind the end of it");
    let outcome = simulator.outcome();
    assert_eq!(outcome.code, 0, "{}", outcome.report);
    for promise in PROMISES {
        assert_eq!(outcome.count(promise), 0, "{}", outcome.report);
    }
    outcome
}

#[test]
fn without_a_fault_both_books_are_the_same_in_every_format() {
    let city = City::start();
    for format in ["json", "compact", "senml-json", "senml-cbor"] {
        let before = city.settle();
        let words = ["simulate", "--devices", "40", "--duration", "10m"];
        let more = ["--speed", "0", "--faults", "none", "--formats", format];
        // What makes a foreign device send twice, and one that runs the firmware's code.
        let fault = match format {
            "compact" => ["--fault", "ack_lost=0.1"],
            _ => ["--fault", "duplicate=0.2"],
        };
        let words = words.into_iter().chain(more).chain(fault);
        let words: Vec<&str> = words.chain(["--prefix", format]).collect();
        let outcome = Simulator::start(city.addresses(), &words).outcome();
        assert_eq!(outcome.code, 0, "{format}: {}", outcome.report);
        let after = city.settle();
        let gained = |name: &str| after[name].as_u64().unwrap() - before[name].as_u64().unwrap();
        assert_eq!(
            outcome.count("acknowledged"),
            outcome.count("sent"),
            "{format}"
        );
        assert_eq!(outcome.count("stored"), outcome.count("sent"), "{format}");
        assert!(outcome.count("duplicate") > 0, "{format}");
        assert_eq!(gained("stored"), outcome.count("stored"), "{format}");
        assert_eq!(gained("duplicate"), outcome.count("duplicate"), "{format}");
        assert_eq!(gained("rejected"), 0, "{format}");
    }
}

#[test]
fn the_same_seed_and_start_give_the_same_readings() {
    let runs: Vec<Vec<Value>> = (0..2)
        .map(|_| {
            let city = City::start();
            let words = [
                "simulate",
                "--devices",
                "12",
                "--duration",
                "2h",
                "--seed",
                "7",
            ];
            let more = ["--start", "2026-03-01T00:00:00Z", "--speed", "0"];
            let faults = ["--faults", "harsh", "--fault", "power_cut_per_hour=3"];
            let words: Vec<&str> = words.into_iter().chain(more).chain(faults).collect();
            let outcome = Simulator::start(city.addresses(), &words).outcome();
            assert_eq!(outcome.code, 0, "{}", outcome.report);
            assert!(outcome.count("power_cuts") > 12, "{}", outcome.report);
            let devices = city.items("/api/v1/devices");
            let names = devices
                .iter()
                .map(|device| device["name"].as_str().unwrap());
            // What came behind the end depends on when the last acknowledgement came.
            let readings = names
                .flat_map(|name| city.readings(&format!("device={name}&to=2026-03-01T02:00:00Z")));
            readings
                .map(|mut reading| {
                    reading["received"].take();
                    reading
                })
                .collect()
        })
        .collect();
    assert!(runs[0].len() > 5_000, "{}", runs[0].len());
    assert!(runs[0] == runs[1], "two runs of one seed differ");
}

#[test]
fn a_broker_that_acknowledges_and_drops_is_found_out() {
    let city = City::start();
    let addresses = Addresses {
        mqtt: liar(),
        ..city.addresses()
    };
    for (format, mqtt5) in [("compact", "1"), ("json", "0")] {
        let words = ["simulate", "--devices", "3", "--duration", "2m"];
        let more = ["--speed", "0", "--faults", "none", "--mqtt5", mqtt5];
        let words = words.into_iter().chain(more);
        let words: Vec<&str> = words.chain(["--formats", format]).collect();
        let outcome = Simulator::start(addresses, &words).outcome();
        assert_eq!(outcome.code, 1, "{}", outcome.report);
        assert!(outcome.count("acknowledged") > 0, "{}", outcome.report);
        assert_eq!(outcome.count("missing"), outcome.count("acknowledged"));
        assert_eq!(outcome.count("stored"), 0);
    }
}

/// Whether the fleet's report and the platform's figures tell the same story, as far as a
/// fleet can know it: a message that was written again may have come once or twice.
fn assert_figures_agree(outcome: &Outcome, figures: &Value) {
    assert_adds_up(figures);
    let platform = |name: &str| figures[name].as_u64().unwrap();
    assert_eq!(
        platform("stored"),
        outcome.count("stored") + outcome.count("unconfirmed"),
        "{figures} {}",
        outcome.report
    );
    let refused = platform("duplicate") + platform("rejected");
    let at_most = ["duplicate", "rejected", "unacknowledged"]
        .map(|name| outcome.count(name))
        .iter()
        .sum::<u64>()
        + 2 * outcome.count("malformed_messages");
    assert!(platform("duplicate") > 0, "{figures}");
    assert!(outcome.count("rejected") > 0, "{}", outcome.report);
    assert!(refused <= at_most, "{figures} {}", outcome.report);
    assert!(platform("rejected") >= outcome.count("rejected"));
}

fn assert_every_device_said_goodbye(city: &City) {
    let devices = city.items("/api/v1/devices");
    assert_eq!(devices.len(), 300);
    for device in devices {
        assert_eq!(device["status"], "offline", "{device}");
    }
}

/// An MQTT server that acknowledges every publish and keeps none.
fn liar() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || drop(lie(stream)));
        }
    });
    address
}

fn lie(mut stream: TcpStream) -> std::io::Result<()> {
    loop {
        let (first, body) = packet(&mut stream)?;
        match (first >> 4, first & 0b110) {
            // The protocol's level is behind its name; MQTT 5 answers with properties, none here.
            (1, _) if body[6] == 5 => stream.write_all(&[0x20, 3, 0, 0, 0])?,
            (1, _) => stream.write_all(&[0x20, 2, 0, 0])?,
            (3, 0) => {}
            (3, _) => {
                let topic = usize::from(u16::from_be_bytes([body[0], body[1]]));
                stream.write_all(&[0x40, 2, body[2 + topic], body[3 + topic]])?;
            }
            (8, _) => stream.write_all(&[0x90, 4, body[0], body[1], 0, 1])?,
            (12, _) => stream.write_all(&[0xd0, 0])?,
            _ => return Ok(()),
        }
    }
}

fn packet(stream: &mut TcpStream) -> std::io::Result<(u8, Vec<u8>)> {
    let mut byte = [0];
    stream.read_exact(&mut byte)?;
    let first = byte[0];
    let (mut length, mut shift) = (0, 0);
    loop {
        stream.read_exact(&mut byte)?;
        length |= usize::from(byte[0] & 0x7f) << shift;
        if byte[0] < 0x80 {
            break;
        }
        shift += 7;
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok((first, body))
}
