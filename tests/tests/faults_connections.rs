//! Faults 10, 11 and 21: many connections, and many that claim more than they send.

use nhip_tests::{
    City,
    mqtt::{self, Client, Version},
    wait,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::{io::Read, net::SocketAddr};

const CLIENTS: u64 = 10_000;
/// Open files of this process, and of the platform, beside their connections.
const OTHER_FILES: u64 = 1_500;
/// Connections opened before the first of them is answered: fewer than a listener's backlog.
const AT_ONCE: usize = 400;

/// How many clients this process may be, [`CLIENTS`] at most.
fn clients() -> usize {
    let held = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: held.maximum,
        maximum: held.maximum,
    };
    setrlimit(Resource::Nofile, raised).expect("a process may use what it is allowed");
    let most = held.maximum.unwrap_or(u64::MAX);
    most.saturating_sub(OTHER_FILES).min(CLIENTS) as usize
}

/// Everybody connects.
fn arrive(address: SocketAddr, count: usize) -> Vec<Client> {
    let mut all = Vec::with_capacity(count);
    while all.len() < count {
        let from = all.len();
        for number in from..count.min(from + AT_ONCE) {
            let mut client = Client::open(address, Version::V4);
            client.send(&mqtt::connect(&format!("c-{number}"), Version::V4, 600));
            all.push(client);
        }
        for client in &mut all[from..] {
            let connack = client.receive().expect("CONNACK");
            assert_eq!((connack.kind(), connack.body[1]), (2, 0));
        }
    }
    all
}

fn assert_serves(witness: &mut Client) {
    let topic = "devices/witness/readings/json";
    let code = witness.publish(topic, br#"{"readings": {"v": 1}}"#);
    assert_eq!(code.unwrap(), 0);
}

#[test]
fn fault_21_ten_thousand_clients_drop_and_return_and_one_more_than_there_may_be_is_refused() {
    let count = clients();
    let city = City::builder()
        .set("MQTT__CONNECTIONS_MAX", &(count + 1).to_string())
        .set("HTTP__CONNECTIONS_MAX", "100")
        .start();
    let address = city.addresses().mqtt;
    let connected = |count: usize| {
        wait::until("the clients to be counted", || {
            (city.metric("nhip_mqtt_connections") == count as f64).then_some(())
        });
    };
    let mut witness = Client::connect(address, "witness", Version::V5);
    let first = arrive(address, count);
    connected(count + 1);
    let before = city.resident_bytes();
    for _ in 0..3 {
        let mut refused = Client::open(address, Version::V4);
        refused.send(&mqtt::connect("one-too-many", Version::V4, 60));
        assert!(refused.is_ended());
    }
    assert_serves(&mut witness);
    drop(first);
    connected(1);
    let second = arrive(address, count);
    connected(count + 1);
    assert_serves(&mut witness);
    let grown = city.resident_bytes().saturating_sub(before);
    assert!(grown < 32 << 20, "their return took {grown} B");
    drop(second);
    connected(1);
}

/// A WebSocket behind its handshake.
fn open_websocket(address: SocketAddr) -> Client {
    let mut client = Client::open(address, Version::V4);
    let request = format!(
        "GET /mqtt HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
         Sec-WebSocket-Protocol: mqtt\r\n\r\n"
    );
    client.send(request.as_bytes());
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.stream().read_exact(&mut byte).expect("an answer");
        answer.push(byte[0]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 101"));
    client
}

#[test]
fn faults_10_and_11_nothing_is_allocated_for_a_length_before_its_bytes_arrive() {
    const CLAIMED: usize = 8 << 20;
    const EACH: usize = 200;
    let city = City::builder()
        .set("MQTT__PACKET_BYTES_MAX", "16 MiB")
        .set("LOG__RECORD_BYTES_MAX", "32 MiB")
        .set("MQTT__CONNECT_BYTES_MAX", "1 MiB")
        .start();
    let address = city.addresses().mqtt;
    let mut witness = Client::connect(address, "witness", Version::V5);
    assert_serves(&mut witness);
    let received = || city.metric("nhip_mqtt_received_bytes_total");
    let (before, asked) = (received(), city.asked_bytes());
    let mut all = Vec::new();
    for number in 0..EACH {
        // Of those 8 MiB, 100 bytes; of the CONNECT, its protocol name.
        let mut known = Client::connect(address, &format!("c-{number}"), Version::V4);
        let mut publish = [0; 100];
        publish[..5].copy_from_slice(&[0x30, 0x80, 0x80, 0x80, 0x04]);
        known.send(&publish);
        let mut unknown = Client::open(address, Version::V4);
        unknown.send(b"\x10\xff\xff\x1f\x00\x04MQTT\x04");
        let mut unknown_too = open_websocket(city.addresses().websocket);
        // A binary frame of 8 MiB, masked with zeros.
        unknown_too.send(b"\x82\xff\0\0\0\0\x00\x80\x00\x00\0\0\0\0\x10\xff\xff\x1f");
        all.push((known, unknown, unknown_too));
    }
    wait::until("what was sent to be read", || {
        (received() >= before + (100 * EACH) as f64).then_some(())
    });
    assert_serves(&mut witness);
    let grown = city.asked_bytes().saturating_sub(asked);
    let claimed = (EACH * CLAIMED) as u64;
    assert!(grown < claimed / 10, "{claimed} B claimed, {grown} B taken");
}
