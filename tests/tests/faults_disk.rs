//! Faults 2 and 3: the tail of the log, a full disk.

use nhip_tests::{
    City, command,
    disk::SmallDisk,
    mqtt::{Client, Version, publish},
    publishers::Publishers,
    wait,
};
use serde_json::json;
use std::{
    fs::{self, OpenOptions},
    io::{Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::Command,
};

fn reading(seq: u64) -> String {
    json!({"boot": 1, "seq": seq, "readings": {"v": seq}}).to_string()
}

#[test]
fn fault_2_a_torn_tail_of_the_log_is_cut_and_the_rest_kept() {
    let mut city = City::start();
    let mut client = Client::connect(city.addresses().mqtt, "torn", Version::V4);
    for seq in 0..100 {
        client
            .publish("devices/torn/readings/json", reading(seq).as_bytes())
            .unwrap();
    }
    city.kill();
    // As a power cut leaves it: half a block of what nobody was promised.
    let segment = newest_segment(&city.folder().join("log"));
    let bytes = fs::read(&segment).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() as u64 + 1;
    let file = OpenOptions::new().write(true).open(&segment).unwrap();
    let garbage: Vec<u8> = (0..300u32).map(|byte| (byte * 31 + 7) as u8).collect();
    file.write_all_at(&garbage, end.next_multiple_of(8))
        .unwrap();
    city.launch();
    assert_eq!(city.settle()["stored"], 100);
    let mut client = Client::connect(city.addresses().mqtt, "torn", Version::V4);
    client
        .publish("devices/torn/readings/json", reading(100).as_bytes())
        .unwrap();
    city.kill_and_launch();
    assert_eq!(city.settle()["stored"], 101);
}

#[test]
fn fault_2_flipped_bytes_in_the_last_block_cost_that_block_alone() {
    let (mut city, segment, blocks) = blocks_of_one_reading_each(50);
    city.kill();
    flip(&segment, blocks[49] + 60);
    city.launch();
    // Nothing behind it proves that it was whole: it looks like a torn tail. What the fold
    // had of it was in memory only.
    assert_eq!(city.settle()["stored"], 49);
    let mut client = Client::connect(city.addresses().mqtt, "torn", Version::V4);
    client
        .publish("devices/torn/readings/json", reading(49).as_bytes())
        .unwrap();
    assert_eq!(city.settle()["stored"], 50);
}

#[test]
fn fault_2_a_broken_middle_is_refused_with_file_and_byte_and_left_as_it_is() {
    let (mut city, segment, blocks) = blocks_of_one_reading_each(50);
    city.kill();
    flip(&segment, blocks[20] + 60);
    let before = fs::read(&segment).unwrap();
    let data = city.folder().to_str().unwrap();
    let settings = ["MQTT__LISTEN", "MQTT__WEBSOCKET", "HTTP__LISTEN"];
    let settings = settings.map(|name| (format!("NHIP_{name}"), "127.0.0.1:0"));
    let settings: Vec<_> = settings
        .iter()
        .map(|(name, to)| (name.as_str(), *to))
        .collect();
    let ended = command::run(&["up", "--data", data], city.folder(), &settings);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let name = segment.file_name().unwrap().to_str().unwrap();
    assert!(ended.errors.contains(name), "{ended:?}");
    assert!(ended.errors.contains(&blocks[20].to_string()), "{ended:?}");
    assert!(fs::read(&segment).unwrap() == before, "it was changed");
    // Mended from a copy it goes on with everything.
    flip(&segment, blocks[20] + 60);
    city.launch();
    assert_eq!(city.settle()["stored"], 50);
}

/// A city with as many blocks in its log as readings, all in one segment, and where the
/// blocks begin.
fn blocks_of_one_reading_each(count: u64) -> (City, PathBuf, Vec<u64>) {
    let city = City::start();
    let mut client = Client::connect(city.addresses().mqtt, "torn", Version::V4);
    for seq in 0..count {
        client
            .publish("devices/torn/readings/json", reading(seq).as_bytes())
            .unwrap();
    }
    let segment = newest_segment(&city.folder().join("log"));
    let bytes = fs::read(&segment).unwrap();
    let blocks: Vec<u64> = (4096..bytes.len() - 4)
        .step_by(8)
        .filter(|at| &bytes[*at..*at + 4] == b"nblk")
        .map(|at| at as u64)
        .collect();
    assert_eq!(blocks.len() as u64, count);
    (city, segment, blocks)
}

/// Flips one bit.
fn flip(file: &Path, at: u64) {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(file)
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 4], at).unwrap();
}

