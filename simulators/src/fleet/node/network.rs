//! The network between a device and the platform, and the time server behind it.

use super::{
    drive::DeviceTime,
    stream::{Reset, Stream},
    tap::Tap,
    time,
};
use crate::{
    city::noise,
    faults::{Spell, Spells},
    mqtt::Traffic,
    report::QueueLedger,
};
use nhip_node::{Connector, TimeSource, UnixTime};
use std::{cell::RefCell, net::SocketAddr, rc::Rc};
use tokio::net::TcpStream;

/// By how much the time server's answers may be wrong, µs.
const TIME_UNCERTAINTY_US: u32 = 1_000;
/// Outages in which nobody is told that the network is gone; the others end connections.
const SILENT_OUTAGES: f64 = 0.5;

/// What the network does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weather {
    /// It works, and may change at that time of the device.
    Fair(u64),
    /// Connections are refused, and those there were have ended.
    Down,
    /// What is sent is lost, and nobody says so, until that time of the device.
    Silent(u64),
}

/// One device's way to the platform.
pub(super) struct State {
    pub(super) address: SocketAddr,
    pub(super) time: Rc<DeviceTime>,
    pub(super) outages: RefCell<Spells>,
    /// Instants at which the whole fleet loses its connections, µs of the device's time.
    pub(super) storms_us: Rc<[u64]>,
    /// Part of the acknowledgements that get lost.
    pub(super) ack_lost: f64,
    /// When the time server's error changes, and the most that it can be, µs.
    pub(super) steps: RefCell<Spells>,
    pub(super) step_us_max: f64,
    pub(super) seed: u64,
    pub(super) traffic: RefCell<Traffic>,
    pub(super) ledger: Rc<RefCell<QueueLedger>>,
}

/// A handle on it.
#[derive(Clone)]
pub(super) struct Network(pub(super) Rc<State>);

impl State {
    /// What becomes at the present time of a connection that was made at another.
    pub(super) fn weather(&self, since_us: u64) -> Weather {
        let now_us = time::now_us();
        let storm = self.storms_us.partition_point(|storm| *storm <= since_us);
        let storm_us = self.storms_us.get(storm).copied().unwrap_or(u64::MAX);
        if storm_us <= now_us {
            return Weather::Down;
        }
        match self.outages.borrow_mut().at_or_after(now_us) {
            Some(Spell {
                from_us,
                to_us,
                draw,
            }) if from_us <= now_us => match draw {
                draw if draw < SILENT_OUTAGES => Weather::Silent(to_us),
                _ => Weather::Down,
            },
            outage => Weather::Fair(outage.map_or(storm_us, |next| next.from_us.min(storm_us))),
        }
    }

    /// How wrong the time server is, µs.
    fn step_us(&self) -> i64 {
        let step = self.steps.borrow_mut().at_or_after(time::now_us());
        match step {
            Some(step) if step.from_us <= time::now_us() => {
                ((2.0 * step.draw - 1.0) * self.step_us_max) as i64
            }
            _ => 0,
        }
    }

    /// Whether the acknowledgement of a message is lost on a connection made at that time.
    pub(super) fn loses_ack(&self, first_seq: u64, since_us: u64) -> bool {
        let parts = [first_seq as i64, since_us as i64, 0x61_636b];
        self.ack_lost > 0.0 && noise::unit(self.seed, &parts) < self.ack_lost
    }
}

/// A connection is being made; the power may go meanwhile.
struct Connecting<'a>(&'a DeviceTime);

impl<'a> Connecting<'a> {
    fn begin(time: &'a DeviceTime) -> Self {
        time.await_answers(1);
        Self(time)
    }
}

impl Drop for Connecting<'_> {
    fn drop(&mut self) {
        self.0.await_answers(0);
    }
}

impl Connector for Network {
    type Error = Reset;
    type Stream<'a> = Stream;

    async fn connect(&mut self) -> Result<Stream, Reset> {
        let since_us = time::now_us();
        match self.0.weather(since_us) {
            Weather::Fair(_) => {}
            Weather::Down => return Err(Reset),
            Weather::Silent(until_us) => {
                time::sleep_until(until_us).await;
                return Err(Reset);
            }
        }
        let connecting = Connecting::begin(&self.0.time);
        let tcp = TcpStream::connect(self.0.address).await;
        drop(connecting);
        let tcp = tcp.map_err(|_| Reset)?;
        // A device's small messages must not wait for the acknowledgement of the last one's bytes.
        tcp.set_nodelay(true).map_err(|_| Reset)?;
        Ok(Stream::new(tcp, self.0.clone(), Tap::new(since_us)))
    }
}

impl TimeSource for Network {
    type Error = Reset;

    async fn now(&mut self) -> Result<UnixTime, Reset> {
        match self.0.weather(time::now_us()) {
            Weather::Fair(_) => Ok(UnixTime {
                us: self.0.time.unix_us(time::now_us()) + self.0.step_us(),
                uncertainty_us: TIME_UNCERTAINTY_US,
            }),
            Weather::Down => Err(Reset),
            Weather::Silent(_) => std::future::pending().await,
        }
    }
}
