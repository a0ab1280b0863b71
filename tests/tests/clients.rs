//! Other people's MQTT clients publish and subscribe, each with 3.1.1 and 5.

use nhip_tests::City;
use serde_json::{Value, json};
use std::{
    ffi::OsString,
    io::{BufRead, BufReader, Lines},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

/// How a client is told to publish or subscribe.
struct Tool {
    name: &'static str,
    publish: fn(u16, u8, &str, &str) -> Command,
    subscribe: fn(u16, u8, &str) -> Command,
    /// Whether it says `subscribed` when it is.
    announces: bool,
}

const TOOLS: [Tool; 3] = [
    Tool {
        name: "mosquitto",
        publish: |port, version, topic, payload| {
            let mut command = Command::new("mosquitto_pub");
            mosquitto(&mut command, port, version, topic);
            command.args(["-m", payload]);
            command
        },
        subscribe: |port, version, filter| {
            // By itself it keeps what it prints into a pipe until it ends.
            let mut command = Command::new("stdbuf");
            command.args(["-oL", "mosquitto_sub"]);
            mosquitto(&mut command, port, version, filter);
            // -d prints the SUBACK, which is what says that it is subscribed.
            command.args(["-C", "1", "-d", "-W", "60"]);
            command
        },
        announces: false,
    },
    Tool {
        name: "paho",
        publish: |port, version, topic, payload| {
            script(
                python(),
                "client.py",
                &[
                    &port.to_string(),
                    &version.to_string(),
                    "publish",
                    topic,
                    payload,
                ],
            )
        },
        subscribe: |port, version, filter| {
            script(
                python(),
                "client.py",
                &[
                    &port.to_string(),
                    &version.to_string(),
                    "subscribe",
                    filter,
                    "1",
                ],
            )
        },
        announces: true,
    },
    Tool {
        name: "mqttjs",
        publish: |port, version, topic, payload| {
            script(
                "node".into(),
                "client.mjs",
                &[
                    &port.to_string(),
                    &version.to_string(),
                    "publish",
                    topic,
                    payload,
                ],
            )
        },
        subscribe: |port, version, filter| {
            script(
                "node".into(),
                "client.mjs",
                &[
                    &port.to_string(),
                    &version.to_string(),
                    "subscribe",
                    filter,
                    "1",
                ],
            )
        },
        announces: true,
    },
];

fn mosquitto(command: &mut Command, port: u16, version: u8, topic: &str) {
    let version = if version == 5 { "mqttv5" } else { "mqttv311" };
    command.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-V", version]);
    command.args(["-q", "1", "-t", topic]);
}

fn python() -> OsString {
    std::env::var_os("TEST_PYTHON").unwrap_or_else(|| "python3".into())
}

fn script(interpreter: OsString, file: &str, arguments: &[&str]) -> Command {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
    let mut command = Command::new(interpreter);
    command.arg(folder.join(file)).args(arguments);
    command
}

/// A client that is subscribed; killed when it drops.
struct Subscriber {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Subscriber {
    fn start(tool: &Tool, city: &City, version: u8, filter: &str) -> Self {
        let port = city.addresses().mqtt.port();
        let mut process = (tool.subscribe)(port, version, filter)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", tool.name));
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mark = if tool.announces {
            "subscribed"
        } else {
            "SUBACK"
        };
        let subscribed = lines.by_ref().any(|line| line.unwrap().contains(mark));
        assert!(subscribed, "{} did not subscribe", tool.name);
        Self { process, lines }
    }

    /// The first payload that is JSON.
    fn message(&mut self) -> Value {
        self.lines
            .find_map(|line| serde_json::from_str(&line.unwrap()).ok())
            .expect("a message")
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn their_readings_are_stored_and_come_out_again_live_in_both_versions() {
    let city = City::start();
    for tool in &TOOLS {
        for version in [4, 5] {
            let device = format!("{}-{version}", tool.name);
            let filter = format!("live/+/+/{device}/#");
            let mut subscriber = Subscriber::start(tool, &city, version, &filter);
            let payload =
                json!({"boot": 1, "seq": 1, "readings": {"temperature": 30.5}}).to_string();
            let topic = format!("devices/{device}/readings/json");
            let status = (tool.publish)(city.addresses().mqtt.port(), version, &topic, &payload)
                .status()
                .unwrap();
            assert!(status.success(), "{device}");
            let live = subscriber.message();
            assert_eq!(live["device"], device.as_str());
            assert_eq!(live["datastream"], "temperature");
            assert_eq!(live["value"], 30.5);
            city.settle();
            let readings = city.readings(&format!("device={device}"));
            assert_eq!(readings.len(), 1, "{device}");
            assert_eq!(readings[0]["unit"], "Cel");
        }
    }
}

#[test]
fn ordinary_topics_go_from_any_client_to_any_other() {
    let city = City::start();
    let port = city.addresses().mqtt.port();
    for from in &TOOLS {
        for to in &TOOLS {
            for (from_version, to_version) in [(4, 5), (5, 4)] {
                let topic = format!("chat/{}/{}/{from_version}", from.name, to.name);
                let mut subscriber = Subscriber::start(to, &city, to_version, &topic);
                let status = (from.publish)(port, from_version, &topic, "{\"hello\":1}")
                    .status()
                    .unwrap();
                assert!(status.success());
                assert_eq!(subscriber.message()["hello"], 1, "{topic}");
            }
        }
    }
}
