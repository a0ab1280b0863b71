//! MQTT over WebSocket.

use crate::kit::{House, hello, message, until};
use futures_util::{SinkExt, StreamExt};
use nhip_broker::codec::{Packet, Version};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest, http::HeaderValue};

#[tokio::test]
async fn mqtt_comes_through_websocket_whatever_the_messages_bounds() {
    let house = House::open().await;
    let url = format!("ws://{}/mqtt", house.websocket());
    let mut request = url.into_client_request().unwrap();
    let protocol = HeaderValue::from_static("mqtt");
    request
        .headers_mut()
        .insert("sec-websocket-protocol", protocol);
    let stream = TcpStream::connect(house.websocket()).await.unwrap();
    let (mut socket, response) = tokio_tungstenite::client_async(request, stream)
        .await
        .unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "mqtt");
    let mut out = Vec::new();
    Packet::Connect(hello(Version::V5, "ws")).write(Version::V5, &mut out);
    Packet::Publish(message(1, 7, "a/b", "over ws")).write(Version::V5, &mut out);
    for part in out.chunks(5) {
        socket.send(Message::binary(part.to_vec())).await.unwrap();
    }
    let mut read = Vec::new();
    while !read.ends_with(&[0x40, 2, 0, 7]) {
        let message = socket.next().await.unwrap().unwrap();
        read.extend_from_slice(&message.into_data());
    }
    assert_eq!(house.log.records().len(), 1);
}

#[tokio::test]
async fn a_text_message_ends_the_websocket() {
    let house = House::open().await;
    let url = format!("ws://{}/mqtt", house.websocket());
    let mut request = url.into_client_request().unwrap();
    let protocol = HeaderValue::from_static("mqtt");
    let headers = request.headers_mut();
    headers.insert("sec-websocket-protocol", protocol);
    let stream = TcpStream::connect(house.websocket()).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async(request, stream)
        .await
        .unwrap();
    socket.send(Message::text("hello")).await.unwrap();
    while let Some(Ok(message)) = socket.next().await {
        assert!(message.is_close(), "expected the end, got {message:?}");
    }
    until("it is gone", || house.broker.connections() == 0).await;
}

#[tokio::test]
async fn websocket_needs_the_path_and_the_subprotocol() {
    let house = House::open().await;
    for (path, protocol, code) in [("/other", "mqtt", 404), ("/mqtt", "chat", 400)] {
        let url = format!("ws://{}{path}", house.websocket());
        let mut request = url.into_client_request().unwrap();
        let protocol = HeaderValue::from_static(protocol);
        request
            .headers_mut()
            .insert("sec-websocket-protocol", protocol);
        let stream = TcpStream::connect(house.websocket()).await.unwrap();
        let refused = tokio_tungstenite::client_async(request, stream).await;
        let Err(tokio_tungstenite::tungstenite::Error::Http(response)) = refused else {
            panic!("not refused: {refused:?}");
        };
        assert_eq!(response.status(), code);
    }
}

#[tokio::test]
async fn websocket_takes_the_pages_that_the_composition_takes_and_clients_that_are_none() {
    let house = House::open().await;
    let own = format!("http://{}", house.websocket());
    for (origin, code) in [
        (None, 101),
        (Some(own.as_str()), 101),
        (Some("http://evil.example"), 403),
        (Some("http://\u{111}.example"), 403),
    ] {
        let url = format!("ws://{}/mqtt", house.websocket());
        let mut request = url.into_client_request().unwrap();
        let headers = request.headers_mut();
        headers.insert("sec-websocket-protocol", HeaderValue::from_static("mqtt"));
        if let Some(origin) = origin {
            headers.insert(
                "origin",
                HeaderValue::from_bytes(origin.as_bytes()).unwrap(),
            );
        }
        let stream = TcpStream::connect(house.websocket()).await.unwrap();
        let answered = match tokio_tungstenite::client_async(request, stream).await {
            Ok((_, response)) => response.status(),
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) => response.status(),
            Err(error) => panic!("{origin:?}: {error}"),
        };
        assert_eq!(answered, code, "{origin:?}");
    }
}

#[tokio::test]
async fn what_is_no_websocket_of_version_13_is_told_so() {
    let house = House::open().await;
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: mqtt\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let other = format!("{upgrade}Sec-WebSocket-Version: 8\r\n");
    for (headers, status) in [(other.as_str(), "426"), ("", "400")] {
        let mut stream = TcpStream::connect(house.websocket()).await.unwrap();
        let request = format!("GET /mqtt HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        let names_13 = answer.contains("\r\nSec-WebSocket-Version: 13\r\n");
        assert_eq!(names_13, status == "426", "{answer}");
    }
}
