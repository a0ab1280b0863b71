//! The network between devices and the broker, and what can be wrong with it.

use crate::{
    broker::{Broker, Peer},
    time,
};
use embedded_io_async::{ErrorKind, ErrorType, Read, Write};
use nhip_node::{Connector, TimeSource, UnixTime, Unwelcome};
use std::{
    cell::RefCell,
    rc::Rc,
    task::{Poll, Waker},
};

/// What the network does at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weather {
    /// It works.
    #[default]
    Fair,
    /// Connections are refused and those there are have ended.
    Down,
    /// Everything that is sent is lost, and nobody says so.
    BlackHole,
}

/// The network, the broker behind it and the time server.
#[derive(Default)]
pub struct State {
    /// The broker.
    pub broker: Broker,
    /// What the network does.
    pub weather: Weather,
    /// One way, µs.
    pub latency_us: u64,
    /// How far the time server is from true time, µs; none: it doesn't answer.
    pub time_error_us: Option<i64>,
    /// What the time server says instead of a time.
    pub kiss: Option<Unwelcome>,
    /// Questions that the time server got.
    pub asked: u64,
    /// Bytes from devices after which every connection breaks.
    pub break_after: Option<u64>,
    /// Connections of an earlier epoch have ended.
    epoch: u64,
    wakers: Vec<Waker>,
}

/// A handle on it.
#[derive(Clone, Default)]
pub struct Network(pub Rc<RefCell<State>>);

/// True time at which the rig's time begins: 2026-11-22T06:00:00Z, µs since 1970.
pub const EPOCH_US: i64 = 1_795_327_200_000_000;

/// True unix time, µs.
pub fn true_unix_us() -> i64 {
    EPOCH_US + time::now_us() as i64
}

impl Network {
    /// A network that works, with a time server that is right.
    pub fn fair() -> Self {
        let network = Self::default();
        network.0.borrow_mut().time_error_us = Some(0);
        network
    }

    /// Changes the weather; connections end when it goes down.
    pub fn set(&self, weather: Weather) {
        let mut state = self.0.borrow_mut();
        state.weather = weather;
        if weather == Weather::Down {
            state.end_connections();
        }
    }

    /// Ends all connections.
    pub fn reset(&self) {
        self.0.borrow_mut().end_connections();
    }

    /// Sends a command to a device.
    pub fn command(&self, device: &str, command: &str, payload: &str) {
        let mut state = self.0.borrow_mut();
        let topic = format!("devices/{device}/commands/{command}");
        state.broker.send(device, &topic, payload.as_bytes());
        state.wake();
    }

    /// As [`Self::command`], retained.
    pub fn retain_command(&self, device: &str, command: &str, payload: &str) {
        let mut state = self.0.borrow_mut();
        let topic = format!("devices/{device}/commands/{command}");
        state.broker.retain(device, &topic, payload.as_bytes());
        state.wake();
    }
}

impl State {
    fn end_connections(&mut self) {
        self.epoch += 1;
        self.wake();
    }

    fn wake(&mut self) {
        self.wakers.drain(..).for_each(Waker::wake);
    }
}

/// Why a stream failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset;

impl core::fmt::Display for Reset {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("connection reset")
    }
}

impl core::error::Error for Reset {}

impl embedded_io_async::Error for Reset {
    fn kind(&self) -> ErrorKind {
        ErrorKind::ConnectionReset
    }
}

/// A connection to the broker in RAM.
pub struct Stream {
    network: Network,
    peer: Peer,
    epoch: u64,
}

impl Connector for Network {
    type Error = Reset;
    type Stream<'a> = Stream;

    async fn connect(&mut self) -> Result<Stream, Reset> {
        let latency_us = self.0.borrow().latency_us;
        time::sleep(2 * latency_us).await;
        let weather = self.0.borrow().weather;
        match weather {
            Weather::Fair => Ok(Stream {
                epoch: self.0.borrow().epoch,
                network: self.clone(),
                peer: Peer::default(),
            }),
            Weather::Down => Err(Reset),
            Weather::BlackHole => core::future::pending().await,
        }
    }
}

impl ErrorType for Stream {
    type Error = Reset;
}

impl Read for Stream {
    async fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Reset> {
        let latency_us = self.network.0.borrow().latency_us;
        let mut waited = false;
        loop {
            let ready = core::future::poll_fn(|context| {
                let mut state = self.network.0.borrow_mut();
                if state.epoch != self.epoch || self.peer.closed {
                    return Poll::Ready(Err(Reset));
                }
                if state.weather == Weather::Fair {
                    state.broker.deliver(&mut self.peer);
                    if self.peer.closed {
                        return Poll::Ready(Err(Reset));
                    }
                    if !self.peer.outgoing.is_empty() {
                        return Poll::Ready(Ok(()));
                    }
                }
                state.wakers.push(context.waker().clone());
                Poll::Pending
            })
            .await;
            ready?;
            if latency_us == 0 || waited {
                break;
            }
            waited = true;
            time::sleep(latency_us).await;
        }
        let count = bytes.len().min(self.peer.outgoing.len());
        for (byte, sent) in bytes.iter_mut().zip(self.peer.outgoing.drain(..count)) {
            *byte = sent;
        }
        self.network.0.borrow_mut().broker.bytes.1 += count as u64;
        Ok(count)
    }
}

impl Write for Stream {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Reset> {
        let mut state = self.network.0.borrow_mut();
        if state.epoch != self.epoch {
            return Err(Reset);
        }
        if state.weather == Weather::BlackHole {
            return Ok(bytes.len());
        }
        if let Some(left) = &mut state.break_after {
            *left = left.saturating_sub(bytes.len() as u64);
            if *left == 0 {
                state.break_after = None;
                state
                    .broker
                    .receive(&mut self.peer, &bytes[..bytes.len() / 2]);
                state.end_connections();
                return Err(Reset);
            }
        }
        state.broker.receive(&mut self.peer, bytes);
        // Another connection of this name may have to end.
        state.wake();
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), Reset> {
        Ok(())
    }
}

/// Why the time server gave no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untimed {
    /// It doesn't answer.
    Silent,
    /// It doesn't want to be asked.
    Kissed(Unwelcome),
}

impl TimeSource for Network {
    type Error = Untimed;

    fn unwelcome(error: &Untimed) -> Option<Unwelcome> {
        match error {
            Untimed::Silent => None,
            Untimed::Kissed(unwelcome) => Some(*unwelcome),
        }
    }

    async fn now(&mut self) -> Result<UnixTime, Untimed> {
        let (latency_us, error_us, weather, kiss) = {
            let mut state = self.0.borrow_mut();
            state.asked += 1;
            let kiss = state.kiss.filter(|_| state.weather == Weather::Fair);
            (state.latency_us, state.time_error_us, state.weather, kiss)
        };
        time::sleep(2 * latency_us).await;
        if let Some(unwelcome) = kiss {
            return Err(Untimed::Kissed(unwelcome));
        }
        match (weather, error_us) {
            (Weather::Fair, Some(error_us)) => Ok(UnixTime {
                us: true_unix_us() + error_us,
                uncertainty_us: 1_000 + 2 * latency_us as u32,
            }),
            (Weather::BlackHole, _) => core::future::pending().await,
            _ => Err(Untimed::Silent),
        }
    }
}
