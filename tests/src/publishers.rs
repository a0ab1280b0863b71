//! Many clients that publish, remember what was acknowledged, and send again what wasn't.

use crate::{
    ledger::{Ledger, value_of},
    mqtt::{self, Version},
};
use std::{
    collections::BTreeSet,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, tcp},
    runtime::Runtime,
    sync::Semaphore,
    task::JoinHandle,
};

/// How many publishes a client leaves unacknowledged.
const WINDOW: usize = 16;
/// Between attempts to connect to a platform that is down.
const RETRY: Duration = Duration::from_millis(50);

/// Between two allowances of paced clients.
const TICK: Duration = Duration::from_millis(20);

/// A fleet of publishing clients, running until they are stopped.
#[derive(Debug)]
pub struct Publishers {
    runtime: Runtime,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicU64>,
    /// What they may still send; none for anything.
    allowed: Option<Arc<Semaphore>>,
    clients: Vec<JoinHandle<Ledger>>,
}

impl Publishers {
    /// Starts `clients` devices named `<prefix>-<number>` that publish JSON readings of
    /// `sample` with boot 1 and sequence numbers from 1 on, as fast as they are
    /// acknowledged.
    pub fn start(address: SocketAddr, prefix: &str, clients: usize) -> Self {
        Self::start_with(address, prefix, clients, None)
    }

    /// Starts the same clients, which send no more than they are [allowed](Self::allow): so a
    /// test that takes long does not end with hours of readings.
    pub fn start_bounded(address: SocketAddr, prefix: &str, clients: usize) -> Self {
        Self::start_with(address, prefix, clients, Some(Arc::new(Semaphore::new(0))))
    }

    /// Starts the same clients, which together send at most `per_s` readings a second: a steady
    /// load that leaves the machine to what is tested.
    pub fn start_paced(address: SocketAddr, prefix: &str, clients: usize, per_s: usize) -> Self {
        let publishers = Self::start_bounded(address, prefix, clients);
        if let Some(allowed) = publishers.allowed.clone() {
            publishers.runtime.spawn(pace(allowed, per_s));
        }
        publishers
    }

    fn start_with(
        address: SocketAddr,
        prefix: &str,
        clients: usize,
        allowed: Option<Arc<Semaphore>>,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let stop = Arc::new(AtomicBool::new(false));
        let acknowledged = Arc::new(AtomicU64::new(0));
        let clients = (0..clients)
            .map(|number| {
                let device = Device {
                    address,
                    name: format!("{prefix}-{number}"),
                    stop: stop.clone(),
                    total: acknowledged.clone(),
                    allowed: allowed.clone(),
                    next: 1,
                    waiting: BTreeSet::new(),
                    acknowledged: BTreeSet::new(),
                };
                runtime.spawn(device.run())
            })
            .collect();
        Self {
            runtime,
            stop,
            acknowledged,
            allowed,
            clients,
        }
    }

    /// Lets bounded clients send so many readings more.
    pub fn allow(&self, more: usize) {
        if let Some(allowed) = &self.allowed {
            allowed.add_permits(more);
        }
    }

    /// How many acknowledgements have come.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Waits for `more` acknowledgements from now on.
    pub fn wait_for(&self, more: u64) {
        let target = self.acknowledged() + more;
        crate::wait::until("acknowledgements", || {
            (self.acknowledged() >= target).then_some(())
        });
    }

    /// Stops them where they stand, and returns what they know.
    pub fn stop(self) -> Ledger {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(allowed) = &self.allowed {
            allowed.close();
        }
        let mut ledger = Ledger::default();
        for client in self.clients {
            let entries = self.runtime.block_on(client).expect("no client panics");
            ledger.merge(entries);
        }
        ledger
    }
}

/// Allows so many readings a second, until the clients are stopped. What they could not send,
/// as while the platform is away, is not made up for.
async fn pace(allowed: Arc<Semaphore>, per_s: usize) {
    let mut ticks = tokio::time::interval(TICK);
    let ticks_per_s = (1_000 / TICK.as_millis()) as usize;
    while !allowed.is_closed() {
        ticks.tick().await;
        if allowed.available_permits() < per_s {
            allowed.add_permits(per_s.div_ceil(ticks_per_s));
        }
    }
}

