//! A load generator for benchmarks: many connections on one thread, each with a window of
//! unfinished publishes, costing little beside the server under test.

use crate::mqtt::{self, Version};
use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

/// Bytes of a PUBACK, PUBREC, PUBREL or PUBCOMP in 3.1.1.
const ANSWER_BYTES: usize = 4;
const PUBREC: u8 = 0x50;
const PUBREL: u8 = 0x62;

/// What to send.
#[derive(Clone, Debug)]
pub struct Load {
    /// The server.
    pub address: SocketAddr,
    /// Connections.
    pub clients: usize,
    /// Publishes that each leaves unfinished.
    pub window: usize,
    /// Publishes that each sends.
    pub messages: u64,
    /// Publishes/s over all connections; 0 for as many as are acknowledged.
    pub rate: u64,
    /// Makes the topic of a client and the payload of a message; called in order.
    pub source: fn() -> Box<dyn Source>,
}

/// Where messages come from: one for each client.
pub trait Source: Send {
    /// The topic of all messages of this client.
    fn topic(&self, client: usize) -> String;
    /// Appends the payload of message `number` of `client`.
    fn payload(&mut self, client: usize, number: u64, into: &mut Vec<u8>);
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// Acknowledged publishes.
    pub acknowledged: u64,
    /// From the first publish to the last acknowledgement.
    pub elapsed: Duration,
}

impl Outcome {
    /// Acknowledged publishes a second.
    pub fn rate(&self) -> f64 {
        self.acknowledged as f64 / self.elapsed.as_secs_f64()
    }
}

impl Load {
    /// Sends everything with QoS 1 and waits for every acknowledgement.
    pub fn run(&self) -> Outcome {
        self.run_at(1)
    }

    /// Sends everything with QoS 2 and waits until each is completed (PUBCOMP).
    pub fn run_exactly_once(&self) -> Outcome {
        self.run_at(2)
    }

    fn run_at(&self, qos: u8) -> Outcome {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(self.run_all(qos))
    }

    async fn run_all(&self, qos: u8) -> Outcome {
        let mut connections = Vec::new();
        for client in 0..self.clients {
            let stream = connect(self.address, &format!("load-{client}"))
                .await
                .expect("the server lets a client in");
            connections.push(stream);
        }
        let started = Instant::now();
        let mut tasks = JoinSet::new();
        for (client, stream) in connections.into_iter().enumerate() {
            tasks.spawn(self.clone().run_one(client, stream, started, qos));
        }
        let mut acknowledged = 0;
        while let Some(outcome) = tasks.join_next().await {
            acknowledged += outcome
                .expect("no client panics")
                .expect("the server answers");
        }
        Outcome {
            acknowledged,
            elapsed: started.elapsed(),
        }
    }

    async fn run_one(
        self,
        client: usize,
        mut stream: TcpStream,
        started: Instant,
        qos: u8,
    ) -> io::Result<u64> {
        let mut source = (self.source)();
        let topic = source.topic(client);
        let (mut sent, mut acknowledged, mut odd_bytes) = (0, 0, 0);
        let mut out = Vec::new();
        let mut payload = Vec::new();
        let mut answers = vec![0; 64 << 10];
        while acknowledged < self.messages {
            let free = self.window as u64 - (sent - acknowledged);
            let until = (sent + free).min(self.messages).min(self.allowed(started));
            while sent < until {
                payload.clear();
                source.payload(client, sent, &mut payload);
                let id = (sent % 65_535) as u16 + 1;
                append_publish(&mut out, &topic, &payload, id, qos);
                sent += 1;
            }
            if !out.is_empty() {
                stream.write_all(&out).await?;
                out.clear();
            }
            if sent == acknowledged {
                tokio::time::sleep(Duration::from_millis(1)).await;
                continue;
            }
            let count = stream.read(&mut answers[odd_bytes..]).await?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let whole = odd_bytes + count;
            odd_bytes = whole % ANSWER_BYTES;
            acknowledged += finished(&answers[..whole - odd_bytes], &mut out);
            answers.copy_within(whole - odd_bytes..whole, 0);
        }
        Ok(acknowledged)
    }

    /// How many messages a client may have sent by now.
    fn allowed(&self, started: Instant) -> u64 {
        if self.rate == 0 {
            return u64::MAX;
        }
        let all = started.elapsed().as_secs_f64() * self.rate as f64;
        (all / self.clients as f64) as u64 + 1
    }
}

async fn connect(address: SocketAddr, id: &str) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    stream.write_all(&mqtt::connect(id, Version::V4, 0)).await?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await?;
    match answer {
        [0x20, 2, 0, 0] => Ok(stream),
        other => Err(io::Error::other(format!("refused: {other:?}"))),
    }
}

/// How many publishes these answers finish; the others are answered in turn.
fn finished(answers: &[u8], out: &mut Vec<u8>) -> u64 {
    let mut finished = 0;
    for answer in answers.chunks_exact(ANSWER_BYTES) {
        match answer[0] {
            PUBREC => out.extend([PUBREL, 2, answer[2], answer[3]]),
            _ => finished += 1,
        }
    }
    finished
}

/// A PUBLISH without an allocation of its own.
fn append_publish(out: &mut Vec<u8>, topic: &str, payload: &[u8], id: u16, qos: u8) {
    let mut length = 2 + topic.len() + 2 + payload.len();
    out.push(0x30 | qos << 1);
    loop {
        let more = if length > 127 { 128 } else { 0 };
        out.push((length % 128) as u8 | more);
        length /= 128;
        if length == 0 {
            break;
        }
    }
    mqtt::text(out, topic);
    out.extend(id.to_be_bytes());
    out.extend_from_slice(payload);
}
