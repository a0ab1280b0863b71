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
    time::Duration,
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
            "messages of 1.0 readings",
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