struct Device {
    address: SocketAddr,
    name: String,
    stop: Arc<AtomicBool>,
    total: Arc<AtomicU64>,
    allowed: Option<Arc<Semaphore>>,
    next: u64,
    /// Sent and not acknowledged; sent again on a new connection.
    waiting: BTreeSet<u64>,
    acknowledged: BTreeSet<u64>,
}

impl Device {
    async fn run(mut self) -> Ledger {
        while !self.stopped() {
            // A connection that ends is what these clients are for.
            let _ = self.session().await;
            if !self.stopped() {
                tokio::time::sleep(RETRY).await;
            }
        }
        let sent = (1..self.next).collect();
        Ledger {
            sent: [(self.name.clone(), sent)].into(),
            acknowledged: [(self.name, self.acknowledged)].into(),
        }
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    async fn session(&mut self) -> io::Result<()> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (mut reader, mut writer) = stream.into_split();
        writer
            .write_all(&mqtt::connect(&self.name, Version::V4, 60))
            .await?;
        let mut answer = [0; 4];
        reader.read_exact(&mut answer).await?;
        let again: Vec<u64> = self.waiting.iter().copied().collect();
        let mut in_flight = self.send(&mut writer, &again).await?;
        while !self.stopped() {
            let free = WINDOW.saturating_sub(in_flight.len());
            let free = self.take(free, in_flight.is_empty()).await;
            if free == 0 && in_flight.is_empty() {
                continue;
            }
            let fresh: Vec<u64> = (self.next..self.next + free as u64).collect();
            self.next += free as u64;
            self.waiting.extend(&fresh);
            let sent = self.send(&mut writer, &fresh).await?;
            in_flight.extend(sent);
            let id = puback(&mut reader).await?;
            let place = in_flight.iter().position(|(sent, _)| *sent == id);
            let (_, seq) = in_flight.swap_remove(place.ok_or(io::ErrorKind::InvalidData)?);
            self.waiting.remove(&seq);
            self.acknowledged.insert(seq);
            self.total.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// How many of `free` readings it may send now; waits for one if it has none to wait for.
    async fn take(&self, free: usize, is_idle: bool) -> usize {
        let Some(allowed) = &self.allowed else {
            return free;
        };
        let mut taken = 0;
        if is_idle && let Ok(permit) = allowed.acquire().await {
            permit.forget();
            taken = 1;
        }
        while taken < free
            && let Ok(permit) = allowed.try_acquire()
        {
            permit.forget();
            taken += 1;
        }
        taken
    }

    /// Sends readings in one write; their packet ids with their numbers.
    async fn send(
        &self,
        writer: &mut tcp::OwnedWriteHalf,
        numbers: &[u64],
    ) -> io::Result<Vec<(u16, u64)>> {
        let topic = format!("devices/{}/readings/json", self.name);
        let mut bytes = Vec::new();
        let mut in_flight = Vec::new();
        for seq in numbers {
            let id = (seq % 65_535) as u16 + 1;
            let value = value_of(*seq);
            let payload = format!(
                "{{\"boot\":1,\"seq\":{seq},\"time\":{},\"readings\":{{\"sample\":{value}}}}}",
                1_763_000_000_000 + seq * 1000
            );
            bytes.extend(mqtt::publish(
                &topic,
                payload.as_bytes(),
                Some(id),
                Version::V4,
                false,
            ));
            in_flight.push((id, *seq));
        }
        writer.write_all(&bytes).await?;
        Ok(in_flight)
    }
}

async fn puback(reader: &mut tcp::OwnedReadHalf) -> io::Result<u16> {
    let mut packet = [0; 4];
    reader.read_exact(&mut packet).await?;
    if packet[0] != 0x40 {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(u16::from_be_bytes([packet[2], packet[3]]))
}
