//! What the command line refuses before it asks anybody, and what it says of a platform that
//! isn't there.

use nhip_tests::{
    City,
    city::{binary, signal},
    command::{Ended, run},
    mqtt::{Client, Version},
    wait,
};
use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
};

/// Nobody listens there.
const NOWHERE: &str = "127.0.0.1:1";
const NOWHERE_URL: &str = "http://127.0.0.1:1";

/// Words, and the flag or argument with the value that is refused.
const WRONG: &[(&[&str], &str, &str)] = &[
    (
        &["export", "-o", "x", "--from", "yesterday"],
        "--from",
        "yesterday",
    ),
    (
        &["export", "-o", "x", "--to", "2026-11-22"],
        "--to",
        "2026-11-22",
    ),
    (
        &["export", "-o", "x", "--device", "Bad Name"],
        "--device",
        "Bad Name",
    ),
    (
        &["export", "-o", "x", "--datastream", "PM"],
        "--datastream",
        "PM",
    ),
    (
        &["export", "-o", "x", "--property", "_x"],
        "--property",
        "_x",
    ),
    (&["export", "-o", "x", "--format", "xml"], "--format", "xml"),
    (
        &["export", "-o", "x", "--url", "localhost"],
        "--url",
        "localhost",
    ),
    (&["export", "-o", "none/x"], "--output", "none/x"),
    (&["export", "-o", "."], "--output", "."),
    (
        &["export", "-o", "x", "--from", "2000", "--to", "1000"],
        "--from",
        "2000",
    ),
    (&["device", "add", "Bad Name"], "<NAME>", "Bad Name"),
    (
        &["device", "add", "a", "--position", "10,200"],
        "--position",
        "10,200",
    ),
    (
        &["device", "add", "a", "--position", "10.7,106.7"],
        "--position",
        "10.7,106.7",
    ),
    (
        &["device", "add", "a", "--place", "Phường"],
        "--place",
        "Phường",
    ),
    (&["device", "add", "a", "--from", "now"], "--from", "now"),
    (
        &["device", "add", "a", "--datastream", "X"],
        "--datastream",
        "X",
    ),
    (
        &["device", "add", "a", "--datastream", "x,min=2,max=1"],
        "--datastream",
        "min=2",
    ),
    (&["device", "show", "../a"], "<NAME>", "../a"),
    (&["device", "revoke", "A"], "<NAME>", "A"),
    (&["device", "rotate", "A"], "<NAME>", "A"),
    (&["device", "check", "A"], "<NAME>", "A"),
    (&["device", "check", "a", "--for", "soon"], "--for", "soon"),
    (
        &["device", "check", "a", "--mqtt", "here"],
        "--mqtt",
        "here",
    ),
    (
        &["device", "list", "--url", "https://a"],
        "--url",
        "https://a",
    ),
    (&["simulate", "--prefix", "Fleet 1"], "--prefix", "Fleet 1"),
    (&["simulate", "--devices", "0"], "--devices", "0"),
    (&["simulate", "--seed", "x"], "--seed", "x"),
    (
        &["simulate", "--start", "9000-01-01T00:00:00Z"],
        "--start",
        "9000-01-01",
    ),
    (&["simulate", "--mqtt", "127.0.0.1"], "--mqtt", "127.0.0.1"),
    (
        &["simulate", "--http", "127.0.0.1:0"],
        "--http",
        "127.0.0.1:0",
    ),
    (
        &["simulate", "--give-up-s", "99999999999"],
        "--give-up-s",
        "99999999999",
    ),
    (
        &["simulate", "--fault", "storm_per_hour=1e12"],
        "--fault",
        "1e12",
    ),
    (&["replay", "none.csv"], "<FILE>", "none.csv"),
    (
        &["replay", "a.csv", "--device", "Bad Name"],
        "--device",
        "Bad Name",
    ),
    (
        &["replay", "a.csv", "--value", "v=Bad Name"],
        "--value",
        "Bad Name",
    ),
    (
        &["replay", "a.csv", "--utc-offset-h", "99"],
        "--utc-offset-h",
        "99",
    ),
    (&["replay", "a.csv", "--device", "a"], "--time", "--value"),
    (
        &[
            "replay", "a.csv", "--device", "a", "--time", "t", "--value", "none",
        ],
        "there is no column",
        "none",
    ),
    (&["up", "--data", "a.csv"], "data", "a.csv"),
    (&["check", "--data", "a.csv"], "data", "a.csv"),
    (&["check", "--config", "none.toml"], "--config", "none.toml"),
];

#[test]
fn what_can_not_be_meant_is_refused_with_its_flag_and_value_before_anybody_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.csv"), "t,v\n1,2\n").unwrap();
    for (words, flag, value) in WRONG {
        let ended = run(words, folder.path(), &[]);
        assert_eq!(ended.code, Some(2), "{words:?}: {ended:?}");
        for part in [flag, value] {
            assert!(ended.errors.contains(part), "{words:?}: {}", ended.errors);
        }
        assert_eq!(ended.output, "", "{words:?}");
    }
    let left = fs::read_dir(folder.path()).unwrap();
    assert_eq!(left.count(), 1, "nothing was made");
}

