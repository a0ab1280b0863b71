//! MQTT 3.1.1.

use crate::{Driver, Event, INFLIGHT_MAX, REQUESTS_MAX, RETRY, Told};
use rumqttc::{Client, Connection, Event as Brought, MqttOptions, Outgoing, Packet, QoS};

pub(crate) fn driver(told: &Told) -> Driver {
    let mut options = MqttOptions::new(&told.id, told.host(), told.port);
    options
        .set_transport(told.transport())
        .set_clean_session(false)
        .set_inflight(INFLIGHT_MAX);
    let (client, mut connection) = Client::new(options, REQUESTS_MAX);
    let (publisher, subscriber) = (client.clone(), client.clone());
    Driver {
        publish: Box::new(move |topic, qos, payload| {
            let sent = publisher.publish(topic, level(qos), false, payload);
            sent.expect("the connection is driven");
        }),
        subscribe: Box::new(move |filter, qos| {
            let sent = subscriber.subscribe(filter, level(qos));
            sent.expect("the connection is driven");
        }),
        disconnect: Box::new(move || client.disconnect().expect("the connection is driven")),
        next: Box::new(move || next(&mut connection)),
    }
}

fn level(qos: u8) -> QoS {
    rumqttc::qos(qos).expect("a QoS")
}

fn next(connection: &mut Connection) -> Event {
    let brought = connection.recv().expect("the client is there");
    eprintln!("{brought:?}");
    match brought {
        Ok(Brought::Incoming(Packet::PubAck(_) | Packet::PubComp(_))) => Event::Acknowledged,
        Ok(Brought::Incoming(Packet::SubAck(_))) => Event::Subscribed,
        Ok(Brought::Incoming(Packet::Publish(message))) => Event::Message(message.payload.into()),
        Ok(Brought::Outgoing(Outgoing::Disconnect)) => Event::Gone,
        Ok(_) => Event::Other,
        Err(_) => {
            std::thread::sleep(RETRY);
            Event::Other
        }
    }
}
