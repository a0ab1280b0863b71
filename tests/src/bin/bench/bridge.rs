//! What people do without a platform: mosquitto, and a small program that subscribes and sends
//! line protocol over HTTP. It acknowledges to MQTT before the database has anything, keeps
//! nothing on the disk and knows no duplicates.

use crate::mosquitto::Mosquitto;
use ::questdb::ingress::{ProtocolVersion, Sender, SenderBuilder, TimestampMicros};
use nhip_tests::{
    load::{Load, Source},
    mqtt::{Client, Version, packet},
    questdb::QuestDb,
    wait,
};
use serde_json::Value;
use std::{
    io::{BufReader, Read, Write},
    net::TcpStream,
    thread,
    time::Instant,
};

/// Rows of a request.
const ROWS: usize = 10_000;
/// Rows after which the newest messages are acknowledged together.
const ACKNOWLEDGED: u64 = 50;
const TABLE: &str = "bridged";

/// Readings a second that are in QuestDB by this way.
pub fn rate(clients: usize, messages: u64, source: fn() -> Box<dyn Source>) -> f64 {
    let questdb = QuestDb::start(&[]);
    let mosquitto = Mosquitto::start();
    let total = clients as u64 * messages;
    let mut bridge = Bridge::start(&mosquitto, &questdb.server.http());
    let started = Instant::now();
    let bridging = thread::spawn(move || bridge.carry(total));
    let load = Load {
        address: mosquitto.address,
        clients,
        window: 200,
        messages,
        rate: 0,
        source,
    };
    load.run();
    bridging.join().expect("the bridge carries all");
    let count = format!("SELECT count() FROM {TABLE}");
    wait::until("the rows", || {
        (questdb.number(&count) == Some(total)).then_some(())
    });
    total as f64 / started.elapsed().as_secs_f64()
}

struct Bridge {
    reader: BufReader<TcpStream>,
    writer: TcpStream,
    sender: Sender,
}

impl Bridge {
    fn start(mosquitto: &Mosquitto, http: &str) -> Self {
        let mut client = Client::connect(mosquitto.address, "bridge", Version::V4);
        assert_eq!(client.subscribe("devices/+/readings/json", 1), 1);
        let stream = client.stream();
        let (reader, writer) = (stream.try_clone(), stream.try_clone());
        let (host, port) = http
            .trim_start_matches("http://")
            .split_once(':')
            .expect("host and port");
        let sender = SenderBuilder::new(::questdb::ingress::Protocol::Http, host, port)
            .protocol_version(ProtocolVersion::V2)
            .and_then(|builder| builder.build());
        Self {
            reader: BufReader::with_capacity(1 << 16, reader.expect("a socket")),
            writer: writer.expect("a socket"),
            sender: sender.expect("a client"),
        }
    }

    /// Carries so many messages of one reading each.
    fn carry(&mut self, total: u64) {
        let mut buffer = self.sender.new_buffer();
        let mut acknowledgements = Vec::new();
        for number in 1..=total {
            let (topic, payload, id) = self.message();
            acknowledgements.extend(packet(0x40, &id));
            if number % ACKNOWLEDGED == 0 || number == total || self.reader.buffer().is_empty() {
                self.writer
                    .write_all(&acknowledgements)
                    .expect("mosquitto listens");
                acknowledgements.clear();
            }
            let device = topic.split('/').nth(1).expect("devices/…/readings/json");
            let reading: Value = serde_json::from_slice(&payload).expect("JSON");
            let value = &reading["readings"]["temperature"];
            let mut row = || -> ::questdb::Result<()> {
                buffer
                    .table(TABLE)?
                    .symbol("device", device)?
                    .symbol("datastream", "temperature")?
                    .column_i64("seq", reading["seq"].as_i64().unwrap_or_default())?
                    .column_f64("value", value.as_f64().unwrap_or_default())?
                    .at(TimestampMicros::new(
                        reading["time"].as_i64().unwrap_or_default() * 1000,
                    ))
            };
            row().expect("a row");
            if buffer.row_count() >= ROWS || number == total {
                self.sender.flush(&mut buffer).expect("the server takes it");
            }
        }
    }

    /// Topic, payload and id of the next message.
    fn message(&mut self) -> (String, Vec<u8>, [u8; 2]) {
        loop {
            let first = self.byte();
            let (mut length, mut shift) = (0, 0);
            loop {
                let byte = self.byte();
                length |= usize::from(byte & 127) << shift;
                shift += 7;
                if byte & 128 == 0 {
                    break;
                }
            }
            let mut body = vec![0; length];
            self.reader.read_exact(&mut body).expect("a whole packet");
            if first >> 4 == 3 {
                let topic = 2 + (usize::from(body[0]) << 8 | usize::from(body[1]));
                let text = String::from_utf8_lossy(&body[2..topic]).into_owned();
                let id = [body[topic], body[topic + 1]];
                return (text, body.split_off(topic + 2), id);
            }
        }
    }

    fn byte(&mut self) -> u8 {
        let mut byte = [0];
        self.reader.read_exact(&mut byte).expect("mosquitto sends");
        byte[0]
    }
}