#[test]
fn a_platform_that_is_not_there_is_told_at_once_with_its_address_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.csv"), "t,v\n1,2\n").unwrap();
    let replay = [
        "replay", "a.csv", "--device", "a", "--time", "t", "--value", "v",
    ];
    let asked: [&[&str]; 8] = [
        &["export", "-o", "-", "--url", NOWHERE_URL],
        &["device", "show", "a", "--url", NOWHERE_URL],
        &["device", "check", "a", "--url", NOWHERE_URL],
        &["export", "-o", "x.csv", "--url", NOWHERE_URL],
        &["device", "add", "a", "--url", NOWHERE_URL],
        &["device", "list", "--url", NOWHERE_URL],
        &[
            "simulate",
            "--mqtt",
            NOWHERE,
            "--http",
            NOWHERE,
            "--connect-s",
            "1",
        ],
        &[&replay[..], &["--mqtt", NOWHERE, "--connect-s", "1"]].concat(),
    ];
    for words in asked {
        let ended = run(words, folder.path(), &[]);
        assert_eq!(ended.code, Some(1), "{words:?}: {ended:?}");
        assert_eq!(
            ended.errors.lines().count(),
            1,
            "{words:?}: {}",
            ended.errors
        );
        assert_eq!(ended.output, "", "{words:?}");
        for part in [NOWHERE, "nhip up"] {
            assert!(ended.errors.contains(part), "{words:?}: {}", ended.errors);
        }
    }
    assert!(!folder.path().join("x.csv").exists() && !folder.path().join("x.csv.part").exists());
}

/// A city with three readings.
fn with_readings() -> City {
    let city = City::start();
    let mut client = Client::connect(city.addresses().mqtt, "a", Version::V4);
    for value in 0..3 {
        let payload = format!(r#"{{"boot":1,"seq":{value},"readings":{{"v":{value}}}}}"#);
        client
            .publish("devices/a/readings/json", payload.as_bytes())
            .unwrap();
    }
    city.settle();
    city
}

fn export(city: &City, folder: &Path, words: &[&str]) -> Ended {
    let url = format!("http://{}", city.addresses().http);
    run(&[&["export", "--url", &url], words].concat(), folder, &[])
}

#[test]
fn an_export_to_standard_output_is_the_file_and_its_figures_are_beside_it() {
    let city = with_readings();
    let folder = tempfile::tempdir().unwrap();
    let streamed = export(&city, folder.path(), &["-o", "-"]);
    assert_eq!(streamed.code, Some(0), "{streamed:?}");
    assert_eq!(streamed.output.lines().count(), 4, "{streamed:?}");
    assert!(
        streamed.errors.starts_with("3 readings, sha256 "),
        "{streamed:?}"
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let filed = export(&city, folder.path(), &["-o", "a.csv"]);
    let written = fs::read_to_string(folder.path().join("a.csv")).unwrap();
    assert_eq!(written, streamed.output);
    let sum = |text: &str| text.trim().rsplit(' ').next().unwrap().to_owned();
    assert_eq!(sum(&filed.output), sum(&streamed.errors));
    // The name's end says the format, and what is no file is not replaced by one.
    let lines = export(&city, folder.path(), &["-o", "a.ndjson"]);
    assert_eq!(lines.code, Some(0), "{lines:?}");
    let written = fs::read_to_string(folder.path().join("a.ndjson")).unwrap();
    assert!(written.starts_with(r#"{"device":"a""#), "{written}");
    let nowhere = export(&city, folder.path(), &["-o", "/dev/null"]);
    assert_eq!(nowhere.code, Some(0), "{nowhere:?}");
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}

#[test]
fn an_interrupted_export_ends_with_130_and_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    // A platform that gives a page and never the next.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut export = Command::new(binary())
        .args(["export", "-o", "x.csv", "--url", &url])
        .current_dir(folder.path())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut asked, _) = listener.accept().unwrap();
    assert!(asked.read(&mut [0; 1024]).unwrap() > 0);
    asked
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 24\r\n\r\n{\"items\":[],\"next\":\"1\"} ")
        .unwrap();
    let part = folder.path().join("x.csv.part");
    wait::until("the file under way", || part.exists().then_some(()));
    signal(export.id(), "INT");
    assert_eq!(export.wait().unwrap().code(), Some(130));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_reader_that_has_enough_ends_an_export_quietly() {
    let city = with_readings();
    let url = format!("http://{}", city.addresses().http);
    let mut export = Command::new(binary())
        .args(["export", "-o", "-", "--url", &url])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(export.stdout.take());
    let ended = export.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
}
