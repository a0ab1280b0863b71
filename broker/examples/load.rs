//! A load generator for any MQTT 3.1.1 server: QoS 1 publishes, encoded by hand, over raw
//! sockets, cheap enough not to be what is measured.
//!
//! `load [name=value]…`: `address` 127.0.0.1:1883, `clients` 50, `window` 200, `bytes` 64,
//! `seconds` 5, `topic` bench/{} with `{}` for the number of the client, `subscribers` 0 (to
//! everything published). Prints one line of JSON.
#![allow(clippy::print_stdout, reason = "its output is its result")]

use std::{
    collections::HashMap,
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Clone, Debug)]
struct Load {
    address: String,
    clients: usize,
    window: usize,
    bytes: usize,
    seconds: f64,
    topic: String,
    subscribers: usize,
}

#[derive(Debug, Default)]
struct Counters {
    acked: AtomicU64,
    delivered_bytes: AtomicU64,
    over: AtomicBool,
}

fn main() -> Result<(), Failure> {
    let load = Load::from_arguments()?;
    let counters = Arc::new(Counters::default());
    let mut subscribers = Vec::new();
    for number in 0..load.subscribers {
        subscribers.push(subscribe(&load, number, &counters)?);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let elapsed = runtime.block_on(run(&load, &counters))?;
    // What is under way still arrives.
    std::thread::sleep(Duration::from_millis(500));
    counters.over.store(true, Ordering::Relaxed);
    let acked = counters.acked.load(Ordering::Relaxed);
    let delivered_bytes = counters.delivered_bytes.load(Ordering::Relaxed);
    let packet = packet(&load.topic_of(0), 1, &vec![0; load.bytes]).len() as u64 - 2;
    println!(
        "{}",
        serde_json::json!({
            "clients": load.clients, "window": load.window, "bytes": load.bytes,
            "seconds": elapsed, "acked": acked, "acked_per_s": (acked as f64 / elapsed).round(),
            "subscribers": load.subscribers, "delivered_about": delivered_bytes / packet,
        })
    );
    drop(subscribers);
    Ok(())
}

impl Load {
    fn from_arguments() -> Result<Self, Failure> {
        let mut given: HashMap<String, String> = HashMap::new();
        for argument in std::env::args().skip(1) {
            let (name, value) = argument.split_once('=').ok_or("arguments are name=value")?;
            given.insert(name.into(), value.into());
        }
        let mut take = |name: &str, default: &str| given.remove(name).unwrap_or(default.into());
        let load = Self {
            address: take("address", "127.0.0.1:1883"),
            clients: take("clients", "50").parse()?,
            window: take("window", "200").parse()?,
            bytes: take("bytes", "64").parse()?,
            seconds: take("seconds", "5").parse()?,
            topic: take("topic", "bench/{}"),
            subscribers: take("subscribers", "0").parse()?,
        };
        match given.keys().next() {
            Some(name) => Err(format!("unknown argument {name}").into()),
            None => Ok(load),
        }
    }

    fn topic_of(&self, client: usize) -> String {
        self.topic.replace("{}", &client.to_string())
    }
}

async fn run(load: &Load, counters: &Arc<Counters>) -> Result<f64, Failure> {
    let mut clients = Vec::new();
    for number in 0..load.clients {
        clients.push(Client::connect(load, number).await?);
    }
    let started = Instant::now();
    let deadline = started + Duration::from_secs_f64(load.seconds);
    let tasks: Vec<_> = clients
        .into_iter()
        .map(|client| tokio::spawn(client.run(deadline, Arc::clone(counters))))
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(started.elapsed().as_secs_f64())
}

struct Client {
    stream: tokio::net::TcpStream,
    /// `window` packets, whose packet ids are written in place.
    packets: Vec<u8>,
    packet_bytes: usize,
    window: usize,
}

impl Client {
    async fn connect(load: &Load, number: usize) -> Result<Self, Failure> {
        let mut stream = tokio::net::TcpStream::connect(&load.address).await?;
        stream.set_nodelay(true)?;
        stream
            .write_all(&connect(&format!("load-{number}")))
            .await?;
        let mut connack = [0; 4];
        stream.read_exact(&mut connack).await?;
        if connack != [0x20, 2, 0, 0] {
            return Err(format!("refused: {connack:?}").into());
        }
        let payload = vec![b'x'; load.bytes];
        let one = packet(&load.topic_of(number), 1, &payload);
        let packets = (1..=load.window)
            .flat_map(|id| packet(&load.topic_of(number), id as u16, &payload))
            .collect();
        Ok(Self {
            stream,
            packets,
            packet_bytes: one.len(),
            window: load.window,
        })
    }

    /// Keeps the window full: as many new publishes as acknowledgements have come.
    async fn run(mut self, deadline: Instant, counters: Arc<Counters>) -> Result<(), Failure> {
        let mut acks = vec![0; 16 << 10];
        let (mut next, mut held) = (0, 0);
        self.stream.write_all(&self.packets).await?;
        loop {
            let read = self.stream.read(&mut acks).await?;
            if read == 0 {
                return Err("the server closed the connection".into());
            }
            // Acknowledgements are 4 bytes each and nothing else comes.
            let acked = (held + read) / 4;
            held = (held + read) % 4;
            counters.acked.fetch_add(acked as u64, Ordering::Relaxed);
            if Instant::now() >= deadline {
                return Ok(());
            }
            let mut left = acked;
            while left > 0 {
                let count = left.min(self.window - next);
                let from = next * self.packet_bytes;
                let bytes = &self.packets[from..from + count * self.packet_bytes];
                self.stream.write_all(bytes).await?;
                next = (next + count) % self.window;
                left -= count;
            }
        }
    }
}

/// A subscriber to everything, QoS 0, that only counts bytes.
fn subscribe(
    load: &Load,
    number: usize,
    counters: &Arc<Counters>,
) -> Result<std::thread::JoinHandle<()>, Failure> {
    let mut stream = TcpStream::connect(&load.address)?;
    stream.write_all(&connect(&format!("load-subscriber-{number}")))?;
    let mut answer = [0; 9];
    stream.read_exact(&mut answer[..4])?;
    stream.write_all(&[0x82, 6, 0, 1, 0, 1, b'#', 0])?;
    stream.read_exact(&mut answer[..5])?;
    stream.set_read_timeout(Some(Duration::from_millis(100)))?;
    let counters = Arc::clone(counters);
    Ok(std::thread::spawn(move || {
        let mut bytes = vec![0; 256 << 10];
        while !counters.over.load(Ordering::Relaxed) {
            match stream.read(&mut bytes) {
                Ok(0) => return,
                Ok(read) => {
                    counters
                        .delivered_bytes
                        .fetch_add(read as u64, Ordering::Relaxed);
                }
                Err(_) => {}
            }
        }
    }))
}

fn connect(id: &str) -> Vec<u8> {
    let mut out = vec![0x10, (12 + id.len()) as u8, 0, 4];
    out.extend_from_slice(b"MQTT\x04\x02\x00\x00\x00");
    out.push(id.len() as u8);
    out.extend_from_slice(id.as_bytes());
    out
}

fn packet(topic: &str, id: u16, payload: &[u8]) -> Vec<u8> {
    let mut length = 2 + topic.len() + 2 + payload.len();
    let mut out = vec![0x32];
    while length > 127 {
        out.push((length & 127) as u8 | 128);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(&(topic.len() as u16).to_be_bytes());
    out.extend_from_slice(topic.as_bytes());
    out.extend_from_slice(&id.to_be_bytes());
    out.extend_from_slice(payload);
    out
}
