//! The clients, and how each is told what to do.

use crate::process::{Ending, Publisher, Subscriber};
use nhip_tests::City;
use std::{ffi::OsString, net::SocketAddr, path::Path, process::Command};

/// Somebody's client, with what it can and what it makes of a lost connection.
pub struct Tool {
    pub name: &'static str,
    /// Debian's mosquitto clients have no WebSocket; those from 2.1 on do.
    has_websocket: bool,
    /// Whether it comes back when a server of MQTT 5 sends it away: mosquitto ends.
    returns_when_sent_away: bool,
    /// The highest QoS that it takes in through lost connections. rumqttc forgets what it has
    /// received and not released, takes the PUBREL that comes on the next connection for an error,
    /// and never gets past it. mosquitto 2.0 drops the message of a PUBREL that it can't answer any
    /// more, before anybody has seen it; with MQTT 5 it also counts what it has received against
    /// its Receive Maximum on the next connection, counts it again when it is sent again, and ends.
    pub taken_through_cuts: u8,
    command: fn(&Told) -> Command,
}

const TOOLS: [Tool; 4] = [
    Tool {
        name: "mosquitto",
        has_websocket: false,
        returns_when_sent_away: false,
        taken_through_cuts: 1,
        command: mosquitto,
    },
    Tool {
        name: "paho",
        has_websocket: true,
        returns_when_sent_away: true,
        taken_through_cuts: 2,
        command: |told| {
            let python = std::env::var_os("TEST_PYTHON");
            script(
                python.unwrap_or_else(|| "python3".into()),
                "client.py",
                told,
            )
        },
    },
    Tool {
        name: "mqttjs",
        has_websocket: true,
        returns_when_sent_away: true,
        taken_through_cuts: 2,
        command: |told| script("node".into(), "client.mjs", told),
    },
    Tool {
        name: "rumqttc",
        has_websocket: true,
        returns_when_sent_away: true,
        taken_through_cuts: 1,
        command: |told| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_nhip-test-rumqttc"));
            command.args(told.words());
            command
        },
    },
];

/// What a client is told.
struct Told<'a> {
    client: &'a Client,
    address: SocketAddr,
    id: &'a str,
    verb: &'a str,
    topic: &'a str,
    qos: u8,
}

impl Told<'_> {
    fn words(&self) -> [String; 7] {
        let transport = if self.client.is_websocket {
            "ws"
        } else {
            "tcp"
        };
        [
            transport.into(),
            self.address.port().to_string(),
            self.client.version.to_string(),
            self.id.into(),
            self.verb.into(),
            self.topic.into(),
            self.qos.to_string(),
        ]
    }
}

fn script(interpreter: OsString, file: &str, told: &Told) -> Command {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
    let mut command = Command::new(interpreter);
    command.arg(folder.join(file)).args(told.words());
    command
}

fn mosquitto(told: &Told) -> Command {
    let (program, rest) = match told.verb {
        "publish" => ("mosquitto_pub", &["-l", "-d"][..]),
        // It ends when it is subscribed.
        "leave" => ("mosquitto_sub", &["-E"][..]),
        // -d prints the SUBACK, which is what says that it is subscribed.
        _ => ("mosquitto_sub", &["-d"][..]),
    };
    let version = match told.client.version {
        5 => "mqttv5",
        _ => "mqttv311",
    };
    // By itself it keeps what it prints into a pipe until it ends.
    let mut command = Command::new("stdbuf");
    command.args(["-oL", program, "-h", "127.0.0.1", "-V", version]);
    command.args(["-p", &told.address.port().to_string()]);
    command.args(["-c", "-i", told.id]);
    command.args(["-t", told.topic, "-q", &told.qos.to_string()]);
    command.args(rest);
    command
}

/// A tool with what it is to speak.
pub struct Client {
    pub tool: &'static Tool,
    /// 4 for 3.1.1, or 5.
    pub version: u8,
    pub is_websocket: bool,
    /// Such as `paho-5-ws`.
    pub name: String,
}

impl Client {
    /// Every tool with each version over each transport that it has.
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for tool in &TOOLS {
            for version in [4, 5] {
                for is_websocket in [false, true] {
                    if is_websocket && !tool.has_websocket {
                        continue;
                    }
                    let transport = if is_websocket { "ws" } else { "tcp" };
                    all.push(Self {
                        tool,
                        version,
                        is_websocket,
                        name: format!("{}-{version}-{transport}", tool.name),
                    });
                }
            }
        }
        all
    }

    /// Whether it comes back when another connection has taken its session over.
    pub fn returns_when_taken_over(&self) -> bool {
        self.version == 4 || self.tool.returns_when_sent_away
    }

    /// A publisher with the session `id`.
    pub fn publisher(&self, city: &City, id: &str, topic: &str, qos: u8) -> Publisher {
        Publisher::start(id, self.command(city, id, "publish", topic, qos))
    }

    /// A subscriber with the session `id`.
    pub fn subscriber(&self, city: &City, id: &str, filter: &str, qos: u8) -> Subscriber {
        Subscriber::start(id, self.command(city, id, "take", filter, qos))
    }

    /// Subscribes and goes away: its session stays. The process is to be waited for.
    pub fn leave(&self, city: &City, id: &str, filter: &str, qos: u8) -> Ending {
        Ending::start(id, self.command(city, id, "leave", filter, qos))
    }

    fn command(&self, city: &City, id: &str, verb: &str, topic: &str, qos: u8) -> Command {
        let addresses = city.addresses();
        let address = match self.is_websocket {
            true => addresses.websocket,
            false => addresses.mqtt,
        };
        (self.tool.command)(&Told {
            client: self,
            address,
            id,
            verb,
            topic,
            qos,
        })
    }
}
