//! Starting, refusing to start, saying how it is, and ending.

use nhip_tests::{
    City,
    city::signal,
    command,
    mqtt::{Client, Version},
    publishers::Publishers,
};
use std::{
    io::Write,
    net::TcpStream,
    time::{Duration, Instant},
};

/// Addresses that never collide with another test's.
const FREE: [(&str, &str); 3] = [
    ("NHIP_MQTT__LISTEN", "127.0.0.1:0"),
    ("NHIP_MQTT__WEBSOCKET", "127.0.0.1:0"),
    ("NHIP_HTTP__LISTEN", "127.0.0.1:0"),
];

/// What the command line promises of SIGTERM.
const DRAIN_MAX: Duration = Duration::from_secs(10);

#[test]
fn sigterm_under_load_ends_in_time_with_0_and_loses_nothing_acknowledged() {
    let mut city = City::start();
    let publishers = Publishers::start(city.addresses().mqtt, "drain", 100);
    publishers.wait_for(5000);
    let asked = Instant::now();
    let status = city.terminate();
    assert!(asked.elapsed() < DRAIN_MAX, "{:?}", asked.elapsed());
    assert_eq!(status.code(), Some(0));
    let ledger = publishers.stop();
    city.launch();
    city.settle();
    ledger.assert_stored(&city);
}

#[test]
fn sigterm_waits_for_no_client_that_reads_nothing() {
    let mut city = City::start();
    let publishers = Publishers::start(city.addresses().mqtt, "unread", 20);
    publishers.wait_for(20_000);
    let ledger = publishers.stop();
    city.settle();
    let paths = ["readings?format=ndjson", "live", "live?after=0.0"];
    let unread: Vec<TcpStream> = paths
        .iter()
        .cycle()
        .take(12)
        .map(|path| {
            let address = city.addresses().http;
            let mut stream = TcpStream::connect(address).unwrap();
            write!(
                stream,
                "GET /api/v1/{path} HTTP/1.1\r\nHost: {address}\r\n\r\n"
            )
            .unwrap();
            stream
        })
        .collect();
    // One of them has begun to answer, so the others are in work.
    unread[0].peek(&mut [0]).unwrap();
    let asked = Instant::now();
    assert_eq!(city.terminate().code(), Some(0));
    assert!(asked.elapsed() < DRAIN_MAX, "{:?}", asked.elapsed());
    drop(unread);
    city.launch();
    ledger.assert_stored(&city);
}

#[test]
fn an_interrupt_at_the_terminal_drains_and_ends_with_130() {
    let mut city = City::start();
    let mut client = Client::connect(city.addresses().mqtt, "one", Version::V4);
    client
        .publish("devices/one/readings/json", br#"{"readings":{"v":1}}"#)
        .unwrap();
    assert_eq!(city.end_with("INT").code(), Some(130));
    city.launch();
    assert_eq!(city.settle()["stored"], 1);
}

#[test]
fn a_second_process_on_the_same_folder_is_refused_plainly_and_harms_nothing() {
    let city = City::start();
    let folder = city.folder().to_str().unwrap();
    let second = command::run(&["up", "--data", folder], city.folder(), &FREE);
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(
        second.errors.contains("in use by another nhip"),
        "{second:?}"
    );
    assert!(!second.output.contains("ready"), "{second:?}");
    assert_eq!(city.ask("GET", "/readyz", None).status, 200);
}

#[test]
fn an_address_that_is_taken_is_named() {
    let city = City::start();
    let elsewhere = tempfile::tempdir().unwrap();
    let taken = [
        ("NHIP_HTTP__LISTEN", "http.listen", city.addresses().http),
        ("NHIP_MQTT__LISTEN", "mqtt.listen", city.addresses().mqtt),
        (
            "NHIP_MQTT__WEBSOCKET",
            "mqtt.websocket",
            city.addresses().websocket,
        ),
    ];
    for (name, setting, address) in taken {
        let address = address.to_string();
        let mut settings = FREE;
        for setting in &mut settings {
            if setting.0 == name {
                setting.1 = &address;
            }
        }
        let second = command::run(&["up"], elsewhere.path(), &settings);
        assert_eq!(second.code, Some(1), "{name}: {second:?}");
        let told = format!("{setting}: {address} can't be listened on");
        let lines = second.errors.lines().filter(|line| line.contains(&address));
        let lines: Vec<&str> = lines.collect();
        assert!(
            lines.len() == 1 && lines[0].contains(&told),
            "{name}: {second:?}"
        );
        assert_eq!(
            lines[0].matches("in use").count(),
            1,
            "{name}: {}",
            lines[0]
        );
    }
}

#[test]
fn configuration_errors_come_all_at_once_with_2_and_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("nhip.toml"),
        "data = 5\n[mqtt]\nlisten = \"here\"\nlisen = 1\nwebsocket = \"0.0.0.0:8080\"\n\
         packet_bytes_max = \"8 MiB\"\n[http]\nlisten = \"0.0.0.0:8080\"\n\
         [log]\nbytes_max = \"100 MiB\"\n\
         [registry]\nregistration = \"perhaps\"\n[[mapping]]\nname = \"empty\"\n",
    )
    .unwrap();
    let settings = [("NHIP_DEMO__DEVICES", "0"), ("NHIP_NO__SUCH", "1")];
    for subcommand in ["check", "up"] {
        let ended = command::run(&[subcommand], folder.path(), &settings);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        for part in [
            "mqtt.listen: \"here\" in nhip.toml; expected an address and a port",
            "mqtt.lisen: unknown",
            "data: 5 in nhip.toml; expected a path",
            "http.listen: 0.0.0.0:8080, where mqtt.websocket",
            "log.record_bytes_max: 4 MiB; expected at least mqtt.packet_bytes_max (8 MiB)",
            "log.bytes_max: 100 MiB; expected at least 128 MiB",
            "registry.registration: \"perhaps\"",
            "demo.devices: \"0\" in NHIP_DEMO__DEVICES; expected a whole number from 1",
            "no.such: unknown, in NHIP_NO__SUCH",
            "http.listen: 0.0.0.0:8080",
            "mapping[0]",
        ] {
            assert!(ended.errors.contains(part), "{part}: {}", ended.errors);
        }
    }
    assert!(!folder.path().join("data").exists());
    let good = command::run(&["check", "--config", "/dev/null"], folder.path(), &[]);
    assert_eq!(good.code, Some(0), "{good:?}");
    assert!(!folder.path().join("data").exists());
    for wrong in [vec!["fly"], vec!["up", "--no-such-flag"], vec![]] {
        assert_eq!(command::run(&wrong, folder.path(), &[]).code, Some(2));
    }
}