fn newest_segment(folder: &Path) -> PathBuf {
    let is_segment = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with('0') && name.ends_with(".log")
    };
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(is_segment)
        .collect();
    files.sort();
    files.pop().expect("a segment")
}

#[test]
fn fault_3_a_full_disk_stops_acknowledgements_only_and_resumes_by_itself() {
    let Some(disk) = SmallDisk::mount(512) else {
        return;
    };
    let city = City::builder()
        .data(&disk.path().join("data"))
        .set("LOG__SEGMENT_BYTES", "4 MiB")
        .start();
    let publishers = Publishers::start(city.addresses().mqtt, "full", 30);
    publishers.wait_for(2000);
    disk.fill(1024);
    wait::until("the log to stall", || {
        (city.ask("GET", "/readyz", None).status == 503).then_some(())
    });
    let parts = city.ask("GET", "/readyz", None).text;
    assert!(parts.contains("for want of disk space"), "{parts}");
    assert!(!parts.contains("log.bytes_max"), "{parts}");
    // Readers and the API go on.
    let stored = city.readings("device=full-0").len();
    assert!(stored > 0);
    city.get("/api/v1/latest");
    disk.free();
    publishers.wait_for(2000);
    let ledger = publishers.stop();
    city.settle();
    ledger.assert_stored(&city);
}

#[test]
fn a_log_at_its_bound_says_so_and_not_that_the_disk_is_full() {
    let city = City::builder()
        .set("LOG__SEGMENT_BYTES", "1 MiB")
        .set("LOG__BYTES_MAX", "2 MiB")
        .set("INGEST__CHECKPOINT_INTERVAL_S", "86400")
        .start();
    let mut client = Client::connect(city.addresses().mqtt, "bound", Version::V5);
    let payload = json!({"readings": {"v": 1}, "padding": "x".repeat(100_000)}).to_string();
    for _ in 0..30 {
        let topic = "devices/bound/readings/json";
        client.send(&publish(
            topic,
            payload.as_bytes(),
            None,
            Version::V5,
            false,
        ));
    }
    let log = wait::until("the log to be at its bound", || {
        let ready = city.ask("GET", "/readyz", None);
        (ready.status == 503).then(|| ready.json()["parts"]["log"].clone())
    });
    let detail = log["detail"].as_str().unwrap();
    assert!(detail.contains("log.bytes_max"), "{detail}");
    assert!(!detail.contains("disk space"), "{detail}");
}

