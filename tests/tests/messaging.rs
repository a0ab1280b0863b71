//! MQTT between clients: retained messages, wills, takeover, refusals.

use nhip_tests::{
    City,
    mqtt::{self, Client, Version, connect_with_will},
    wait,
};
use serde_json::json;
use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
};

fn subscriber(city: &City, filter: &str) -> Client {
    let mut client = Client::connect(city.addresses().mqtt, "listener", Version::V4);
    assert_eq!(client.subscribe(filter, 1), 1);
    client
}

fn retain(city: &City, topic: &str, payload: &str) {
    let mut client = Client::connect(city.addresses().mqtt, "retainer", Version::V4);
    client.send(&mqtt::publish(
        topic,
        payload.as_bytes(),
        Some(1),
        Version::V4,
        true,
    ));
    assert_eq!(client.receive().unwrap().kind(), 4, "PUBACK");
}

#[test]
fn a_retained_message_survives_kill_9_and_so_does_its_removal() {
    let mut city = City::start();
    for number in 0..20 {
        retain(&city, &format!("signs/{number}"), "first");
        retain(&city, &format!("signs/{number}"), &format!("text {number}"));
    }
    retain(&city, "signs/7", "");
    for _ in 0..2 {
        city.kill_and_launch();
        let mut client = subscriber(&city, "signs/+");
        let mut found: Vec<_> = (0..19).map(|_| client.message()).collect();
        found.sort_by_key(|message| message.topic.clone());
        assert!(found.iter().all(|message| message.retained));
        assert!(found.iter().all(|message| message.topic != "signs/7"));
        for message in &found {
            let number = message.topic.strip_prefix("signs/").unwrap();
            assert_eq!(message.payload, format!("text {number}").into_bytes());
        }
        // Nothing else was retained: what comes next is what is published now.
        retain(&city, "signs/next", "x");
        let next = client.message();
        assert_eq!((next.topic.as_str(), next.retained), ("signs/next", false));
        retain(&city, "signs/next", "");
    }
}

#[test]
fn those_who_share_a_filter_lose_nothing_to_kill_9() {
    let mut city = City::start();
    let member = |city: &City, id: &str| {
        let connect = mqtt::connect_durable(id, Version::V5);
        Client::enter(city.addresses().mqtt, &connect, Version::V5)
    };
    let publish = |city: &City, numbers: std::ops::Range<u32>| {
        let mut client = Client::connect(city.addresses().mqtt, "publisher", Version::V5);
        for number in numbers {
            let payload = number.to_string();
            assert_eq!(client.publish("work/1", payload.as_bytes()).unwrap(), 0);
        }
    };
    let mut members = ["one", "two"].map(|id| member(&city, id));
    for member in &mut members {
        assert_eq!(member.subscribe("$share/g/work/+", 1), 1);
    }
    publish(&city, 0..200);
    let mut done = BTreeSet::new();
    for member in &mut members {
        done.extend((0..40).map(|_| member.message().payload));
    }
    assert_eq!(done.len(), 80, "each goes to one of them");
    city.kill_and_launch();
    publish(&city, 200..300);
    // What either had and did not acknowledge is the other's, who may never come back.
    let mut one = member(&city, "one");
    while done.len() < 300 {
        done.insert(one.message().payload);
    }
    let numbers = (0..300_u32).map(|number| number.to_string().into_bytes());
    assert!(numbers.collect::<BTreeSet<_>>() == done);
}

#[test]
fn a_cut_connection_leaves_its_will_and_a_disconnect_does_not() {
    let mut city = City::start();
    let topic = "devices/lamp/status";
    let enter = |city: &City, will: &str| {
        let connect = connect_with_will("lamp", topic, will, true);
        Client::enter(city.addresses().mqtt, &connect, Version::V4)
    };
    let mut listener = subscriber(&city, topic);
    let mut polite = enter(&city, "polite");
    polite.send(&[0xe0, 0]);
    assert!(polite.is_ended());
    let cut = enter(&city, "offline");
    drop(cut);
    assert_eq!(listener.message().payload, b"offline");
    // It is retained and known of the device, across a kill.
    city.kill_and_launch();
    let mut listener = subscriber(&city, topic);
    let retained = listener.message();
    assert_eq!(
        (retained.payload.as_slice(), retained.retained),
        (&b"offline"[..], true)
    );
    let mut client = Client::connect(city.addresses().mqtt, "lamp", Version::V4);
    client
        .publish(
            "devices/lamp/readings/json",
            json!({"readings": {"v": 1}}).to_string().as_bytes(),
        )
        .unwrap();
    city.settle();
    let device = city.get("/api/v1/devices/lamp");
    assert_eq!(device["status"], "offline", "{device}");
    client.send(&mqtt::publish(topic, b"online", Some(9), Version::V4, true));
    assert_eq!(client.receive().unwrap().kind(), 4);
    wait::until("the status to be online", || {
        (city.get("/api/v1/devices/lamp")["status"] == "online").then_some(())
    });
}

