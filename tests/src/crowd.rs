//! Thousands of clients on one thread that connect, stay, and come back, for benchmarks.

use crate::mqtt::{self, Version};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Runtime,
    sync::Semaphore,
    task::JoinSet,
};

/// Clients of a quiet arrival that are in their handshake at one time.
const ARRIVING: usize = 200;
/// Before a client that was turned away tries again: a server may have as many of its files open as
/// it may until it has seen that the old connections are gone.
const AGAIN: Duration = Duration::from_millis(200);
/// How long a client tries.
const PATIENCE: Duration = Duration::from_secs(60);

/// Lets this process, and those it starts, open as many files as the system allows; how many.
pub fn raise_open_files() -> u64 {
    let held = getrlimit(Resource::Nofile);
    // What is refused shows itself when the files run out.
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: held.maximum,
            maximum: held.maximum,
        },
    );
    held.maximum.unwrap_or(u64::MAX)
}

/// Clients that are connected and say nothing.
#[derive(Debug)]
pub struct Crowd {
    runtime: Runtime,
    address: SocketAddr,
    streams: Vec<TcpStream>,
}

impl Crowd {
    /// Connects `clients` with clean sessions and without keep-alive, a few at a time.
    pub fn arrive(address: SocketAddr, clients: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let streams = runtime.block_on(connect(address, clients, ARRIVING));
        Self {
            runtime,
            address,
            streams,
        }
    }

    /// Every connection breaks, and every client comes back at once; how long until the last is
    /// let in.
    pub fn drop_and_return(&mut self) -> Duration {
        let streams = std::mem::take(&mut self.streams);
        let clients = streams.len();
        let started = Instant::now();
        self.streams = self.runtime.block_on(async {
            for stream in streams {
                // It ends as when a network goes: without a goodbye, and no port is held back.
                stream.set_zero_linger().expect("a socket of ours");
            }
            connect(self.address, clients, clients).await
        });
        started.elapsed()
    }
}

async fn connect(address: SocketAddr, clients: usize, at_once: usize) -> Vec<TcpStream> {
    let places = Arc::new(Semaphore::new(at_once));
    let mut tasks = JoinSet::new();
    for client in 0..clients {
        let places = Arc::clone(&places);
        tasks.spawn(async move {
            let _place = places.acquire().await;
            let hello = mqtt::connect(&format!("crowd-{client}"), Version::V4, 0);
            let deadline = Instant::now() + PATIENCE;
            loop {
                match enter(address, &hello).await {
                    Ok(stream) => return stream,
                    Err(error) => assert!(Instant::now() < deadline, "{error}"),
                }
                tokio::time::sleep(AGAIN).await;
            }
        });
    }
    tasks.join_all().await
}

async fn enter(address: SocketAddr, hello: &[u8]) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(hello).await?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await?;
    match answer[3] {
        0 => Ok(stream),
        code => Err(io::Error::other(format!("refused with {code}"))),
    }
}

/// Makes `sessions` persistent sessions of 3.1.1, each with one filter of its own at QoS 1, whose
/// clients then leave with DISCONNECT.
pub fn leave_sessions(address: SocketAddr, sessions: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for first in 0..ARRIVING {
            tasks.spawn(async move {
                for client in (first..sessions).step_by(ARRIVING) {
                    leave_session(address, client)
                        .await
                        .expect("the server keeps a session");
                }
            });
        }
        tasks.join_all().await;
    });
}

async fn leave_session(address: SocketAddr, client: usize) -> io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let id = format!("away-{client}");
    let hello = mqtt::connect_durable(&id, Version::V4);
    stream.write_all(&hello).await?;
    stream.read_exact(&mut [0; 4]).await?;
    let mut body = vec![0, 1];
    mqtt::text(&mut body, &format!("devices/{id}/commands/#"));
    body.push(1);
    stream.write_all(&mqtt::packet(0x82, &body)).await?;
    let mut suback = [0; 5];
    stream.read_exact(&mut suback).await?;
    if suback[4] != 1 {
        return Err(io::Error::other(format!("granted {}", suback[4])));
    }
    stream.write_all(&mqtt::packet(0xe0, &[])).await?;
    // Its own end would hold the port back.
    let _ = stream.read(&mut [0]).await?;
    stream.set_zero_linger()
}
