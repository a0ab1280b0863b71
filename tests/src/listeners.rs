//! Subscribers for benchmarks: many connections on one thread that count what they get and
//! keep none of it, costing little beside the server under test.

use crate::mqtt::{self, Version};
use std::{
    cell::RefCell,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    task::JoinSet,
};

/// Bytes of one read: what a client with an ordinary buffer would take at once.
const READ_BYTES: usize = 64 << 10;
/// Between two looks at what has come.
const LOOK: Duration = Duration::from_millis(2);

/// Who subscribes to what.
#[derive(Clone, Debug)]
pub struct Listeners {
    /// The server.
    pub address: SocketAddr,
    /// Connections.
    pub clients: usize,
    /// The filter of each.
    pub filter: &'static str,
    /// 0, or 1: then each message is acknowledged.
    pub qos: u8,
}

/// Connections that are subscribed; dropped, they are gone.
#[derive(Debug)]
pub struct Listening {
    counts: Arc<Counts>,
    started: Instant,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Counts {
    subscribed: AtomicU64,
    received: AtomicU64,
    /// When the newest came, µs.
    newest_us: AtomicU64,
}

impl Listeners {
    /// Connects and subscribes all of them, and counts from then on.
    pub fn start(self) -> Listening {
        let counts = Arc::new(Counts::default());
        let started = Instant::now();
        let (end, ended) = oneshot::channel::<()>();
        let (clients, theirs) = (self.clients as u64, Arc::clone(&counts));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let mut tasks = JoinSet::new();
                for client in 0..self.clients {
                    let stream = self.subscribe(client).await.expect("a subscription");
                    theirs.subscribed.fetch_add(1, Ordering::Release);
                    tasks.spawn(listen(stream, Arc::clone(&theirs), started));
                }
                let _ = ended.await;
            });
        });
        crate::wait::until("every subscription", || {
            (counts.subscribed.load(Ordering::Acquire) == clients).then_some(())
        });
        Listening {
            counts,
            started,
            end: Some(end),
            thread: Some(thread),
        }
    }

    async fn subscribe(&self, client: usize) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let connect = mqtt::connect(&format!("listener-{client}"), Version::V4, 0);
        stream.write_all(&connect).await?;
        let mut connack = [0; 4];
        stream.read_exact(&mut connack).await?;
        let mut body = vec![0, 1];
        mqtt::text(&mut body, self.filter);
        body.push(self.qos);
        stream.write_all(&mqtt::packet(0x82, &body)).await?;
        let mut suback = [0; 5];
        stream.read_exact(&mut suback).await?;
        match (connack[3], suback[4]) {
            (0, granted) if granted == self.qos => Ok(stream),
            other => Err(io::Error::other(format!("refused: {other:?}"))),
        }
    }
}

impl Listening {
    /// Messages that all of them got together.
    pub fn received(&self) -> u64 {
        self.counts.received.load(Ordering::Relaxed)
    }

    /// Waits until they got `expected` together, or nothing more for `patience`; how many they
    /// got, and when the last of them.
    pub fn wait(&self, expected: u64, patience: Duration) -> (u64, Instant) {
        let (mut held, mut since) = (self.received(), Instant::now());
        while held < expected && since.elapsed() < patience {
            std::thread::sleep(LOOK);
            let now = self.received();
            if now != held {
                (held, since) = (now, Instant::now());
            }
        }
        let newest = Duration::from_micros(self.counts.newest_us.load(Ordering::Relaxed));
        (self.received(), self.started + newest)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn listen(mut stream: TcpStream, counts: Arc<Counts>, started: Instant) {
    thread_local! {
        static BYTES: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
    }
    let mut stretch = Stretch::default();
    let mut acks = Vec::new();
    while stream.readable().await.is_ok() {
        let count = BYTES.with_borrow_mut(|bytes| {
            let count = stream.try_read(bytes)?;
            let messages = stretch.take(&bytes[..count], &mut acks);
            counts.received.fetch_add(messages, Ordering::Relaxed);
            let now_us = started.elapsed().as_micros() as u64;
            counts.newest_us.store(now_us, Ordering::Relaxed);
            io::Result::Ok(count)
        });
        match count {
            Ok(0) => return,
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return,
            _ => {}
        }
        if !acks.is_empty() {
            if stream.write_all(&acks).await.is_err() {
                return;
            }
            acks.clear();
        }
    }
}

/// Bytes of a stream of packets, taken apart only as far as counting needs it.
#[derive(Debug, Default)]
struct Stretch {
    /// The beginning of a packet that isn't whole yet.
    held: Vec<u8>,
}

impl Stretch {
    /// Counts the PUBLISH packets that are whole with `bytes`; appends PUBACK for those of QoS 1.
    fn take(&mut self, bytes: &[u8], acks: &mut Vec<u8>) -> u64 {
        let mut messages = 0;
        let mut rest = bytes;
        if !self.held.is_empty() {
            self.held.extend_from_slice(bytes);
            rest = &self.held;
        }
        while let Some((first, body, behind)) = packet(rest) {
            if first >> 4 == 3 {
                messages += 1;
                if first & 6 != 0 {
                    let id_at = 2 + usize::from(body[0]) * 256 + usize::from(body[1]);
                    acks.extend([0x40, 2, body[id_at], body[id_at + 1]]);
                }
            }
            rest = behind;
        }
        self.held = rest.to_vec();
        messages
    }
}

/// The first packet, if it is whole: its first byte, its body and what is behind it.
fn packet(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (mut length, mut at) = (0, 1);
    loop {
        let byte = *bytes.get(at)?;
        length |= usize::from(byte & 127) << (7 * (at - 1));
        at += 1;
        if byte & 128 == 0 {
            break;
        }
    }
    let (whole, behind) = bytes.split_at_checked(at + length)?;
    Some((bytes[0], &whole[at..], behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_counted_wherever_the_stream_is_cut() {
        let mut stream = mqtt::publish("a/b", &[b'x'; 200], Some(0x0102), Version::V4, false);
        stream.extend(mqtt::publish("a", b"", None, Version::V4, false));
        stream.extend(mqtt::packet(0xd0, &[]));
        for cut in 0..=stream.len() {
            let (mut stretch, mut acks) = (Stretch::default(), Vec::new());
            let messages =
                stretch.take(&stream[..cut], &mut acks) + stretch.take(&stream[cut..], &mut acks);
            assert_eq!(
                (messages, &acks[..]),
                (2, &[0x40, 2, 1, 2][..]),
                "cut at {cut}"
            );
        }
    }
}