#[test]
fn wills_of_clients_that_a_kill_cut_off_are_published_after_it() {
    let mut city = City::start();
    let enter = |number: u32| {
        let topic = format!("wills/{number}");
        let connect = connect_with_will(&format!("c{number}"), &topic, "gone", true);
        Client::enter(city.addresses().mqtt, &connect, Version::V4)
    };
    let clients: Vec<Client> = (0..50).map(enter).collect();
    let mut polite = enter(50);
    polite.send(&[0xe0, 0]);
    assert!(polite.is_ended());
    city.kill_and_launch();
    drop(clients);
    let mut listener = subscriber(&city, "wills/#");
    let topics = topics_of(&mut listener, 50);
    assert!(!topics.contains("wills/50"), "it said goodbye");
}

/// Receives until so many topics have come: what is retained as the listener subscribes may
/// come once more as it is published.
fn topics_of(listener: &mut Client, count: usize) -> BTreeSet<String> {
    let mut topics = BTreeSet::new();
    while topics.len() < count {
        topics.insert(listener.message().topic);
    }
    topics
}

#[test]
fn wills_of_clients_that_come_back_at_once_behind_a_kill_are_published() {
    let mut city = City::start();
    let enter = |city: &City, number: u32| {
        let topic = format!("wills/{number}");
        let mut connect = connect_with_will(&format!("c{number}"), &topic, "gone", true);
        // Not a clean session: it goes on.
        connect[9] &= !2;
        Client::enter(city.addresses().mqtt, &connect, Version::V4)
    };
    let clients: Vec<Client> = (0..50).map(|number| enter(&city, number)).collect();
    city.kill_and_launch();
    drop(clients);
    let _back: Vec<Client> = (0..50).map(|number| enter(&city, number)).collect();
    let mut listener = subscriber(&city, "wills/#");
    topics_of(&mut listener, 50);
}

#[test]
fn a_refusal_says_its_reason_in_5_and_ends_the_connection_in_3_1_1() {
    let city = City::builder()
        .set("MQTT__PACKET_BYTES_MAX", "16 KiB")
        .start();
    for topic in [
        "devices/a/readings/xml",
        "live/pm2_5/unplaced/a/b",
        "devices/A B/status",
    ] {
        let mut five = Client::connect(city.addresses().mqtt, "five", Version::V5);
        assert_eq!(five.publish(topic, b"{}").unwrap(), 0x90, "{topic}");
        // The same connection goes on.
        assert_eq!(five.publish("a/b", b"{}").unwrap(), 0);
        let mut four = Client::connect(city.addresses().mqtt, "four", Version::V4);
        four.send(&mqtt::publish(topic, b"{}", Some(1), Version::V4, false));
        assert!(four.is_ended(), "{topic}");
    }
    let large = vec![b'x'; 17 << 10];
    for version in [Version::V4, Version::V5] {
        let mut client = Client::connect(city.addresses().mqtt, "large", version);
        client.send(&mqtt::publish("a/b", &large, Some(1), version, false));
        if version == Version::V5 {
            let goodbye = client.receive().unwrap();
            assert_eq!((goodbye.kind(), goodbye.body[0]), (14, 0x95), "{goodbye:?}");
        }
        assert!(client.is_ended());
    }
    let figures = city.settle();
    assert_eq!(figures["received"], 0, "{figures}");
}

#[test]
fn the_newer_of_two_clients_of_one_name_stays() {
    let city = City::start();
    let mut first = Client::connect(city.addresses().mqtt, "same", Version::V5);
    let mut second = Client::connect(city.addresses().mqtt, "same", Version::V5);
    let goodbye = first.receive().unwrap();
    assert_eq!((goodbye.kind(), goodbye.body[0]), (14, 0x8e), "{goodbye:?}");
    assert!(first.is_ended());
    assert_eq!(second.publish("a/b", b"still here").unwrap(), 0);
}

#[test]
fn the_pages_that_may_use_the_api_may_speak_mqtt_over_websocket_and_no_others() {
    let listed = City::builder()
        .set("HTTP__HOSTS", "localhost,nhip.example")
        .start();
    let any = City::builder().set("HTTP__HOSTS", "*").start();
    for (city, origin, let_in) in [
        (&listed, "http://127.0.0.1:8080", true),
        (&listed, "https://nhip.example", true),
        (&listed, "https://evil.example", false),
        (&listed, "null", false),
        (&any, "http://127.0.0.1:8080", true),
        (&any, "https://nhip.example", false),
    ] {
        let addresses = city.addresses();
        let mqtt = ("/mqtt", "sec-websocket-protocol: mqtt\r\n");
        let live = ("/api/v1/live/ws", "");
        let doors = [(addresses.websocket, mqtt), (addresses.http, live)];
        for (address, (path, more)) in doors {
            let status = handshake(address, path, &format!("origin: {origin}\r\n{more}"));
            let expected = if let_in { "101" } else { "403" };
            assert_eq!(status, expected, "{origin} at {path}");
        }
    }
}

/// The status of the answer to a request for a WebSocket.
fn handshake(address: SocketAddr, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    )
    .unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    line.split(' ').nth(1).unwrap_or_default().to_owned()
}