#[test]
fn it_says_once_that_it_is_ready_with_its_addresses() {
    let city = City::start();
    let line = city.ready_line();
    assert!(line.starts_with("ready mqtt=127.0.0.1:"), "{line}");
    let page = format!("page=http://{}/", city.addresses().http);
    assert!(line.ends_with(&page), "{line}");
    assert_eq!(city.ask("GET", "/", None).status, 200);
}

#[test]
fn readiness_is_told_part_by_part_and_every_promised_metric_is_there() {
    let city = City::start();
    assert_eq!(city.ask("GET", "/healthz", None).status, 200);
    let ready = city.get("/readyz");
    assert_eq!(ready["ready"], true);
    for part in ["log", "ingest", "store", "broker"] {
        assert_eq!(ready["parts"][part]["ready"], true, "{part}: {ready}");
    }
    // A reason has to have come before its counter has a label.
    let mut client = Client::connect(city.addresses().mqtt, "one", Version::V4);
    client
        .publish(
            "devices/one/readings/json",
            br#"{"readings":{"v":[],"w":1}}"#,
        )
        .unwrap();
    city.settle();
    let bytes = &city.get("/api/v1/health")["store"]["bytes"];
    assert!(bytes.as_u64() > Some(0), "the journal counts: {bytes}");
    let text = city.ask("GET", "/metrics", None).text;
    for name in [
        "nhip_readings_received_total",
        "nhip_readings_stored_total",
        "nhip_readings_duplicate_total",
        "nhip_readings_rejected_total{reason=\"bad_value\"} 1",
        "nhip_readings_pending",
        "nhip_mqtt_connections",
        "nhip_mqtt_publishes_total",
        "nhip_log_commit_seconds",
        "nhip_log_bytes",
        "nhip_ingest_lag_seconds",
        "nhip_store_append_seconds",
        "nhip_live_subscribers",
        "nhip_live_dropped_total",
        "build_info",
    ] {
        let there = text.lines().any(|line| line.starts_with(name));
        assert!(there, "{name}");
    }
}

#[test]
fn a_folder_made_on_a_machine_with_more_cores_goes_on_here() {
    let folder = tempfile::tempdir().unwrap();
    let start = |shards: &str| {
        let builder = City::builder().data(folder.path());
        builder.set("INGEST__SHARDS", shards).start()
    };
    let mut there = start("7");
    let publishers = Publishers::start(there.addresses().mqtt, "moved", 10);
    publishers.wait_for(500);
    let ledger = publishers.stop();
    assert_eq!(there.terminate().code(), Some(0));
    let here = start("0");
    here.settle();
    ledger.assert_stored(&here);
}

#[test]
fn a_frozen_process_goes_on_where_it_stood() {
    let city = City::start();
    let publishers = Publishers::start(city.addresses().mqtt, "frozen", 20);
    publishers.wait_for(500);
    signal(city.pid(), "STOP");
    let before = publishers.acknowledged();
    signal(city.pid(), "CONT");
    publishers.wait_for(500);
    assert!(publishers.acknowledged() > before);
    let ledger = publishers.stop();
    city.settle();
    ledger.assert_stored(&city);
}
