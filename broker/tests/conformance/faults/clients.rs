//! Faults 7, 20 and 21: odd names, slow handshakes, more clients than there is room for.

use super::{BOTH, still_serves};
use crate::kit::{Client, House, PATIENCE, config, hello, until};
use nhip_broker::OpenAccess;
use nhip_broker::codec::{Packet, Reason, Version};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn fault_7_odd_client_ids_connect_again_and_again() {
    let house = House::open().await;
    let long = "x".repeat(256);
    for version in BOTH {
        for id in [
            "a/b",
            "+",
            "#",
            "$SYS",
            "a+b#c$d/e",
            "'; DROP TABLE t;--",
            &long,
        ] {
            let mut first = Client::connect(house.tcp(), version, id).await;
            let mut second = Client::connect(house.tcp(), version, id).await;
            first.expect_end(Reason::SESSION_TAKEN_OVER).await;
            second.ping().await;
        }
        let too_long = "x".repeat(257);
        let mut refused = Client::open(house.tcp(), version).await;
        refused
            .send(Packet::Connect(hello(version, &too_long)))
            .await;
        let code = if version == Version::V5 { 0x85 } else { 2 };
        refused.expect_refused(code).await;
    }
    still_serves(&house).await;
}

#[tokio::test]
async fn fault_7_a_client_id_of_64_kb_is_told_that_it_is_too_large() {
    let house = House::open().await;
    let endless = "x".repeat(65_535);
    let mut client = Client::open(house.tcp(), Version::V5).await;
    client
        .send(Packet::Connect(hello(Version::V5, &endless)))
        .await;
    client.expect_refused(0x95).await;
    still_serves(&house).await;
}

#[tokio::test]
async fn fault_7_a_client_id_with_nul_is_refused() {
    let house = House::open().await;
    for version in BOTH {
        let mut client = Client::open(house.tcp(), version).await;
        client.send(Packet::Connect(hello(version, "a\0b"))).await;
        match version {
            Version::V5 => client.expect_refused(0x81).await,
            Version::V311 => assert!(client.receive_or_end().await.is_none()),
        }
    }
    still_serves(&house).await;
}

#[tokio::test]
async fn fault_21_clients_that_are_refused_at_the_limit_may_retry() {
    let limited = nhip_broker::Config {
        connections_max: 3,
        ..config()
    };
    let house = House::with(limited, Arc::new(OpenAccess)).await;
    let mut held = Client::connect(house.tcp(), Version::V311, "held").await;
    let other = Client::connect(house.tcp(), Version::V311, "other").await;
    let third = Client::connect(house.tcp(), Version::V311, "third").await;
    for _ in 0..20 {
        let mut refused = Client::open(house.tcp(), Version::V311).await;
        assert!(refused.receive_or_end().await.is_none());
    }
    drop((other, third));
    until("their places are free", || house.broker.connections() == 1).await;
    held.ping().await;
    still_serves(&house).await;
}

#[tokio::test]
async fn fault_20_idle_and_slow_handshakes_hold_up_nobody_and_are_cut() {
    let hurried = nhip_broker::Config {
        connect_timeout_s: 1,
        ..config()
    };
    let house = House::with(hurried, Arc::new(OpenAccess)).await;
    let mut idle = Vec::new();
    for address in [house.tcp(), house.websocket()] {
        for _ in 0..5 {
            idle.push(Client::open(address, Version::V311).await);
        }
    }
    let mut slow = Client::open(house.tcp(), Version::V311).await;
    slow.send_bytes(&[0x10]).await;
    still_serves(&house).await;
    for mut client in idle {
        assert!(client.receive_or_end().await.is_none());
    }
    assert!(slow.receive_or_end().await.is_none());
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_cut_off() {
    let small = nhip_broker::Config {
        outgoing_bytes_max: 16 << 10,
        ..config()
    };
    let house = House::with(small, Arc::new(OpenAccess)).await;
    let mut client = Client::connect(house.tcp(), Version::V311, "c").await;
    let pings = [0xc0, 0].repeat(32 << 10);
    let cut = async { while client.stream.write_all(&pings).await.is_ok() {} };
    tokio::time::timeout(PATIENCE, cut)
        .await
        .expect("it is not cut off");
    still_serves(&house).await;
}

#[tokio::test]
async fn a_million_bytes_of_nothing_to_the_websocket_door_harm_nobody() {
    let house = House::open().await;
    let mut stream = tokio::net::TcpStream::connect(house.websocket())
        .await
        .unwrap();
    let _ = stream.write_all(&vec![b'x'; 1_000_000]).await;
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
    still_serves(&house).await;
}