#[test]
fn a_log_without_open_files_waits_for_one_and_goes_on() {
    let city = City::builder().set("LOG__SEGMENT_BYTES", "1 MiB").start();
    let mut client = Client::connect(city.addresses().mqtt, "open", Version::V5);
    let payload = json!({"readings": {"v": 1}, "padding": "x".repeat(100_000)}).to_string();
    assert_eq!(
        client
            .publish("devices/open/readings/json", payload.as_bytes())
            .unwrap(),
        0
    );
    // Opened before there are none left to open.
    let mut question = TcpStream::connect(city.addresses().http).unwrap();
    assert!(readiness(&mut question).contains("\"ready\":true"));
    let held = fs::read_dir(format!("/proc/{}/fd", city.pid()))
        .unwrap()
        .count();
    limit_open_files(city.pid(), held + 8);
    // They take what is left and say nothing.
    let idle: Vec<TcpStream> = (0..30)
        .filter_map(|_| TcpStream::connect(city.addresses().mqtt).ok())
        .collect();
    for _ in 0..30 {
        client.send(&publish(
            "devices/open/readings/json",
            payload.as_bytes(),
            Some(1),
            Version::V5,
            false,
        ));
    }
    wait::until("the log to wait", || {
        let says = readiness(&mut question);
        says.contains("no more open files").then_some(())
    });
    drop(idle);
    for _ in 0..30 {
        let acknowledged = client.receive().unwrap();
        assert_eq!((acknowledged.kind(), acknowledged.body.get(2)), (4, None));
    }
    assert_eq!(city.settle()["received"], 31);
}

/// What `/readyz` says, over a connection that stays open.
fn readiness(connection: &mut TcpStream) -> String {
    connection
        .write_all(b"GET /readyz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
        .unwrap();
    let (mut answer, mut bytes) = (String::new(), [0; 4096]);
    while !answer.ends_with("}}") {
        let read = connection.read(&mut bytes).unwrap();
        assert!(read > 0, "it ended after {answer:?}");
        answer.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
    }
    answer
}

/// Open files that a running process may have.
fn limit_open_files(pid: u32, files: usize) {
    let status = Command::new("prlimit")
        .args([format!("--pid={pid}"), format!("--nofile={files}:{files}")])
        .status()
        .unwrap();
    assert!(status.success(), "prlimit of util-linux");
}

#[test]
fn fault_3_a_disk_too_full_for_the_database_refuses_devices_and_keeps_what_is_acknowledged() {
    let Some(disk) = SmallDisk::mount(512) else {
        return;
    };
    let mut city = City::builder()
        .data(&disk.path().join("data"))
        .set("LOG__SEGMENT_BYTES", "4 MiB")
        .set("LOG__FREE_BYTES_MIN", "1 MiB")
        .start();
    let address = city.addresses().mqtt;
    let put = |city: &City, device: &str| {
        let path = format!("/api/v1/devices/{device}");
        city.ask("PUT", &path, Some(&json!({"title": device})))
    };
    assert!(put(&city, "before").status < 300);
    // The log has room, and the database, which needs 32 MiB, has none.
    disk.fill(16 << 10);
    let mut client = Client::connect(address, "full", Version::V5);
    for number in 0..20 {
        let refused = put(&city, &format!("during-{number}"));
        assert_eq!(refused.status, 503, "{}", refused.text);
        assert!(refused.text.contains("MiB are needed"), "{}", refused.text);
        assert_eq!(refused.content_type, "application/problem+json");
        let topic = format!("kept/{number}");
        client.send(&publish(&topic, b"kept", Some(1), Version::V5, true));
        let acknowledged = client.receive().unwrap();
        assert_eq!((acknowledged.kind(), acknowledged.body.get(2)), (4, None));
        let code = client.publish("devices/new/readings/json", reading(number).as_bytes());
        assert_eq!(code.unwrap(), 0);
    }
    assert_eq!(
        city.ask("GET", "/api/v1/devices/during-0", None).status,
        404
    );
    city.get("/api/v1/devices/before");
    disk.free();
    assert!(put(&city, "after").status < 300);
    assert_eq!(city.settle()["stored"], 20);
    for _ in 0..2 {
        let mut subscriber = Client::connect(city.addresses().mqtt, "late", Version::V5);
        subscriber.subscribe("kept/#", 0);
        let mut kept: Vec<String> = (0..20).map(|_| subscriber.message().topic).collect();
        kept.sort();
        kept.dedup();
        assert_eq!(kept.len(), 20);
        assert_eq!(city.readings("device=new").len(), 20);
        city.get("/api/v1/devices/after");
        city.kill_and_launch();
    }
}
