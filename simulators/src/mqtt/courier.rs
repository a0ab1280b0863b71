//! One MQTT client that loses nothing: what isn't acknowledged is sent again, as it was.

use super::{
    Config, Errand, Next, Traffic,
    link::{self, Event, Introduction, Wheel},
    passage::{Parcel, Passage},
};
use crate::city::noise;
use std::{collections::VecDeque, net::SocketAddr, pin::pin, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

/// Why a courier gave up, with messages unacknowledged.
#[derive(Debug, thiserror::Error)]
pub enum CourierError {
    /// Nothing was acknowledged for `give_up_s_max`.
    #[error("{client}: nothing acknowledged by {address} for {seconds} s, last: {reason}")]
    Unreachable {
        /// The client's id.
        client: String,
        /// Where the platform should be.
        address: SocketAddr,
        /// How long it was tried.
        seconds: u64,
        /// What the last connection said.
        reason: String,
    },
}

/// One MQTT client.
#[derive(Debug)]
pub struct Courier {
    config: Config,
    client_id: String,
    status_topic: Option<String>,
    traffic: Traffic,
    /// Numbers messages in the order they were taken from the errand.
    taken: u64,
    /// Messages of an earlier connection, oldest first.
    resend: VecDeque<Parcel>,
}

/// How a connection ended.
enum End {
    Done,
    Dropped(Duration),
    Lost(String),
}

/// What filling the window led to.
enum Filled {
    Wait(Option<Instant>),
    Drop(Duration),
    Done,
}

impl Courier {
    /// A client with this id; with a status topic it says `online` there (retained) and has
    /// `offline` as its will.
    pub fn new(config: Config, client_id: String, status_topic: Option<String>) -> Self {
        Self {
            config,
            client_id,
            status_topic,
            traffic: Traffic::default(),
            taken: 0,
            resend: VecDeque::new(),
        }
    }

    /// Runs an errand until it is done and all is acknowledged, or until `stop` turns true
    /// (then what is in flight has `drain_s_max` left). What it did is told in each case.
    pub async fn run(
        mut self,
        errand: &mut impl Errand,
        mut stop: watch::Receiver<bool>,
    ) -> (Traffic, Result<(), CourierError>) {
        let mut patience = Instant::now();
        let mut failures = 0_u32;
        loop {
            let acknowledged = self.traffic.acknowledged;
            let pause = match self.connection(errand, &mut stop).await {
                End::Done => return (self.traffic, Ok(())),
                End::Dropped(pause) => {
                    patience = Instant::now() + pause;
                    pause
                }
                End::Lost(reason) => {
                    if self.traffic.acknowledged > acknowledged {
                        patience = Instant::now();
                        failures = 0;
                    }
                    let seconds = patience.elapsed().as_secs();
                    if seconds >= self.config.give_up_s_max || *stop.borrow() {
                        let error = self.unreachable(seconds, reason);
                        return (self.traffic, Err(error));
                    }
                    failures += 1;
                    self.backoff(failures)
                }
            };
            tokio::select! {
                () = sleep(pause) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    }

    async fn connection(
        &mut self,
        errand: &mut impl Errand,
        stop: &mut watch::Receiver<bool>,
    ) -> End {
        let (sender, mut wheel) = link::open(&Introduction {
            address: self.config.address,
            client_id: &self.client_id,
            protocol: self.config.protocol,
            keep_alive: Duration::from_secs(self.config.keep_alive_s.into()),
            window: self.config.window,
            packet_bytes_max: self.config.packet_bytes_max,
            will_topic: self.status_topic.as_deref(),
        });
        let mut passage = Passage::new(sender, self.config.window);
        let end = self.carry(&mut passage, &mut wheel, errand, stop).await;
        match end {
            End::Done => {
                passage
                    .goodbye(&mut wheel, self.status_topic.as_deref())
                    .await
            }
            End::Dropped(_) | End::Lost(_) => self.keep(passage),
        }
        end
    }

    async fn carry(
        &mut self,
        passage: &mut Passage,
        wheel: &mut Wheel,
        errand: &mut impl Errand,
        stop: &mut watch::Receiver<bool>,
    ) -> End {
        let mut drain_until: Option<Instant> = None;
        loop {
            let mut turn = pin!(wheel.turn());
            // The turn is never cancelled: messages are handed over while it waits.
            let event = loop {
                if *stop.borrow() && drain_until.is_none() {
                    drain_until =
                        Some(Instant::now() + Duration::from_secs(self.config.drain_s_max));
                }
                let wait = match self.fill(passage, errand, drain_until.is_some()) {
                    Filled::Drop(pause) => return End::Dropped(pause),
                    Filled::Done => return End::Done,
                    Filled::Wait(until) => until,
                };
                let until = wait.into_iter().chain(drain_until).min();
                tokio::select! {
                    biased;
                    event = &mut turn => break event,
                    () = wake(until) => {
                        if drain_until.is_some_and(|end| Instant::now() >= end) {
                            return End::Lost("stopped before all was acknowledged".to_owned());
                        }
                    }
                    _ = stop.wait_for(|stop| *stop), if drain_until.is_none() => {}
                }
            };
            match event {
                Ok(event) => self.note(passage, errand, event),
                Err(reason) => return End::Lost(reason),
            }
        }
    }

    /// Hands messages to the link while the window has room.
    fn fill(&mut self, passage: &mut Passage, errand: &mut impl Errand, draining: bool) -> Filled {
        if !passage.connected {
            return Filled::Wait(None);
        }
        while passage.outstanding() < usize::from(self.config.window) {
            if let Some(parcel) = self.resend.pop_front() {
                passage.hand(parcel);
                continue;
            }
            let next = if draining {
                Next::Done
            } else {
                errand.next(Instant::now())
            };
            match next {
                Next::Send(message) => {
                    self.taken += 1;
                    passage.hand(Parcel {
                        message: Some(message),
                        order: self.taken,
                        written: None,
                    });
                }
                Next::At(until) => return Filled::Wait(Some(until)),
                Next::Drop(pause) => return Filled::Drop(pause),
                Next::Done if passage.outstanding() == 0 => return Filled::Done,
                Next::Done => return Filled::Wait(None),
            }
        }
        Filled::Wait(None)
    }

    fn note(&mut self, passage: &mut Passage, errand: &mut impl Errand, event: Event) {
        match event {
            Event::Connected => {
                passage.connected = true;
                self.traffic.connections += 1;
                if let Some(topic) = &self.status_topic {
                    passage.greet(topic);
                }
            }
            Event::Written(id) => {
                let Some(parcel) = passage.written(id) else {
                    return;
                };
                match (&parcel.message, parcel.written) {
                    (Some(message), Some(_)) => {
                        self.traffic.resent += 1;
                        errand.written_again(message.token);
                    }
                    (Some(_), None) => self.traffic.sent += 1,
                    (None, _) => {}
                }
                parcel.written.get_or_insert_with(Instant::now);
            }
            Event::Acknowledged(id) => {
                if let Some((message, written)) = passage.arrived(id) {
                    self.traffic.acknowledged += 1;
                    self.traffic.latency.record(written.elapsed());
                    errand.acknowledged(message.token);
                }
            }
            Event::Refused(id, reason) => {
                if let Some((message, _)) = passage.arrived(id) {
                    self.traffic.refused += 1;
                    errand.refused(message.token, &reason);
                }
            }
            Event::Other => {}
        }
    }

    /// Takes back what a lost connection still held, in the order it was taken.
    fn keep(&mut self, passage: Passage) {
        let mut kept: Vec<Parcel> = passage
            .into_messages()
            .chain(self.resend.drain(..))
            .collect();
        kept.sort_unstable_by_key(|parcel| parcel.order);
        self.resend = kept.into();
    }

    fn backoff(&self, failures: u32) -> Duration {
        let ceiling = 50_u64
            .saturating_mul(1 << failures.min(16))
            .min(self.config.backoff_ms_max);
        let seed = noise::hash_name(self.config.seed, &self.client_id);
        let part = 0.5 + 0.5 * noise::unit(seed, &[i64::from(failures)]);
        Duration::from_secs_f64(ceiling as f64 / 1e3 * part)
    }

    fn unreachable(&self, seconds: u64, reason: String) -> CourierError {
        CourierError::Unreachable {
            client: self.client_id.clone(),
            address: self.config.address,
            seconds,
            reason,
        }
    }
}

async fn wake(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}
