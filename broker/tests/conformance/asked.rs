//! What a client of MQTT 5 gets only if it asks for it.

use crate::kit::{Client, House, Rules, config, hello, message, qos};
use nhip_broker::codec::{
    Connect, Packet, Place, Properties, Property, PropertyList, Publish, Reason, Version,
};
use std::sync::Arc;

fn connect<'a>(client: &'a str, list: &'a mut PropertyList, asked: Property<'_>) -> Connect<'a> {
    Connect {
        properties: list.push(asked).list(),
        ..hello(Version::V5, client)
    }
}

fn alias(publish: &Publish<'_>) -> Option<u16> {
    publish
        .properties
        .iter()
        .find_map(|property| match property {
            Property::TopicAlias(alias) => Some(alias),
            _ => None,
        })
}

fn reason_string(properties: Properties<'_>) -> Option<String> {
    properties.iter().find_map(|property| match property {
        Property::ReasonString(text) => Some(text.to_owned()),
        _ => None,
    })
}

#[tokio::test]
async fn topics_get_aliases_as_far_as_the_client_allows() {
    let house = House::open().await;
    let mut publisher = Client::connect(house.tcp(), Version::V5, "p").await;
    for most in [0, 2] {
        let mut list = PropertyList::default();
        let asked = Property::TopicAliasMaximum(most);
        // Another connection of the client knows none of the aliases.
        for _ in 0..2 {
            let (mut client, _) = Client::enter(house.tcp(), connect("c", &mut list, asked)).await;
            list = PropertyList::default();
            client.subscribe("topic/#", qos(1)).await;
            let mut seen = Vec::new();
            for topic in ["topic/1", "topic/2", "topic/3", "topic/1", "topic/3"] {
                publisher.publish_acked(message(1, 1, topic, topic)).await;
                let received = client.receive().await;
                let publish = received.publish();
                assert_eq!(publish.payload, topic.as_bytes());
                seen.push((publish.topic.to_owned(), alias(&publish)));
            }
            let [one, two] = [(most > 0).then_some(1), (most > 0).then_some(2)];
            let again = if most > 0 { "" } else { "topic/1" };
            let expected = [
                ("topic/1", one),
                ("topic/2", two),
                ("topic/3", None),
                (again, one),
                ("topic/3", None),
            ];
            let seen = seen.iter().map(|(topic, alias)| (topic.as_str(), *alias));
            assert!(seen.eq(expected), "{most}");
        }
    }
}

#[tokio::test]
async fn response_information_names_topics_of_the_clients_own() {
    let house = House::open().await;
    for (client, asked, expected) in [
        ("c", true, Some("responses/c")),
        ("c", false, None),
        ("wild/#", true, None),
    ] {
        let mut list = PropertyList::default();
        let asked = Property::RequestResponseInformation(asked);
        let (_client, connack) =
            Client::enter(house.tcp(), connect(client, &mut list, asked)).await;
        let Packet::Connack(answer) = connack.packet() else {
            panic!("no CONNACK");
        };
        let named = answer
            .properties
            .iter()
            .find_map(|property| match property {
                Property::ResponseInformation(topics) => Some(topics),
                _ => None,
            });
        assert_eq!(named, expected);
    }
}

#[tokio::test]
async fn an_answer_comes_back_on_the_topic_that_was_named() {
    let house = House::open().await;
    let mut asker = Client::connect(house.tcp(), Version::V5, "asker").await;
    asker.subscribe("responses/asker/#", qos(1)).await;
    let mut answerer = Client::connect(house.tcp(), Version::V5, "answerer").await;
    answerer.subscribe("requests", qos(1)).await;
    let mut list = PropertyList::default();
    list.push(Property::ResponseTopic("responses/asker/1"))
        .push(Property::CorrelationData(b"seven"));
    asker
        .publish_acked(Publish {
            properties: list.list(),
            ..message(1, 1, "requests", "what?")
        })
        .await;
    let request = answerer.receive().await;
    let request = request.publish();
    let (mut topic, mut answer) = ("", PropertyList::default());
    for property in request.properties.iter() {
        match property {
            Property::ResponseTopic(named) => topic = named,
            Property::CorrelationData(data) => {
                answer.push(Property::CorrelationData(data));
            }
            _ => {}
        }
    }
    answerer
        .publish_acked(Publish {
            properties: answer.list(),
            ..message(1, 1, topic, "this")
        })
        .await;
    let answered = asker.receive().await;
    let answered = answered.publish();
    let expected = Property::CorrelationData(b"seven");
    assert!(answered.properties.iter().any(|held| held == expected));
}

#[tokio::test]
async fn refusals_are_explained_to_those_who_ask() {
    let house = House::with(config(), Arc::new(Rules)).await;
    for asked in [true, false] {
        let mut list = PropertyList::default();
        let asks = Property::RequestProblemInformation(asked);
        let (mut client, _) = Client::enter(house.tcp(), connect("c", &mut list, asks)).await;
        client.publish(message(1, 1, "forbidden/x", "x")).await;
        let answer = client.receive().await;
        let Packet::Puback(ack) = answer.packet() else {
            panic!("expected PUBACK, got {answer:?}");
        };
        assert_eq!(ack.reason, Reason::NOT_AUTHORIZED);
        assert_eq!(reason_string(ack.properties).is_some(), asked);
        client.publish(message(2, 0, "a", "x")).await;
        let last = client.receive().await;
        let Packet::Disconnect(disconnect) = last.packet() else {
            panic!("expected DISCONNECT, got {last:?}");
        };
        assert_eq!(reason_string(disconnect.properties).is_some(), asked);
    }
}

#[tokio::test]
async fn an_explanation_never_makes_a_packet_too_large() {
    let house = House::with(config(), Arc::new(Rules)).await;
    // Problem information wanted, and packets of at most 40 bytes.
    let small = Properties::check(&[0x17, 1, 0x27, 0, 0, 0, 40], Place::Connect).unwrap();
    let connect = Connect {
        properties: small,
        ..hello(Version::V5, "c")
    };
    let (mut client, _) = Client::enter(house.tcp(), connect).await;
    client.publish(message(1, 1, "forbidden/x", "x")).await;
    let answer = client.receive().await;
    assert!(matches!(answer.packet(), Packet::Puback(ack) if ack.properties.is_empty()));
}

#[tokio::test]
async fn a_refused_connect_is_explained_to_those_who_ask() {
    let house = House::open().await;
    let mut list = PropertyList::default();
    list.push(Property::RequestProblemInformation(true));
    let asked = Property::AuthenticationMethod("SCRAM");
    let mut client = Client::open(house.tcp(), Version::V5).await;
    client
        .send(Packet::Connect(connect("c", &mut list, asked)))
        .await;
    let answer = client.receive().await;
    let Packet::Connack(connack) = answer.packet() else {
        panic!("expected CONNACK, got {answer:?}");
    };
    assert_eq!(connack.code, Reason::BAD_AUTHENTICATION_METHOD.0);
    assert!(reason_string(connack.properties).is_some());
}
