//! From every client to every other.

use crate::tools::Client;
use nhip_tests::City;
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[test]
fn their_readings_are_stored_and_come_out_again_live_in_both_versions() {
    let city = City::start();
    let clients = Client::all();
    let live = clients.iter().map(|client| {
        let filter = format!("live/+/+/{}/#", client.name);
        client.subscriber(&city, &format!("live-{}", client.name), &filter, 1)
    });
    let live: Vec<_> = live.collect();
    let publishers = clients.iter().zip(&live).map(|(client, subscriber)| {
        subscriber.until_subscribed();
        let topic = format!("devices/{}/readings/json", client.name);
        let mut publisher = client.publisher(&city, &client.name, &topic, 1);
        let reading = json!({"boot": 1, "seq": 1, "readings": {"temperature": 30.5}});
        publisher.say([reading.to_string()]);
        publisher.end()
    });
    let publishers: Vec<_> = publishers.collect();
    for publisher in publishers {
        publisher.wait();
    }
    city.settle();
    for (client, subscriber) in clients.iter().zip(&live) {
        let message = &subscriber.until("{", |found| !found.is_empty())[0];
        let live: Value = serde_json::from_str(message).unwrap();
        assert_eq!(live["device"], client.name.as_str());
        assert_eq!(live["datastream"], "temperature");
        assert_eq!(live["value"], 30.5);
        let readings = city.readings(&format!("device={}", client.name));
        assert_eq!(readings.len(), 1, "{}", client.name);
        assert_eq!(readings[0]["unit"], "Cel");
    }
}

#[test]
fn ordinary_topics_go_from_any_client_to_any_other_with_every_qos() {
    let city = City::start();
    let clients = Client::all();
    let subscribers = clients.iter().map(|client| {
        let id = format!("to-{}", client.name);
        client.subscriber(&city, &id, "chat/+", 2)
    });
    let subscribers: Vec<_> = subscribers.collect();
    for subscriber in &subscribers {
        subscriber.until_subscribed();
    }
    let mut expected = BTreeSet::new();
    let mut publishers = Vec::new();
    for (number, client) in clients.iter().enumerate() {
        // One process each: together they have each QoS from each tool.
        let qos = (number % 3) as u8;
        let text = format!("chat with QoS {qos} from {}", client.name);
        let id = format!("from-{}", client.name);
        let mut publisher = client.publisher(&city, &id, &format!("chat/{number}"), qos);
        publisher.say([text.clone()]);
        publishers.push(publisher.end());
        expected.insert(text);
    }
    for publisher in publishers {
        publisher.wait();
    }
    for subscriber in &subscribers {
        let found = subscriber.until("chat", |found| found.len() >= expected.len());
        assert_eq!(found.len(), expected.len());
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
    }
}
