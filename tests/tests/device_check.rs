//! `nhip device check` beside a device that does all right and one that doesn't.

use nhip_tests::{
    City,
    command::{Ended, run},
    mqtt::{Client, Version, publish},
    simulator::Simulator,
};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

fn check(city: &City, device: &str, long: &str) -> Ended {
    let mqtt = city.addresses().mqtt.to_string();
    let url = format!("http://{}", city.addresses().http);
    let words = ["device", "check", device, "--for", long, "--mqtt", &mqtt];
    let words: Vec<&str> = words.into_iter().chain(["--url", &url]).collect();
    run(&words, city.folder(), &[])
}

#[test]
fn a_device_that_runs_the_firmware_has_no_findings() {
    let city = City::start();
    let words = ["simulate", "--devices", "1", "--kinds", "air"];
    let more = ["--interval-s", "5", "--speed", "1", "--duration", "180s"];
    let also = ["--faults", "none", "--prefix", "good", "--no-verify"];
    let words: Vec<&str> = words.into_iter().chain(more).chain(also).collect();
    let mut simulator = Simulator::start(city.addresses(), &words);
    // It may spread its first message over half a minute.
    let ended = check(&city, "good-air-00000", "50s");
    assert!(simulator.is_running(), "ended before it was watched");
    assert_eq!(ended.code, Some(0), "{} {}", ended.output, ended.errors);
    assert!(ended.output.contains("does all right"), "{}", ended.output);
}

#[test]
fn what_a_simple_publisher_gets_wrong_is_said_line_by_line() {
    let city = City::start();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut client = Client::connect(city.addresses().mqtt, "bad", Version::V5);
            let topic = "devices/bad/readings/json";
            let payload = br#"{"readings":{"t":{"value":31,"unit":"degreesC"}}}"#;
            while !done.load(Ordering::Relaxed) {
                client.send(&publish(topic, payload, None, Version::V5, false));
                // A device's own pace, not a wait for something.
                thread::sleep(Duration::from_millis(100));
            }
        });
        let ended = check(&city, "bad", "5s");
        done.store(true, Ordering::Relaxed);
        assert_eq!(ended.code, Some(1), "{} {}", ended.output, ended.errors);
        for part in [
            "no retained status",
            "with QoS 0",
            "no boot and seq",
            "have no time",
            "t has the unit \"degreesC\"",
            "note: ",
            "messages a second",
        ] {
            let lines = ended.output.lines().filter(|line| line.contains(part));
            assert_eq!(lines.count(), 1, "{part}: {}", ended.output);
        }
    });
}

#[test]
fn a_device_that_is_not_there_is_silent_and_unknown() {
    let city = City::start();
    let ended = check(&city, "nobody", "1s");
    assert_eq!(ended.code, Some(1));
    for part in ["no readings came", "no retained status", "doesn't know it"] {
        assert!(ended.output.contains(part), "{part}: {}", ended.output);
    }
}

/// A device that is on line, as the contract has it.
fn on_line(city: &City, device: &str) -> Client {
    let mut client = Client::connect(city.addresses().mqtt, device, Version::V5);
    let status = format!("devices/{device}/status");
    client.send(&publish(&status, b"online", Some(1), Version::V5, true));
    client
}

/// Milliseconds since 1970 UTC.
fn now_ms() -> u128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("a clock behind 1970").as_millis()
}

/// Watches a device that publishes, every 1.1 s, what `payload` makes of a number from 0 on.
fn watched(
    city: &City,
    device: &str,
    format: &str,
    payload: impl Fn(u64) -> String + Sync,
) -> Ended {
    let done = AtomicBool::new(false);
    let topic = format!("devices/{device}/readings/{format}");
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut client = on_line(city, device);
            for number in 0.. {
                let payload = payload(number);
                let acknowledged = client.publish(&topic, payload.as_bytes());
                assert_eq!(acknowledged.expect("a PUBACK"), 0);
                if done.load(Ordering::Relaxed) {
                    return;
                }
                // A device's own pace, not a wait for something.
                thread::sleep(Duration::from_millis(1_100));
            }
        });
        let ended = check(city, device, "7s");
        done.store(true, Ordering::Relaxed);
        ended
    })
}

/// Five readings of a boot, the last of them now.
fn five(boot: u64, first_seq: u64) -> String {
    let now_ms = now_ms();
    let objects: Vec<String> = (0..5)
        .map(|k| {
            let (seq, time) = (first_seq + k, now_ms - 40 + 10 * u128::from(k));
            let value = seq % 7;
            format!(r#"{{"boot":{boot},"seq":{seq},"time":{time},"readings":{{"level":{value}}}}}"#)
        })
        .collect();
    format!("[{}]", objects.join(","))
}

#[test]
fn a_device_that_starts_with_an_old_boot_is_told_that_its_readings_are_dropped() {
    let city = City::start();
    let mut before = on_line(&city, "again");
    for number in 0..40 {
        let payload = five(1, 5 * number);
        let topic = "devices/again/readings/json";
        let acknowledged = before.publish(topic, payload.as_bytes());
        assert_eq!(acknowledged.expect("a PUBACK"), 0);
    }
    drop(before);
    // What was acknowledged before would count as taken up meanwhile.
    city.settle();
    let ended = watched(&city, "again", "json", |number| five(1, 5 * number));
    assert_eq!(ended.code, Some(1), "{} {}", ended.output, ended.errors);
    let told = ended.output.contains("as duplicates of what it had before");
    assert!(told, "{} {}", ended.output, ended.errors);
    assert!(ended.errors.contains("stored 0,"), "{}", ended.errors);
    // The same device does all right with a boot of its own.
    city.settle();
    let ended = watched(&city, "again", "json", |number| five(2, 5 * number));
    assert_eq!(ended.code, Some(0), "{} {}", ended.output, ended.errors);
    assert!(ended.output.contains("left out 0 "), "{}", ended.output);
}

#[test]
fn senml_is_judged_by_its_times_and_by_what_the_platform_stored() {
    let city = City::start();
    let pack = |ahead_s: u128, value: u64| {
        let time_s = (now_ms() / 1_000 + ahead_s).to_string();
        let records = (0..4).map(|k| format!(r#"{{"n":"t{k}","u":"Cel","v":{value}}}"#));
        let records: Vec<String> = records.collect();
        format!(r#"[{{"bt":{time_s}}},{}]"#, records.join(","))
    };
    let ended = watched(&city, "right", "senml-json", |number| pack(0, number % 9));
    assert_eq!(ended.code, Some(0), "{} {}", ended.output, ended.errors);
    let totals = ended.output.lines().find(|line| line.contains("all right"));
    let readings = totals.and_then(|line| line.split_once("all right: "));
    assert!(
        readings.is_some_and(|(_, rest)| !rest.starts_with("0 ")),
        "{}",
        ended.output
    );
    let ended = watched(&city, "fast", "senml-json", |number| pack(25, number % 9));
    assert_eq!(ended.code, Some(1));
    let told = ended.output.contains("s in the future");
    assert!(told, "{} {}", ended.output, ended.errors);
    // No pack at all, which only the platform finds: that nobody else looked is said.
    let array = watched(&city, "binary", "senml-cbor", |_| "\u{0}".into());
    assert_eq!(array.code, Some(1));
    let told = array.output.contains("were not examined here");
    assert!(told, "{} {}", array.output, array.errors);
}
